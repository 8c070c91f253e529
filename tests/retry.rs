//! Several attempts against a real connector: a user who comes late, news that comes late, a second
//! request for what is open, and what a cancelled verification left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::Duration;

use harness::{BEGINNING, LIMIT, NOW, Server, Stage, Wish, create_request, refusal, waiting};
use tonic::{Code, Status};
use verilane_api::v1::{
    AccessContext, CreateVerificationResponse, Event, EventType, QrOrLink,
    RetryVerificationRequest, State, Verification, WatchEnd, action,
};
use verilane_sandbox::{AnswerFault, AnswerTrouble, Endpoint, Finish, SandboxConfig, Scenario};

const FIELD: &str = "SH_Passport_DOB";
/// Longer than any action lives.
const LONG: Duration = Duration::from_secs(20 * 60);
const STEP: Duration = Duration::from_secs(60);
/// The sandbox's users with a role come before those who wait.
const ROLES: usize = 4;

/// Asks for a field of a user who waits, in so many attempts.
async fn create(stage: &Stage, server: &Server, attempts: u32) -> CreateVerificationResponse {
    let user = stage.sandbox.users()[ROLES].clone();
    let mut request = create_request(&user, &[FIELD]);
    request.max_attempts = attempts;
    let answer = server.verifications().create_verification(request).await;
    answer.unwrap().into_inner()
}

async fn retry(server: &Server, id: &str, request_id: &str) -> Result<Verification, Status> {
    let request = RetryVerificationRequest {
        verification_id: id.to_owned(),
        request_id: request_id.to_owned(),
        access_context: Some(AccessContext {
            purpose: "black-box-test".to_owned(),
            ..AccessContext::default()
        }),
        ..RetryVerificationRequest::default()
    };
    let answer = server.verifications().retry_verification(request).await?;
    Ok(answer.into_inner().verification.unwrap())
}

fn action(verification: &Verification) -> QrOrLink {
    let newest = verification.attempts.last().unwrap();
    let action = newest.action.clone().expect("there is something to show");
    let Some(action::Kind::QrOrLink(action)) = action.kind else {
        panic!("a code or a link");
    };
    action
}

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(Event::r#type).collect()
}

/// Lets the newest attempt's action expire, and waits until that is told.
async fn expire(stage: &Stage, server: &Server, id: &str) {
    let known = server.log_of(id).await.len();
    stage.clock.advance(LONG);
    let mut watch = server.watch(Wish::one(id, BEGINNING)).await;
    for _ in 0..known {
        watch.event().await;
    }
    assert_eq!(watch.event().await.state_after(), State::Expired);
}

#[tokio::test]
async fn a_user_who_comes_late_gets_a_new_code_and_can_still_be_verified() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let made = create(&stage, &server, 2).await.verification.unwrap();
    let early = retry(&server, &made.id, "early").await.unwrap_err();
    let expected = (Code::FailedPrecondition, "NOT_RETRYABLE".to_owned());
    assert_eq!(refusal(&early), expected);

    expire(&stage, &server, &made.id).await;
    assert!(server.get(&made.id).await.retryable);
    let again = retry(&server, &made.id, "r").await.unwrap();
    assert_eq!((again.state(), again.retryable), (State::Pending, false));
    assert_ne!(action(&again).link, action(&made).link);
    assert!(!action(&again).qr_png.is_empty());
    let repeat = retry(&server, &made.id, "r").await.unwrap();
    assert_eq!(repeat.attempts, again.attempts);

    stage.accept(0);
    let watch = Wish::one(&made.id, BEGINNING).until(WatchEnd::Final);
    let (events, status) = server.watch(watch).await.rest().await;
    assert!(status.is_none(), "{status:?}");
    let begin = [
        EventType::Created,
        EventType::ActionAvailable,
        EventType::Expired,
        EventType::AttemptStarted,
        EventType::ActionAvailable,
    ];
    assert_eq!(types(&events)[..begin.len()], begin);
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    assert_eq!(server.read_claims(&made.id).await.unwrap().claims.len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_late_success_counts_although_a_new_attempt_was_asked_for_meanwhile() {
    let tells_no_history = |config: &mut SandboxConfig| {
        waiting(1)(config);
        config.scenario.answers.push(AnswerFault {
            endpoint: Some(Endpoint::AllStatuses),
            ..AnswerFault::always(AnswerTrouble::http(429))
        });
    };
    let stage = Stage::with(tells_no_history, "").await;
    let server = stage.start();
    let made = create(&stage, &server, 3).await.verification.unwrap();
    // The user accepts in time, but we neither hear of it before we give up nor are told.
    stage.sandbox.hold(None).unwrap();
    stage.accept(0);
    expire(&stage, &server, &made.id).await;
    // The connector works on what he accepted, and takes no other request.
    let refused = retry(&server, &made.id, "r").await.unwrap_err();
    let expected = (Code::FailedPrecondition, "REQUEST_ALREADY_OPEN".to_owned());
    assert_eq!(refusal(&refused), expected);
    let again = retry(&server, &made.id, "r").await.unwrap_err();
    assert_eq!(refusal(&again), expected, "a repeat is told the same");
    assert_eq!(server.get(&made.id).await.attempts.len(), 2);

    stage.sandbox.release(None).unwrap();
    while server.get(&made.id).await.state() != State::Verified {
        stage.sandbox.idle(LIMIT).await.unwrap();
        stage.clock.advance(STEP);
    }
    let events = server.log_of(&made.id).await;
    let success = events
        .iter()
        .find(|event| event.state_after() == State::Verified);
    let success = success.unwrap();
    assert_eq!(
        (success.r#type(), success.attempt),
        (EventType::DataReceived, 1)
    );
    assert!(success.late);
    let row = server.get(&made.id).await;
    assert_eq!(row.attempts[1].state(), State::Failed);
    assert!(!row.retryable);
    assert_eq!(server.read_claims(&made.id).await.unwrap().claims.len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_late_success_withdraws_what_the_user_of_a_new_attempt_had_to_do() {
    let late_data = |config: &mut SandboxConfig| {
        waiting(1)(config);
        // No status comes through and no history is told; the first try of the data breaks off, and
        // the next comes while the second attempt is open. The connector is done by then.
        config.scenario = Scenario::named("ignore+drop-all-statuses+half-callbacks").unwrap();
        config.scenario.finish = Finish::AfterFirstTry;
        config.scenario.answers.push(AnswerFault {
            endpoint: Some(Endpoint::AllStatuses),
            ..AnswerFault::always(AnswerTrouble::http(429))
        });
        config.callback_topics = vec![25; 3];
    };
    let stage = Stage::with(late_data, "").await;
    let server = stage.start();
    let made = create(&stage, &server, 2).await.verification.unwrap();
    stage.accept(0);
    let request = stage.sandbox.requests(None).unwrap().remove(0).id;
    let reached = stage
        .sandbox
        .reached(&request, verilane_sandbox::Status::FinishSuccess, LIMIT);
    reached.await.unwrap();
    expire(&stage, &server, &made.id).await;
    let again = retry(&server, &made.id, "r").await.unwrap();
    assert_eq!(again.attempts[1].state(), State::Pending);
    assert_ne!(action(&again).link, action(&made).link);
    let watch = Wish::one(&made.id, NOW).until(WatchEnd::Final);
    let mut watch = server.watch(watch).await;

    stage.clock.advance(6 * STEP);
    let (events, status) = watch.rest().await;
    assert!(status.is_none(), "{status:?}");
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.r#type(), event.attempt, event.state_after()))
        .collect();
    let expected = [
        (EventType::DataReceived, 1, State::Verified),
        (EventType::ActionWithdrawn, 2, State::Verified),
    ];
    assert_eq!(told, expected);
    assert!(events[0].late);
    let row = server.get(&made.id).await;
    let withdrawn = &row.attempts[1];
    assert_eq!(withdrawn.state(), State::Expired);
    assert_eq!(withdrawn.reason, "ACTION_WITHDRAWN");
    assert!(withdrawn.action.is_none());
    assert_eq!(server.read_claims(&made.id).await.unwrap().claims.len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_second_request_for_what_is_open_is_answered_the_same_verification() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let made = create(&stage, &server, 1).await;
    let joined = create(&stage, &server, 1).await;
    assert_eq!((made.joined, joined.joined), (false, true));
    assert_eq!(joined.verification, made.verification);
    stage.end().await;
}

#[tokio::test]
async fn what_a_cancelled_verification_left_at_the_connector_is_taken_over() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let made = create(&stage, &server, 1).await.verification.unwrap();
    server.cancel(&made.id).await;
    stage.clock.advance(STEP);
    let taken = create(&stage, &server, 1).await;
    assert!(!taken.joined);
    let taken = taken.verification.unwrap();
    assert_ne!(taken.id, made.id);
    assert_eq!(action(&taken).link, action(&made).link);
    assert_eq!(action(&taken).expire_time, action(&made).expire_time);
    stage.accept(0);
    let events = server.events_until_final(&taken.id).await;
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    assert_eq!(server.get(&made.id).await.state(), State::Cancelled);
    stage.end().await;
}
