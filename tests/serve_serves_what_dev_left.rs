//! `verilane serve` runs the main job without anything that is for developers only, on a folder and
//! keyring that it did not make.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

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
