//! What callbacks lose is found in the connector's history: every transition becomes an event, once,
//! in the connector's order, also over a kill; and a status that comes too late is answered with 200
//! once it stands there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::Duration;

use harness::{BEGINNING, LIMIT, Server, Stage, Wish, is_finished, waiting};
use verilane_api::v1::{Assurance, Capability, Event, ListConnectionsRequest, State};
use verilane_sandbox::{CallbackFault, CallbackKind, CallbackTrouble, SandboxConfig, Status};

/// The words of a run that succeeds, as the connector notes them.
const RUN: [&str; 10] = [
    "ACCEPTED",
    "INITIATE_SUBMITTED",
    "INITIATED",
    "KYC_RECEIVED",
    "VALIDITY_CHECK",
    "VALIDITY_SUCCEED",
    "CONFIRM_SUBMITTED",
    "CONFIRMED",
    "CALLBACK_SUCCEED",
    "FINISH_SUCCESS",
];

/// One user, who accepts when told to, and whose status callbacks have such trouble.
fn troubled(does: CallbackTrouble) -> impl FnOnce(&mut SandboxConfig) {
    move |config| {
        waiting(1)(config);
        config.scenario.faults.callbacks = vec![CallbackFault {
            kind: Some(CallbackKind::Status),
            ..CallbackFault::every(does)
        }];
    }
}

/// What the provider said, in the order of the events that tell of it.
fn words(events: &[Event]) -> Vec<&str> {
    let words = events.iter().map(|event| event.provider_status.as_str());
    words.filter(|word| !word.is_empty()).collect()
}

/// The whole run stands in order, each word once, and no revision is missing.
fn check(events: &[Event]) {
    assert_eq!(words(events), RUN);
    let revisions: Vec<_> = events.iter().map(|event| event.revision).collect();
    let expected: Vec<_> = (1..=events.len() as u64).collect();
    assert_eq!(revisions, expected);
    let seconds = events.iter().filter_map(|event| event.provider_time);
    let seconds: Vec<_> = seconds.map(|time| time.seconds).collect();
    assert!(seconds.len() >= 10, "each has the provider's own time");
}

fn assurances(events: &[Event], wanted: impl Fn(&Event) -> bool) -> Vec<Assurance> {
    let wanted = events.iter().filter(|event| wanted(event));
    wanted.map(Event::assurance).collect()
}

fn is_status(event: &Event) -> bool {
    !event.provider_status.is_empty()
}

/// Lets the user accept, and waits until the connector has come to a status.
async fn run_to(stage: &Stage, status: Status) {
    stage.accept(0);
    let request = stage.sandbox.requests(None).unwrap().remove(0).id;
    stage
        .sandbox
        .reached(&request, status, LIMIT)
        .await
        .unwrap();
}

async fn events_until_finished(server: &Server, id: &str) -> Vec<Event> {
    let mut watch = server.watch(Wish::one(id, BEGINNING)).await;
    watch.until(is_finished).await
}

#[tokio::test]
async fn if_every_status_callback_is_lost_each_transition_is_pulled_in_order() {
    let stage = Stage::with(troubled(CallbackTrouble::Lost), "").await;
    let server = stage.start();
    let connections = server
        .connections()
        .list_connections(ListConnectionsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .connections;
    let capabilities: Vec<_> = connections[0].capabilities().collect();
    assert!(capabilities.contains(&Capability::History));
    assert!(connections[0].history_complete);
    assert_eq!(connections[0].poll_interval.unwrap().seconds, 60);

    let created = server.create_for(&stage, 0..1).await.remove(0);
    run_to(&stage, Status::FinishSuccess).await;
    let verified = server.events_until_verified(&created.id).await;
    assert_eq!(words(&verified), [""; 0]);
    stage.clock.advance(Duration::from_secs(61));
    let events = events_until_finished(&server, &created.id).await;
    check(&events);
    let pulled = assurances(&events, is_status);
    assert!(pulled.iter().all(|how| *how == Assurance::Pulled));
    // The data alone came by itself, and alone could make it verified.
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    assert!(events.iter().any(|event| !event.tx_hash.is_empty()));
    stage.end().await;
}

#[tokio::test]
async fn what_was_missed_while_the_binary_was_dead_is_pulled_when_it_starts_and_told_once() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..1).await.remove(0);
    stage.sandbox.hold(None).unwrap();
    server.kill();
    run_to(&stage, Status::Confirmed).await;

    let server = stage.start();
    let mut watch = server.watch(Wish::one(&created.id, BEGINNING)).await;
    let pulled = watch
        .until(|event| event.provider_status == "CONFIRMED")
        .await;
    assert_eq!(words(&pulled), RUN[..8]);
    assert!(
        assurances(&pulled, is_status)
            .iter()
            .all(|how| *how == Assurance::Pulled)
    );
    // The callbacks come after all, and tell nothing twice.
    stage.sandbox.release(None).unwrap();
    let events = events_until_finished(&server, &created.id).await;
    check(&events);
    let signed = assurances(&events, |event| event.provider_status == "FINISH_SUCCESS");
    assert_eq!(signed, [Assurance::Signed]);
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    stage.end().await;
}

#[tokio::test]
async fn a_status_that_comes_past_its_deadline_is_taken_once_it_stands_in_the_history() {
    // Later than their deadline, and earlier than any poll.
    let late = CallbackTrouble::Late { seconds: 300 };
    let stage = Stage::with(
        troubled(late),
        "[engine]\npoll_interval = \"1d\"\npoll_interval_max = \"1d\"\n",
    )
    .await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..1).await.remove(0);
    run_to(&stage, Status::FinishSuccess).await;
    server.events_until_verified(&created.id).await;
    stage.clock.advance(Duration::from_secs(301));
    let events = events_until_finished(&server, &created.id).await;
    check(&events);
    let pulled = assurances(&events, is_status);
    assert!(pulled.iter().all(|how| *how == Assurance::Pulled));
    // Whichever came first had it pulled; then all are known.
    let idle = stage.sandbox.idle(LIMIT).await.unwrap();
    let sent = stage.sandbox.deliveries(0, None);
    let statuses: Vec<_> = sent
        .iter()
        .filter(|delivery| delivery.kind == CallbackKind::Status)
        .collect();
    assert_eq!(statuses.len(), 10, "{idle:?}");
    assert!(
        statuses.iter().all(|delivery| delivery.was_taken()),
        "{statuses:?}"
    );
    stage.end().await;
}

impl Server {
    /// The events up to the one that makes a verification verified.
    async fn events_until_verified(&self, id: &str) -> Vec<Event> {
        let mut watch = self.watch(Wish::one(id, BEGINNING)).await;
        watch
            .until(|event| event.state_after() == State::Verified)
            .await
    }
}
