//! ListEvents, for callers that can't hold a stream: pages that join without a gap, of one
//! verification and of all that match, and the long poll.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::{Duration, Instant};

use harness::{BEGINNING, From, LIMIT, RUN, Server, Stage, Wish, is_finished, refusal, waiting};
use tonic::{Code, Status};
use verilane_api::v1::list_events_request::{Scope, Start};
use verilane_api::v1::{
    Event, EventFilter, ListEventsRequest, ListEventsResponse, StartPoint, State,
};

/// The longest wait that may be asked for, in seconds.
const LONGEST: i64 = 30;

fn one(id: &str) -> Scope {
    Scope::VerificationId(id.to_owned())
}

fn in_states(states: &[State]) -> Scope {
    Scope::Filter(EventFilter {
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..EventFilter::default()
    })
}

fn after(token: &str) -> Start {
    Start::ResumeToken(token.to_owned())
}

fn at(point: StartPoint) -> Start {
    Start::StartPoint(point.into())
}

/// The watch of the same.
fn watch(scope: &Scope, from: From) -> Wish {
    match scope {
        Scope::VerificationId(id) => Wish::one(id, from),
        Scope::Filter(filter) => Wish::matching(filter.clone(), from),
    }
}

async fn list(
    server: &Server,
    scope: &Scope,
    start: Start,
    page_size: u32,
    wait: i64,
) -> Result<ListEventsResponse, Status> {
    let request = ListEventsRequest {
        scope: Some(scope.clone()),
        start: Some(start),
        page_size,
        wait: (wait > 0).then_some(prost_types::Duration {
            seconds: wait,
            nanos: 0,
        }),
    };
    let mut client = server.verifications();
    let answer = tokio::time::timeout(LIMIT, client.list_events(request));
    let answer = answer.await.unwrap();
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn pages_of_any_size_join_to_the_whole_and_go_on_as_streams() {
    let stage = Stage::with(waiting(2), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..2).await;
    (0..2).for_each(|user| stage.accept(user));
    for verification in &created {
        let mut run = server.watch(Wish::one(&verification.id, BEGINNING)).await;
        run.until(is_finished).await;
    }
    let scopes = [
        (one(&created[0].id), RUN),
        (in_states(&[]), 2 * RUN),
        (in_states(&[State::Verified]), 6),
    ];
    for (scope, count) in scopes {
        let streamed = server
            .watch(watch(&scope, BEGINNING))
            .await
            .take(count)
            .await;
        for page_size in [1, 2, 5, 1_000] {
            let mut joined: Vec<Event> = Vec::new();
            let mut start = at(StartPoint::Beginning);
            loop {
                let page = list(&server, &scope, start, page_size, 0).await.unwrap();
                assert!(page.events.len() <= page_size as usize);
                assert_ne!(page.next_resume_token, "");
                if page.events.is_empty() {
                    break;
                }
                joined.extend(page.events);
                start = after(&page.next_resume_token);
                let from = From::Token(page.next_resume_token);
                let rest = count - joined.len();
                let mut stream = server.watch(watch(&scope, from)).await;
                assert_eq!(stream.take(rest).await, streamed[joined.len()..]);
                if !stream.token.is_empty() {
                    let none = list(&server, &scope, after(&stream.token), 1, 0).await;
                    assert_eq!(none.unwrap().events, []);
                }
            }
            assert_eq!(joined, streamed);
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_wait_is_over_as_soon_as_an_event_comes() {
    let stage = Stage::with(waiting(3), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..3).await;
    let cancelled = in_states(&[State::Cancelled]);
    for (verification, scope) in
        created
            .iter()
            .zip([one(&created[0].id), in_states(&[]), cancelled])
    {
        let page = list(&server, &scope, at(StartPoint::Now), 10, 0)
            .await
            .unwrap();
        assert_eq!(page.events, []);
        let began = Instant::now();
        let (page, ()) = tokio::join!(
            list(&server, &scope, after(&page.next_resume_token), 10, LONGEST),
            server.cancel(&verification.id)
        );
        let page = page.unwrap();
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(page.events, [server.log().await.pop().unwrap()]);
        let none = list(&server, &scope, after(&page.next_resume_token), 10, 0).await;
        assert_eq!(none.unwrap().events, []);
    }
    stage.end().await;
}

#[tokio::test]
async fn a_wait_in_which_nothing_matches_ends_with_an_empty_page_and_a_token_that_is_good() {
    let stage = Stage::with(waiting(2), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..2).await;
    let scopes = [one(&created[0].id), in_states(&[State::Cancelled])];
    let mut tokens = Vec::new();
    for scope in &scopes {
        let first = list(&server, scope, at(StartPoint::Now), 10, 0)
            .await
            .unwrap();
        let began = Instant::now();
        let wait = list(&server, scope, after(&first.next_resume_token), 10, 2);
        // What does not match does not end the wait, and the token passes over it.
        let other = async {
            if tokens.is_empty() {
                stage.accept(1);
                let mut run = server.watch(Wish::one(&created[1].id, BEGINNING)).await;
                run.until(is_finished).await;
            }
        };
        let (page, ()) = tokio::join!(wait, other);
        let page = page.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(2));
        assert_eq!(page.events, []);
        tokens.push(page.next_resume_token);
    }
    server.cancel(&created[0].id).await;
    let event = server.log().await.pop().unwrap();
    for (scope, token) in scopes.iter().zip(&tokens) {
        let page = list(&server, scope, after(token), 10, LONGEST)
            .await
            .unwrap();
        assert_eq!(page.events, std::slice::from_ref(&event));
    }
    stage.end().await;
}

#[tokio::test]
async fn what_a_page_can_not_begin_with_is_refused() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let id = server.create_for(&stage, 0..1).await.remove(0).id;
    let all = in_states(&[]);
    let page = list(&server, &all, at(StartPoint::Beginning), 1, 0)
        .await
        .unwrap();
    let nobody = one("01890000-0000-7000-8000-000000000000");
    let wrong = [
        (
            &all,
            at(StartPoint::Snapshot),
            10,
            0,
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            &all,
            after("x"),
            10,
            0,
            Code::InvalidArgument,
            "RESUME_TOKEN_MALFORMED",
        ),
        (
            &one(&id),
            after(&page.next_resume_token),
            10,
            0,
            Code::InvalidArgument,
            "RESUME_TOKEN_FILTER_MISMATCH",
        ),
        (
            &all,
            at(StartPoint::Now),
            1_001,
            0,
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            &all,
            at(StartPoint::Now),
            10,
            LONGEST + 1,
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            &nobody,
            at(StartPoint::Now),
            10,
            0,
            Code::NotFound,
            "VERIFICATION_NOT_FOUND",
        ),
    ];
    for (scope, start, page_size, wait, code, reason) in wrong {
        let told = list(&server, scope, start, page_size, wait)
            .await
            .unwrap_err();
        assert_eq!(refusal(&told), (code, reason.to_owned()));
    }
    stage.end().await;
}
