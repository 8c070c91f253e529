//! What a user shares with a Civic Pass is pulled, reviewed and told to Civic, over both generations of
//! its partner API: the real binary, against the sandbox's Civic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod hostile_names;
mod large_evidence;
mod pictures;

use std::time::Duration;

use harness::civic::{
    JWT, OAUTH, PICTURE, WALLET, create, hand_over, review, stage, start, until, widget,
};
use harness::{Stage, refusal};
use sha2::Digest as _;
use tonic::Code;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    Capability, Decision, Event, EventType, GatewayWidget, ListConnectionsRequest, StartPoint,
    State, WatchEnd, action,
};
use verilane_sandbox::{PiiRequestView, Turn, TurnOrigin};

/// A little more than the pace of looks, which spreads them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(4_000);

/// How many decisions Civic has taken about a request.
fn decisions(stage: &Stage, request: &PiiRequestView) -> usize {
    let now = stage.sandbox.civic_pass().request(&request.id).unwrap();
    let turns = now.turns.iter();
    turns
        .filter(|turn| turn.origin == TurnOrigin::Partner)
        .count()
}

#[tokio::test]
async fn what_a_user_shares_is_pulled_and_reviewed_in_either_generation() {
    let stage = stage("ready").await;
    let server = start(&stage);
    for (connection, url_id, decision, ends_as) in [
        (OAUTH, false, Decision::Approve, State::Verified),
        (OAUTH, true, Decision::Reject, State::Rejected),
        (JWT, false, Decision::Reject, State::Rejected),
        (JWT, true, Decision::Approve, State::Verified),
    ] {
        let created = create(&server, connection, WALLET).await;
        let shown = created.attempts[0].action.as_ref().unwrap().kind.as_ref();
        let Some(action::Kind::GatewayWidget(GatewayWidget { partner_id, .. })) = shown else {
            panic!("{shown:?}");
        };
        assert_eq!(*partner_id, stage.sandbox.civic_pass().partner().partner_id);

        let request = widget(&stage, url_id);
        let brought = &request.presentation_request_id;
        hand_over(&server, &created.id, brought).await.unwrap();
        until(&server, &created.id, State::InReview).await;
        let read = server.read_claims(&created.id).await.unwrap();
        let told = &request.verified_information;
        for (field, told) in [("email", &told["email"]), ("name", &told["name"])] {
            let of_field = |claim: &&verilane_api::v1::Claim| {
                claim.provenance.as_ref().unwrap().provider_field == field
            };
            let claim = read.claims.iter().find(of_field).unwrap();
            assert_eq!(claim.raw_value, told.as_str().unwrap());
        }
        let picture = stage.sandbox.civic_pass().evidence(&request.id, PICTURE);
        let evidence = read
            .evidence
            .iter()
            .find(|one| one.provider_field == PICTURE);
        let digest = sha2::Sha256::digest(picture.unwrap());
        assert_eq!(evidence.unwrap().sha256[..], digest[..]);

        review(&server, &created.id, decision).await;
        until(&server, &created.id, ends_as).await;
        assert_eq!(
            decisions(&stage, &request),
            usize::from(connection == OAUTH)
        );
        let answer = stage.sandbox.civic_pass().request(&request.id).unwrap();
        let word = match (connection, decision) {
            (OAUTH, Decision::Approve) => "partner-pass",
            (OAUTH, _) => "partner-fail",
            _ => "verification-success",
        };
        assert_eq!(answer.status, word);
    }
    stage.end().await;
}

#[tokio::test]
async fn what_civic_says_is_followed_look_by_look_and_somebody_else_s_decision_counts() {
    let stage = stage("by-hand").await;
    let server = start(&stage);
    for (connection, word, ends_as, reason) in [
        (OAUTH, "partner-pass", State::Verified, ""),
        (JWT, "partner-fail", State::Rejected, "REVIEW_REJECTED"),
    ] {
        let created = create(&server, connection, WALLET).await;
        let request = widget(&stage, false);
        let turn = |turn: Turn| {
            let civic = stage.sandbox.civic_pass();
            civic.turn(&request.id, turn).unwrap();
        };
        turn(Turn::to("user-acknowledged"));
        hand_over(&server, &created.id, &request.presentation_request_id)
            .await
            .unwrap();
        until(&server, &created.id, State::Processing).await;
        // Each look comes in its time and shows what has changed since the one before.
        turn(Turn {
            collection_status: Some("documents-collected".to_owned()),
            ..Turn::default()
        });
        stage.clock.advance(BETWEEN_LOOKS);
        let start = Start::StartPoint(StartPoint::Beginning.into());
        let moved = |event: &Event| event.r#type() == EventType::ProviderProgress;
        let (events, _) = server
            .follow(&created.id, start, WatchEnd::Never, moved)
            .await;
        let progress = &events.last().unwrap().provider_progress;
        assert_eq!(progress, "documents-collected");
        turn(Turn::to("verification-success"));
        stage.clock.advance(BETWEEN_LOOKS);
        until(&server, &created.id, State::InReview).await;
        turn(Turn::to(word));
        stage.clock.advance(BETWEEN_LOOKS);
        let events = until(&server, &created.id, ends_as).await;
        let ended = server.get(&created.id).await;
        assert_eq!(
            (ended.reason.as_str(), ended.provider_status.as_str()),
            (reason, word)
        );
        let words = events
            .iter()
            .filter(|e| e.r#type() == EventType::ProviderStatus);
        let words: Vec<_> = words.map(|event| event.provider_status.as_str()).collect();
        assert_eq!(words, ["user-acknowledged", "verification-success", word]);
        assert_eq!(decisions(&stage, &request), 0);
    }
    stage.end().await;
}

#[tokio::test]
async fn another_user_s_request_ends_rejected_and_is_free_for_whom_it_belongs_to() {
    let stage = stage("ready").await;
    let server = start(&stage);
    for connection in [OAUTH, JWT] {
        let thief = create(
            &server,
            connection,
            "0x0000000000000000000000000000000000000001",
        )
        .await;
        let owner = create(&server, connection, WALLET).await;
        let request = widget(&stage, false);
        let brought = &request.presentation_request_id;
        hand_over(&server, &thief.id, brought).await.unwrap();
        until(&server, &thief.id, State::Rejected).await;
        let rejected = server.get(&thief.id).await;
        assert_eq!(rejected.reason, "SUBJECT_MISMATCH");
        assert!(server.read_claims(&thief.id).await.is_err());
        hand_over(&server, &owner.id, brought).await.unwrap();
        until(&server, &owner.id, State::InReview).await;
        let again = create(&server, connection, WALLET).await;
        let taken = hand_over(&server, &again.id, brought).await.unwrap_err();
        assert_eq!(
            refusal(&taken),
            (Code::AlreadyExists, "CONTINUATION_TAKEN".to_owned())
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_request_that_was_declined_before_it_named_anybody_is_free_for_whom_it_belongs_to() {
    let stage = stage("by-hand").await;
    let server = start(&stage);
    let stranger = "0x0000000000000000000000000000000000000001";
    let thief = create(&server, OAUTH, stranger).await;
    let owner = create(&server, OAUTH, WALLET).await;
    let request = widget(&stage, false);
    let turn = Turn::to("user-cancelled");
    stage.sandbox.civic_pass().turn(&request.id, turn).unwrap();
    let brought = &request.presentation_request_id;
    hand_over(&server, &thief.id, brought).await.unwrap();
    until(&server, &thief.id, State::Rejected).await;
    hand_over(&server, &owner.id, brought).await.unwrap();
    until(&server, &owner.id, State::Rejected).await;
    stage.end().await;
}

#[tokio::test]
async fn one_request_named_in_two_ways_belongs_to_one_verification() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let first = create(&server, JWT, WALLET).await;
    let second = create(&server, JWT, WALLET).await;
    let request = widget(&stage, true);
    assert_ne!(request.id, request.presentation_request_id);
    let brought = &request.presentation_request_id;
    hand_over(&server, &first.id, brought).await.unwrap();
    until(&server, &first.id, State::InReview).await;
    let taken = hand_over(&server, &second.id, &request.id)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&taken),
        (Code::AlreadyExists, "CONTINUATION_TAKEN".to_owned())
    );
    stage.end().await;
}

#[tokio::test]
async fn nothing_of_a_user_or_a_secret_is_written_to_the_log() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let mut requests = Vec::new();
    for connection in [OAUTH, JWT] {
        let created = create(&server, connection, WALLET).await;
        let request = widget(&stage, true);
        let brought = &request.presentation_request_id;
        hand_over(&server, &created.id, brought).await.unwrap();
        until(&server, &created.id, State::InReview).await;
        requests.push(request);
    }
    drop(server);
    let logs = stage.logs();
    assert!(!logs.is_empty());
    let partner = stage.sandbox.civic_pass().partner();
    assert!(!logs.contains(&partner.client_secret));
    for request in &requests {
        assert!(!logs.contains(&request.id));
        for (name, value) in &request.verified_information {
            let value = value.as_str().unwrap();
            let is_telling = value.len() > 3 && name != "documentType";
            assert!(!is_telling || !logs.contains(value), "{name}");
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_connection_says_what_it_can_do() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let answer = server
        .connections()
        .list_connections(ListConnectionsRequest::default())
        .await;
    let connections = answer.unwrap().into_inner().connections;
    for (name, has_review) in [(OAUTH, true), (JWT, false)] {
        let connection = connections.iter().find(|one| one.name == name).unwrap();
        let can: Vec<_> = connection.capabilities().collect();
        // As it is configured for this connection, and not for all.
        let interval = connection.poll_interval.as_ref().unwrap();
        assert_eq!((interval.seconds, interval.nanos), (3_600, 0));
        let longest = connection.poll_interval_max.as_ref().unwrap();
        assert_eq!((longest.seconds, longest.nanos), (86_400, 0));
        assert!(!connection.history_complete);
        assert!(can.contains(&Capability::Continue) && can.contains(&Capability::Evidence));
        assert_eq!(can.contains(&Capability::Review), has_review);
    }
    stage.end().await;
}
