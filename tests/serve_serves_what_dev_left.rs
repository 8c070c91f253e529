//! `verilane serve` runs the main job without anything that is for developers only, on a folder and
//! keyring that it did not make.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use harness::{Launch, Stage};
use verilane_api::v1::{ListConnectionsRequest, State};

#[tokio::test]
async fn serve_runs_the_main_job_and_reads_what_is_there() {
    let stage = Stage::new().await;
    let server = stage.start();
    let before = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
    server.events_until_final(&before.id).await;
    let read = server.read_claims(&before.id).await.unwrap();
    assert!(server.terminate().await.success());

    let server = stage.start_as(Launch::serve());
    assert_eq!(server.get(&before.id).await.state(), State::Verified);
    let again = server.read_claims(&before.id).await.unwrap();
    assert_eq!(again.claims, read.claims);

    let now = server.create(&stage.user("partial"), &["SH_EMAIL"]).await;
    let events = server.events_until_final(&now.id).await;
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    let answer = server
        .connections()
        .list_connections(ListConnectionsRequest {})
        .await;
    assert_eq!(answer.unwrap().into_inner().connections.len(), 1);
    assert!(server.terminate().await.success());

    let logs = stage.logs();
    for said in ["plain http", "an address that is not public"] {
        assert!(logs.contains(said), "{said} in {logs}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_keyring_that_is_not_the_stores_own_is_refused_at_start() {
    let stage = Stage::new().await;
    let server = stage.start();
    server.create(&stage.user("ignores"), &["SH_EMAIL"]).await;
    assert!(server.terminate().await.success());

    let binary = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verilane"));
        command.env_clear();
        command
    };
    let foreign = stage.folder().join("foreign.json");
    let made = binary()
        .args(["keyring", "generate"])
        .arg(&foreign)
        .output();
    assert!(made.unwrap().status.success());
    // The same keys, but nothing would be found with it.
    let own = std::fs::read_to_string(stage.data_folder().join("keyring.json")).unwrap();
    let mut ring: serde_json::Value = serde_json::from_str(&own).unwrap();
    ring["index_key"] = "00".repeat(32).into();
    let blind = stage.folder().join("blind.json");
    std::fs::write(&blind, ring.to_string()).unwrap();
    std::fs::set_permissions(&blind, Permissions::from_mode(0o600)).unwrap();

    for keyring in [foreign, blind] {
        let refused = binary()
            .args(["serve", "--config"])
            .arg(stage.folder().join("serve.toml"))
            .env("VERILANE__VAULT__KEYRING_FILE", keyring)
            .env("VERILANE__GRPC__LISTEN", "127.0.0.1:0")
            .env("VERILANE__INGRESS__LISTEN", "127.0.0.1:0")
            .env("VERILANE__INGRESS__PUBLIC_URL", "https://verilane.example")
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains("the keyring is not the one of this store"),
            "{said}"
        );
    }
    stage.end().await;
}
