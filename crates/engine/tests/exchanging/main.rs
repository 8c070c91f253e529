//! Codes that browsers bring back: what comes of an exchange, of what stands in its way, and of
//! everything that happens beside it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod asking_again;
mod beside;
mod ending;
mod granting;
mod links;
mod pages;
mod restarts;

use std::time::Duration;

use tokio::time::Instant;
use verilane_core::{
    EventKind, EvidenceKind, Job, JobKind, Pii, Principal, Reason, State, Timestamp, VerificationId,
};
use verilane_engine::{
    Brought, ClaimView, ContinueVerification, CreateVerification, EngineError, ReadClaims,
    VerificationView,
};
use verilane_provider::{Continuation, deadline};

use crate::stage::codes::{Grant, code};
use crate::stage::{Play, Stage, codes_connection, field, request, soon};

/// How long a code lives.
const LIFE: Duration = Duration::from_secs(180);

/// A request for these fields, the required ones first.
fn wish(required: &[&str], optional: &[&str]) -> CreateVerification {
    let claims = |fields: &[&str], is| fields.iter().map(|f| field(f, is)).collect::<Vec<_>>();
    CreateVerification {
        connection: codes_connection(),
        claims: [claims(required, true), claims(optional, false)].concat(),
        max_attempts: Some(3),
        ..request("")
    }
}

async fn created(play: &Play, wish: CreateVerification) -> VerificationId {
    play.engine.create(wish).await.unwrap().row.id
}

/// A verification whose user has granted everything, for the code `c`.
async fn granted(stage: &Stage, play: &Play) -> VerificationId {
    stage.codes.grants("c", Grant::of("u-1"));
    created(play, wish(&["MAIL"], &["PHONE"])).await
}

fn bringing(id: VerificationId, brought: Brought) -> ContinueVerification {
    ContinueVerification {
        principal: Principal::new("a caller"),
        verification: id,
        expected: None,
        access: stage::access(),
        brought,
    }
}

fn with_code(id: VerificationId, name: &str, until: Timestamp) -> ContinueVerification {
    let code = Continuation::AuthorizationCode(Pii::new(code(name, until)));
    bringing(id, Brought::Continuation(code))
}

/// Hands a code in, and waits for what comes of it.
async fn hand_in(
    stage: &Stage,
    play: &Play,
    id: VerificationId,
    name: &str,
) -> Result<VerificationView, EngineError> {
    let request = with_code(id, name, stage.now() + LIFE);
    play.engine.continue_verification(request).await
}

/// Hands a code in, and waits for nothing.
async fn hand_in_only(stage: &Stage, play: &Play, id: VerificationId, name: &str) {
    let view = deadline::within(Instant::now(), hand_in(stage, play, id, name)).await;
    assert_eq!(view.unwrap().row.state(), (State::Processing, None));
}

/// The job of the exchange, if there is one.
async fn exchange_job(play: &Play) -> Option<Job> {
    let jobs = play.store.due_jobs(Timestamp::MAX, 100).await.unwrap();
    jobs.into_iter()
        .find(|job| job.key.kind == JobKind::Exchange)
}

/// Waits until the exchange rests, or has ended. Until when it rests.
async fn rests(stage: &Stage, play: &Play) -> Option<Timestamp> {
    soon(async {
        loop {
            match exchange_job(play).await {
                None => return None,
                Some(job) if job.due > stage.now() => return Some(job.due),
                Some(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

/// Lets time pass until the exchange has ended. How long each rest was.
async fn ends(stage: &Stage, play: &Play) -> Vec<Duration> {
    let mut waits = Vec::new();
    while let Some(due) = rests(stage, play).await {
        waits.push(due.since(stage.now()));
        stage.clock.set(due);
    }
    waits
}

async fn kinds(play: &Play, id: VerificationId) -> Vec<(EventKind, State)> {
    let events = play.events_of(id).await;
    events
        .iter()
        .map(|event| (event.body.kind, event.body.state_after))
        .collect()
}

/// Its state, and why, as the last event tells it too.
async fn end_of(play: &Play, id: VerificationId) -> (State, Option<Reason>) {
    let last = play.events_of(id).await.pop().unwrap().body;
    let state = play.view(id).await.row.state();
    assert_eq!((last.state_after, last.reason), state);
    state
}

/// Its claims that have a value.
async fn claims(play: &Play, id: VerificationId) -> Result<Vec<ClaimView>, Reason> {
    let read = ReadClaims {
        principal: Principal::new("a reader"),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    };
    let read = play.engine.read_claims(id, &read).await;
    read.map(|read| read.claims).map_err(|error| error.reason)
}

/// The provider's messages that are kept of it, as text.
async fn messages(stage: &Stage, play: &Play, id: VerificationId) -> Vec<String> {
    let key = stage.data_key(&play.view(id).await.row);
    let mut found = Vec::new();
    for record in play.store.evidence(id).await.unwrap() {
        assert_eq!(record.kind, EvidenceKind::ProviderMessage);
        let mut chunks = Vec::new();
        for index in 0..record.chunks {
            chunks.push(play.store.chunk(record.id, index).await.unwrap().unwrap());
        }
        let bytes = key.open_evidence(id, record.id, &chunks).unwrap();
        found.push(String::from_utf8(bytes.expose().clone()).unwrap());
    }
    found
}
