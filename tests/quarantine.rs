//! Data that is right in everything but its signature is refused, and one message is kept: with an
//! event, and with nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{LIMIT, Raw, Stage, exchange};
use verilane_api::v1::{Assurance, EventType, State};
use verilane_sandbox::Status;

const FIELD: &str = "SH_Passport_DOB";

#[tokio::test]
async fn one_unsigned_message_is_kept_and_moves_nothing_until_the_genuine_one_comes() {
    let stage = Stage::new().await;
    let server = stage.start();
    stage.sandbox.hold(None).unwrap();
    let user = stage.user("accepts");
    let created = server.create(&user, &[FIELD]).await;
    let request = stage
        .sandbox
        .requests(Some(&user.core_id))
        .unwrap()
        .remove(0);
    let reached = stage.sandbox.reached(&request.id, Status::Confirmed, LIMIT);
    reached.await.unwrap();
    let unsigned = stage.sandbox.export(&request.id, false).unwrap();
    let urls = stage.callback_urls(&user);
    let value = user.value(FIELD).unwrap();
    let other = String::from_utf8(unsigned.to_vec()).unwrap();
    let other = other.replace(&value, "1900-01-01");

    // Else the connector's history would be fetched, and tell of what it has done meanwhile.
    stage.sandbox.go_down(None);
    let before = server.log_of(&created.id).await;
    for body in [&unsigned[..], &unsigned[..], other.as_bytes()] {
        let answer = exchange(&Raw::json(&urls.data, body)).await;
        assert_eq!((answer.code, answer.reason()), (401, "CALLBACK_UNSIGNED"));
        let log = server.log_of(&created.id).await;
        assert_eq!(
            log.len(),
            before.len() + 1,
            "one event, whatever comes again"
        );
        let event = log.last().unwrap();
        assert_eq!(event.r#type(), EventType::DataQuarantined);
        assert_eq!(event.assurance(), Assurance::Local);
        assert!(!event.applied);
        assert_eq!(event.state_after(), State::Pending);
    }
    assert_eq!(server.get(&created.id).await.state(), State::Pending);
    assert!(server.read_claims(&created.id).await.is_err());
    assert!(!stage.logs().contains(&value));

    // It outlives a restart, and nobody is in the way of what is genuine.
    server.terminate().await;
    stage.sandbox.come_up();
    let server = stage.start();
    stage.sandbox.release(None).unwrap();
    server.events_until_final(&created.id).await;
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    stage.sandbox.finished(LIMIT).await.unwrap();

    // What is verified waits for nothing.
    let log = server.log_of(&created.id).await;
    let late = exchange(&Raw::json(&urls.data, &unsigned)).await;
    assert_eq!(late.code, 401);
    assert_eq!(server.log_of(&created.id).await, log);
    server.terminate().await;
    stage.end().await;
}
