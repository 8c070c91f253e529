//! Callbacks that prove nothing by themselves: forged ones, and genuine ones that come late.

use serde_json::json;
use verilane_core::{Reason, State};
use verilane_engine::Verdict;

use crate::stage::calls::{Body, call};
use crate::stage::puppet::{HistoryAnswer, StartCall};
use crate::stage::{DAY, MINUTE, Play, SECOND, START, Stage, request};
use crate::{begin, next_due, pulled, words};

/// Polls that come too late to take part.
fn stage() -> Stage {
    Stage::keeping_history().with(|config| {
        config.polls.first = 100 * DAY;
        config.polls.longest = 100 * DAY;
    })
}

async fn opened(stage: &Stage) -> (Play, StartCall) {
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    (play, stage.puppet.last_start())
}

/// A genuine status whose deadline was a second ago.
async fn late(
    stage: &Stage,
    play: &Play,
    start: &StartCall,
    word: &str,
) -> Result<Verdict, Reason> {
    let deadline = (stage.now() - SECOND).as_secs();
    let body = Body::status(word, start.expiry).with("deadline", json!(deadline));
    let taken = call(&play.engine, &start.status_path(), &body).await;
    taken
        .map(|taken| taken.verdict)
        .map_err(|refusal| refusal.reason)
}

async fn forged(play: &Play, start: &StartCall) {
    let body = Body::status("FINISH_FAILED", start.expiry).forged();
    let refused = call(&play.engine, &start.status_path(), &body).await;
    assert_eq!(
        refused.unwrap_err().reason,
        Reason::CallbackSignatureInvalid
    );
}

#[tokio::test]
async fn a_forged_callback_is_refused_and_has_the_truth_pulled() {
    let stage = stage();
    let (mut play, start) = opened(&stage).await;
    begin(&stage, &mut play).await;
    stage.clock.set(START + MINUTE);
    stage.puppet.notes("ACCEPTED", START + MINUTE);
    forged(&play, &start).await;
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(words(&log), pulled(&["ACCEPTED"]));
    play.close().await;
}

#[tokio::test]
async fn however_many_are_forged_an_attempt_is_asked_about_no_more_often_than_its_spacing() {
    let stage = stage();
    let (mut play, start) = opened(&stage).await;
    begin(&stage, &mut play).await;
    for _ in 0..50 {
        forged(&play, &start).await;
    }
    next_due(&play, START + 30 * SECOND).await;
    stage.clock.set(START + 30 * SECOND);
    stage.puppet.asked_for_history(2).await;
    for _ in 0..50 {
        forged(&play, &start).await;
    }
    next_due(&play, START + 60 * SECOND).await;
    assert_eq!(stage.puppet.pulls(), 2);
    assert_eq!(play.log().await.len(), 2);
    play.close().await;
}

#[tokio::test]
async fn a_late_status_is_taken_once_it_stands_in_the_history() {
    let stage = stage();
    let (play, start) = opened(&stage).await;
    stage.puppet.notes("ACCEPTED", START + SECOND);
    stage.puppet.notes("INITIATED", START + 2 * SECOND);
    stage.clock.set(START + 10 * MINUTE);
    let taken = late(&stage, &play, &start, "INITIATED").await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    let log = play.log().await;
    assert_eq!(words(&log), pulled(&["ACCEPTED", "INITIATED"]));
    // Those that follow are known by then.
    let taken = late(&stage, &play, &start, "ACCEPTED").await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    assert_eq!(stage.puppet.pulls(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_late_status_that_the_history_does_not_know_is_refused() {
    let stage = stage();
    let (play, start) = opened(&stage).await;
    stage.puppet.notes("ACCEPTED", START + SECOND);
    let taken = late(&stage, &play, &start, "FINISH_FAILED").await;
    assert_eq!(taken, Err(Reason::CallbackDeadlinePassed));
    assert_eq!(words(&play.log().await), pulled(&["ACCEPTED"]));
    // Asked so often and no more.
    for _ in 0..10 {
        let taken = late(&stage, &play, &start, "FINISH_FAILED").await;
        assert_eq!(taken, Err(Reason::CallbackDeadlinePassed));
    }
    assert_eq!(stage.puppet.pulls(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_late_status_is_refused_while_nobody_can_be_asked_and_taken_when_it_comes_again() {
    let stage = stage();
    let (mut play, start) = opened(&stage).await;
    stage.puppet.notes("ACCEPTED", START + SECOND);
    stage.puppet.answers_pulls([HistoryAnswer::NotSent]);
    let taken = late(&stage, &play, &start, "ACCEPTED").await;
    assert_eq!(taken, Err(Reason::CallbackDeadlinePassed));
    assert_eq!(play.log().await.len(), 2);
    stage.clock.set(START + 30 * SECOND);
    play.run_jobs();
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(words(&log), pulled(&["ACCEPTED"]));
    let taken = late(&stage, &play, &start, "ACCEPTED").await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    play.close().await;
}

#[tokio::test]
async fn late_data_and_failures_are_taken_without_being_looked_up() {
    let stage = stage();
    let (play, start) = opened(&stage).await;
    stage.clock.set(START + 10 * MINUTE);
    let deadline = json!(START.as_secs());
    let failure = Body::failure("VALIDITY_FAILED", start.expiry).with("deadline", deadline.clone());
    let taken = call(&play.engine, &start.data_path(), &failure).await;
    assert_eq!(taken.unwrap().verdict, Verdict::Accepted);
    let data = Body::data(&[("EMAIL", "a@b.c")], start.expiry).with("deadline", deadline);
    let taken = call(&play.engine, &start.data_path(), &data).await;
    assert_eq!(taken.unwrap().verdict, Verdict::Accepted);
    assert_eq!(stage.puppet.pulls(), 0);
    let log = play.log().await;
    assert!(log[2].body.late && log[3].body.late);
    assert_eq!(log[3].body.state_after, State::Verified);
    play.close().await;
}
