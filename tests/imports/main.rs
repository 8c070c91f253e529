//! `verilane corepass import`: data that no callback brought, or none that could be believed, counts
//! for its signature or for the connector's confirmation, and for nothing else; by the running
//! service, over a socket that is its owner's alone, or by the command itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod command;
#[path = "../harness/mod.rs"]
mod harness;
mod refusals;
mod socket;

use std::time::Duration;

use command::Import;
use harness::{LIMIT, Raw, Server, Stage, exchange};
use verilane_api::v1::{Assurance, Claim, Event, EventType, State};
use verilane_sandbox::{CallbackUnit, DataDelivery, SandboxUser, Scenario, Status};

const FIELD: &str = "SH_Passport_DOB";
const PICTURE: &str = "SH_Passport_FaceImage";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A stage on which this happens.
async fn stage(scenario: &str) -> Stage {
    let scenario = Scenario::named(scenario).unwrap();
    let change = |config: &mut verilane_sandbox::SandboxConfig| {
        config.scenario = scenario;
        config.callback_topics = vec![1];
        config.callback_unit = CallbackUnit::Second;
    };
    Stage::with(change, "").await
}

/// A verification whose data the connector holds back: the verification's id and the request's.
async fn held_back(
    stage: &Stage,
    server: &Server,
    user: &SandboxUser,
    fields: &[&str],
) -> (String, String) {
    stage.sandbox.hold(None).unwrap();
    let created = server.create(user, fields).await;
    let requests = stage.sandbox.requests(Some(&user.core_id)).unwrap();
    let request = requests.iter().find(|request| request.items == fields);
    let request = request.unwrap().id.clone();
    let reached = stage.sandbox.reached(&request, Status::Confirmed, LIMIT);
    reached.await.unwrap();
    (created.id, request)
}

/// A verification with a message in quarantine.
async fn quarantined(stage: &Stage, server: &Server, user: &SandboxUser) -> String {
    let (id, request) = held_back(stage, server, user, &[FIELD]).await;
    let unsigned = stage.sandbox.export(&request, false).unwrap();
    let url = stage.callback_urls(user).data;
    assert_eq!(exchange(&Raw::json(&url, &unsigned)).await.code, 401);
    let log = server.log_of(&id).await;
    assert!(log.iter().any(|e| e.r#type() == EventType::DataQuarantined));
    id
}

fn is_imported(claim: &Claim) -> bool {
    claim.provenance.as_ref().unwrap().imported
}

/// What was decided about a verification, whatever its provider's history tells meanwhile.
async fn decided(server: &Server, id: &str) -> Vec<Event> {
    let mut log = server.log_of(id).await;
    log.retain(|event| event.r#type() != EventType::ProviderStatus);
    log
}

#[tokio::test]
async fn a_quarantined_message_that_the_connector_confirms_counts_once_and_survives_a_kill() {
    let stage = stage("valid").await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = quarantined(&stage, &server, &user).await;
    let import = || Import::of(&stage, &id).quarantined();
    assert_eq!(
        import().done(&id).await,
        "verdict=ACCEPTED assurance=PULLED"
    );
    // What was acknowledged is durable.
    server.kill();
    let server = stage.start();
    assert_eq!(server.get(&id).await.state(), State::Verified);
    let log = decided(&server, &id).await;
    let imported = log.iter().filter(|e| e.r#type() == EventType::DataImported);
    let imported: Vec<_> = imported.collect();
    assert_eq!(imported.len(), 1);
    assert_eq!(imported[0].assurance(), Assurance::Pulled);
    let read = server.read_claims(&id).await.unwrap();
    assert_eq!(read.claims.len(), 1);
    assert_eq!(read.claims[0].assurance(), Assurance::Pulled);
    assert!(is_imported(&read.claims[0]));
    let value = user.value(FIELD).unwrap();
    assert_eq!(read.claims[0].raw_value, value);

    let newest = import().words(&["--attempt", "1"]);
    assert_eq!(
        newest.done(&id).await,
        "verdict=REPEATED assurance=UNSPECIFIED"
    );
    assert_eq!(decided(&server, &id).await, log);
    assert!(!stage.logs().contains(&value));
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn one_that_it_does_not_confirm_changes_nothing_with_a_service_or_without() {
    let stage = stage("revoked").await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = quarantined(&stage, &server, &user).await;
    let before = decided(&server, &id).await;
    let import = || Import::of(&stage, &id).quarantined();
    let said = import().refused().await;
    assert!(said.starts_with("IMPORT_NOT_CONFIRMED: "), "{said}");
    assert!(said.contains(&format!(" fields={FIELD}")), "{said}");
    assert!(server.terminate().await.success());
    assert_eq!(import().refused().await, said);

    let server = stage.start();
    assert_eq!(decided(&server, &id).await, before);
    assert_ne!(server.get(&id).await.state(), State::Verified);
    assert!(server.read_claims(&id).await.is_err());
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn what_the_connector_gave_up_is_imported_by_the_running_service() {
    let stage = stage("gives-up").await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = server.create(&user, &[FIELD, PICTURE]).await.id;
    let mut export = given_up(&stage, &user).await;
    // So long that it goes in several messages, and the same JSON as before.
    export.resize(export.len() + 200_000, b'\n');
    let said = Import::of(&stage, &id).file(&export).done(&id).await;
    assert_eq!(said, "verdict=ACCEPTED assurance=SIGNED");
    assert_eq!(server.get(&id).await.state(), State::Verified);
    let read = server.read_claims(&id).await.unwrap();
    assert_eq!(read.claims.len(), 2);
    assert!(read.claims.iter().all(is_imported));
    assert_eq!(read.evidence.len(), 1);

    let log = decided(&server, &id).await;
    let again = Import::of(&stage, &id).stdin(&export).done(&id).await;
    assert_eq!(again, "verdict=REPEATED assurance=SIGNED");
    assert_eq!(decided(&server, &id).await, log);
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn without_a_service_the_command_takes_the_folder_and_may_die_at_any_commit() {
    let stage = stage("gives-up").await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = server.create(&user, &[FIELD]).await.id;
    let export = given_up(&stage, &user).await;
    assert!(server.terminate().await.success());
    stage.clock.advance(40 * DAY);

    let import = || Import::of(&stage, &id).file(&export);
    for point in ["before-commit", "after-commit"] {
        let killed = import().with("VERILANE__DEV__CRASH_AT", point).run().await;
        assert_eq!((killed.signal, killed.out.as_str()), (Some(9), ""));
    }
    // Neither its lock nor its socket is in the way, and the second one had made it durable.
    let again = import().done(&id).await;
    assert_eq!(again, "verdict=REPEATED assurance=SIGNED");

    let server = stage.start();
    let verified = server.get(&id).await;
    assert_eq!(verified.state(), State::Verified);
    let log = decided(&server, &id).await;
    let imported = log.iter().filter(|e| e.r#type() == EventType::DataImported);
    let imported: Vec<_> = imported.collect();
    assert_eq!(imported.len(), 1);
    assert!(imported[0].late);
    let read = server.read_claims(&id).await.unwrap();
    assert_eq!(read.claims[0].raw_value, user.value(FIELD).unwrap());
    assert!(server.terminate().await.success());
    stage.end().await;
}

/// The signed export of what the connector keeps, since no try of its data got through.
async fn given_up(stage: &Stage, user: &SandboxUser) -> Vec<u8> {
    stage.sandbox.finished(LIMIT).await.unwrap();
    let requests = stage.sandbox.requests(Some(&user.core_id)).unwrap();
    assert_eq!(requests[0].data, DataDelivery::GivenUp);
    stage
        .sandbox
        .export(&requests[0].id, true)
        .unwrap()
        .to_vec()
}
