//! Whatever the connector signs its data over, digests and writes it as: the binary takes it, the
//! person is verified, and the claims are the person's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{LIMIT, Stage};
use verilane_api::v1::{Event, EventType, State};
use verilane_sandbox::{CallbackKind, Scenario};

#[tokio::test]
async fn data_and_failures_in_each_encoding_digest_and_shape_are_taken() {
    let forms = [
        ("json", "sha256"),
        ("json-as-multipart", "without-expiration"),
        ("multipart-whole", "without-expiration+sha256"),
        ("multipart-whole", "go-struct"),
        ("scripted", "go-struct+sha256"),
    ];
    let users = u32::try_from(2 * forms.len()).unwrap();
    let stage = Stage::with(|config| config.load_users = users, "").await;
    let server = stage.start();
    let mut number = 4;
    for (shape, signing) in forms {
        for (course, state) in [
            ("accept", State::Verified),
            ("validity-fails", State::Failed),
        ] {
            let names = format!("{shape}+{signing}+{course}");
            let user = stage.user(&format!("load-{number}"));
            number += 1;
            let scenario = Scenario::named(&names);
            stage
                .sandbox
                .set_user_scenario(&user.name, scenario)
                .unwrap();
            let created = server.create(&user, &["SH_Passport_AML_Detail"]).await;
            stage.sandbox.finished(LIMIT).await.unwrap();
            assert_eq!(server.get(&created.id).await.state(), state, "{names}");
            let deliveries = stage.sandbox.deliveries(0, None).into_iter();
            let told: Vec<_> = deliveries
                .filter(|d| d.kind != CallbackKind::Status)
                .collect();
            assert!(told.last().unwrap().was_taken(), "{names}");
            let log = server.log_of(&created.id).await;
            let is_failure = |event: &Event| event.r#type() == EventType::FailureReported;
            assert_eq!(
                log.iter().any(is_failure),
                state == State::Failed,
                "{names}"
            );
            if state == State::Verified {
                let claims = server.read_claims(&created.id).await.unwrap().claims;
                assert_eq!(claims.len(), 1, "{names}");
            }
        }
    }
    drop(server);
    stage.end().await;
}
