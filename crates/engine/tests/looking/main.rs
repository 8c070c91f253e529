//! When a provider that is looked at is looked at again, how long its pictures are waited for, and how
//! they are fetched.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

mod pictures;
#[path = "../stage/mod.rs"]
mod stage;

use std::time::Duration;

use verilane_core::{
    Decision, Event, JobKind, Pii, Principal, Reason, State, Timestamp, VerificationId, Whose,
};
use verilane_engine::{Continuation, ContinueVerification, ReviewVerification};

use crate::stage::{DAY, HOUR, MINUTE, Play, START, Stage, access, field, request, soon};

fn stage() -> Stage {
    Stage::looked_at().with(|config| config.purge_interval = 30 * DAY)
}

/// The service, whose jobs run, and that has asked about all that was open before.
async fn open(stage: &Stage) -> Play {
    begin(stage.open().await).await
}

async fn begin(mut play: Play) -> Play {
    play.run_jobs();
    soon(async {
        loop {
            let jobs = play.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap();
            let stands = |kind| jobs.iter().any(|job| job.key.kind == kind);
            if stands(JobKind::Purge) && !stands(JobKind::PollAll) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    play
}

/// A verification that needs the picture, and whose browser has brought something back.
async fn continued(play: &Play) -> VerificationId {
    continued_for(play, &["P_FACE"]).await
}

async fn continued_for(play: &Play, pictures: &[&str]) -> VerificationId {
    let mut wish = request("ada");
    let pictures = pictures.iter().map(|picture| field(picture, true));
    wish.claims.extend(pictures);
    let id = play.engine.create(wish).await.unwrap().row.id;
    let brought = ContinueVerification {
        principal: Principal::anonymous(),
        verification: id,
        expected: None,
        access: access(),
        brought: verilane_engine::Brought::Continuation(Continuation::PresentationRequest(
            Pii::from("request-1"),
        )),
    };
    play.engine.continue_verification(brought).await.unwrap();
    id
}

/// Waits until the look that is under way is over, and says when the next one is due.
async fn next_look(stage: &Stage, play: &Play) -> Timestamp {
    soon(async {
        loop {
            let jobs = play.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap();
            let poll = jobs.iter().find(|job| job.key.kind == JobKind::Poll);
            if let Some(poll) = poll.filter(|poll| poll.due > stage.now()) {
                return poll.due;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Looks so often, each time when it is due.
async fn look(stage: &Stage, play: &Play, times: usize) {
    for _ in 0..times {
        stage.clock.set(next_look(stage, play).await);
    }
    next_look(stage, play).await;
}

/// How long after now the next look is due, at least.
async fn wait(stage: &Stage, play: &Play) -> Duration {
    next_look(stage, play).await.since(stage.now())
}

async fn approve(play: &Play, id: VerificationId) {
    let decision = ReviewVerification {
        principal: Principal::anonymous(),
        verification: id,
        decision: Decision::Approve,
        reason: Pii::from(""),
        expected: None,
        access: access(),
    };
    play.engine.review_verification(decision).await.unwrap();
}

fn is_in_review(log: &[Event]) -> bool {
    log.last().unwrap().body.state_after == State::InReview
}

#[tokio::test]
async fn a_picture_that_comes_after_its_claims_is_waited_for_however_long_the_user_took() {
    let stage = stage();
    let play = open(&stage).await;
    let id = continued(&play).await;
    // The user takes his time: many looks find nothing.
    look(&stage, &play, 12).await;
    stage.puppet.looks.done();
    look(&stage, &play, 3).await;
    assert_eq!(play.view(id).await.row.state().0, State::Processing);
    stage.puppet.looks.offer();
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    play.close().await;
}

#[tokio::test]
async fn a_picture_that_never_comes_is_given_up_after_five_looks_in_vain() {
    let stage = stage();
    let play = open(&stage).await;
    let id = continued(&play).await;
    stage.puppet.looks.done();
    look(&stage, &play, 5).await;
    assert_eq!(play.view(id).await.row.state().0, State::Processing);
    stage.clock.set(next_look(&stage, &play).await);
    let ended = |log: &[Event]| log.last().unwrap().body.state_after == State::Failed;
    play.until(ended).await;
    play.close().await;
}

#[tokio::test]
async fn looks_that_were_not_answered_bring_no_picture_closer_to_being_given_up() {
    let stage = stage();
    let play = open(&stage).await;
    let id = continued(&play).await;
    stage.puppet.looks.done();
    look(&stage, &play, 1).await;
    for _ in 0..8 {
        stage.puppet.looks.ask_for(MINUTE);
    }
    look(&stage, &play, 8).await;
    look(&stage, &play, 3).await;
    assert_eq!(play.view(id).await.row.state().0, State::Processing);
    stage.puppet.looks.offer();
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_asks_for_more_time_than_the_longest_pace_is_given_it() {
    let stage = stage();
    let play = open(&stage).await;
    stage.puppet.looks.ask_for(5 * HOUR);
    continued(&play).await;
    stage.puppet.looks.seen(1).await;
    assert_eq!(next_look(&stage, &play).await, START + 5 * HOUR);
    stage.clock.set(START + 5 * HOUR);
    stage.puppet.looks.seen(2).await;
    assert!(wait(&stage, &play).await < 5 * MINUTE);
    play.close().await;
}

#[tokio::test]
async fn where_a_picture_lies_time_can_be_asked_for_too() {
    let stage = stage();
    let play = open(&stage).await;
    stage.puppet.looks.done();
    stage.puppet.looks.offer();
    // With news, and without.
    stage.puppet.looks.ask_for_at_picture(30 * MINUTE);
    stage.puppet.looks.ask_for_at_picture(2 * HOUR);
    continued(&play).await;
    for (number, asked) in [30 * MINUTE, 2 * HOUR].into_iter().enumerate() {
        stage.puppet.looks.seen(number + 1).await;
        let again = stage.now() + asked;
        let mut due = next_look(&stage, &play).await;
        // Its news is committed first, and the pace after that is not the last word.
        soon(async {
            while due != again {
                tokio::task::yield_now().await;
                due = next_look(&stage, &play).await;
            }
        })
        .await;
        stage.clock.set(again);
    }
    play.until(is_in_review).await;
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_asks_for_time_when_it_is_told_a_decision_is_left_alone() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    let id = continued(&play).await;
    play.until(is_in_review).await;
    next_look(&stage, &play).await;
    let before = looks.count();
    looks.ask_for_at_decision(HOUR);
    approve(&play, id).await;
    looks.told(1).await;
    let again = START + HOUR;
    soon(async {
        loop {
            let jobs = play.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap();
            let is_told = |job: &&verilane_core::Job| job.key.kind == JobKind::SendDecision;
            if jobs.iter().find(is_told).unwrap().due == again {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(looks.count(), before);
    stage.clock.set(again);
    looks.told(2).await;
    looks.seen(before + 1).await;
    play.close().await;
}

#[tokio::test]
async fn what_is_decided_and_not_told_yet_can_t_be_called_off() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    let id = continued(&play).await;
    play.until(is_in_review).await;
    next_look(&stage, &play).await;
    looks.ask_for_at_decision(HOUR);
    approve(&play, id).await;
    looks.told(1).await;
    let nobody = Principal::anonymous();
    let refused = play.engine.cancel(id, None, &nobody, &access()).await;
    assert_eq!(refused.unwrap_err().reason, Reason::DecisionPending);
    looks.pass();
    stage.clock.set(START + HOUR);
    play.until(|log| log.last().unwrap().body.state_after == State::Verified)
        .await;
    play.close().await;
}

/// What a verification is, and why.
async fn state(play: &Play, id: VerificationId) -> (State, Option<Reason>) {
    play.view(id).await.row.state()
}

#[tokio::test]
async fn a_yes_that_names_nobody_is_one_to_a_user_who_was_named_before() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    let id = continued(&play).await;
    play.until(is_in_review).await;
    looks.tell_whose(Whose::Nameless);
    looks.pass();
    stage.clock.set(next_look(&stage, &play).await);
    play.until(|log| log.last().unwrap().body.state_after != State::InReview)
        .await;
    assert_eq!(state(&play, id).await, (State::Verified, None));
    play.close().await;
}

#[tokio::test]
async fn a_name_that_lags_behind_is_waited_for_and_nothing_is_taken_before() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.tell_whose(Whose::Nameless);
    let id = continued(&play).await;
    look(&stage, &play, 5).await;
    let row = play.view(id).await.row;
    assert_eq!(row.state().0, State::Processing);
    assert!(play.store.claims(id).await.unwrap().is_empty());
    looks.tell_whose(Whose::Theirs);
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    play.close().await;
}

#[tokio::test]
async fn a_name_that_never_comes_is_given_up_after_five_looks_in_vain_and_frees_the_request() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.pass();
    looks.tell_whose(Whose::Nameless);
    let id = continued(&play).await;
    look(&stage, &play, 5).await;
    assert_eq!(state(&play, id).await.0, State::Processing);
    stage.clock.set(next_look(&stage, &play).await);
    play.until(|log| log.last().unwrap().body.state_after != State::Processing)
        .await;
    let mismatch = (State::Rejected, Some(Reason::SubjectMismatch));
    assert_eq!(state(&play, id).await, mismatch);
    // It can be handed in again, for whom it belongs to.
    looks.tell_whose(Whose::Theirs);
    continued(&play).await;
    play.close().await;
}

#[tokio::test]
async fn a_request_that_the_provider_learns_of_late_is_looked_at_again() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.lack(5);
    let id = continued(&play).await;
    look(&stage, &play, 4).await;
    assert_eq!(looks.count(), 5);
    assert_eq!(state(&play, id).await, (State::Pending, None));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    play.close().await;
}

#[tokio::test]
async fn a_request_that_the_provider_never_knows_is_given_up_after_five_looks_in_vain() {
    let stage = stage();
    let play = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.lack(6);
    let id = continued(&play).await;
    look(&stage, &play, 4).await;
    assert_eq!(state(&play, id).await, (State::Pending, None));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(|log| log.last().unwrap().body.state_after != State::Pending)
        .await;
    let failed = (State::Failed, Some(Reason::ProviderFailed));
    assert_eq!(state(&play, id).await, failed);
    // It can be handed in again.
    continued(&play).await;
    play.close().await;
}
