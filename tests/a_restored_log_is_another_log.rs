//! `verilane store new-log-id`: subscribers of a restored store are told to start over.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::process::{Command, Output};

use harness::{Stage, refusal};
use tonic::Code;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{StartPoint, WatchEnd, WatchVerificationRequest};

fn new_log_id(stage: &Stage) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verilane"));
    command
        .env_clear()
        .args(["store", "new-log-id", "--data-dir"]);
    command.arg(stage.data_folder()).output().unwrap()
}

#[tokio::test]
async fn tokens_from_before_are_refused_and_every_event_is_still_there() {
    let stage = Stage::new().await;
    let server = stage.start();
    let made = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
    let begin = || Start::StartPoint(StartPoint::Beginning.into());
    let (before, token) = server
        .follow(&made.id, begin(), WatchEnd::Final, |_| false)
        .await;

    // Not while a service runs on it.
    let refused = new_log_id(&stage);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("another process"), "{said}");
    assert!(server.terminate().await.success());

    let done = new_log_id(&stage);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");

    let server = stage.start();
    let resumed = WatchVerificationRequest {
        verification_id: made.id.clone(),
        start: Some(Start::ResumeToken(token)),
        end: WatchEnd::Final.into(),
        heartbeat_interval: None,
    };
    let refused = server.verifications().watch_verification(resumed).await;
    assert_eq!(
        refusal(&refused.unwrap_err()),
        (Code::OutOfRange, "RESUME_TOKEN_UNKNOWN".to_owned())
    );
    let (after, _) = server
        .follow(&made.id, begin(), WatchEnd::Final, |_| false)
        .await;
    assert_eq!(after, before);
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[test]
fn a_folder_without_a_store_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_verilane"))
        .env_clear()
        .args(["store", "new-log-id", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("holds no store"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
