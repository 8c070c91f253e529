//! Callbacks that prove nothing by themselves: forged ones, and genuine ones that come late.

use serde_json::json;
use verilane_core::{Reason, State, Timestamp};
use verilane_engine::Verdict;

use crate::stage::calls::{Body, call};
use crate::stage::puppet::{HistoryAnswer, StartCall};
use crate::stage::{DAY, MINUTE, Play, SECOND, START, Stage, request};
use crate::{begin, next_due, pulled, settled, words};

type Call = Result<Verdict, Reason>;

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
async fn late(stage: &Stage, play: &Play, start: &StartCall, word: &str) -> Call {
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
async fn what_a_refused_callback_has_asked_for_is_put_off_by_no_news() {
    let stage = stage();
    let (mut play, start) = opened(&stage).await;
    begin(&stage, &mut play).await;
    stage.clock.set(START + SECOND);
    forged(&play, &start).await;
    // The attempt was asked about a second ago, so the question has to wait; and this counts polls
    // anew.
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    stage.puppet.notes("ACCEPTED", START + SECOND);
    stage.puppet.notes("INITIATED", START + 2 * SECOND);
    next_due(&play, START + 30 * SECOND).await;
    stage.clock.set(START + 30 * SECOND);
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(words(&log)[1..], pulled(&["INITIATED"]));
    // It was answered, and is not asked again.
    settled(&stage, &play).await;
    assert_eq!(stage.puppet.pulls(), 2);
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

/// A delivery that failed, as a callback signed at this time tells it.
async fn failed(play: &Play, start: &StartCall, time: Timestamp) -> Call {
    let deadline = json!((time + 3 * MINUTE).as_secs());
    let body = Body::status("CALLBACK_FAILED", start.expiry)
        .with("deadline", deadline)
        .with("time", json!(time.as_secs()));
    let taken = call(&play.engine, &start.status_path(), &body).await;
    taken
        .map(|taken| taken.verdict)
        .map_err(|refusal| refusal.reason)
}

/// The provider's times of the failed deliveries in the log, with the assurance of each.
async fn failures(play: &Play) -> Vec<(Timestamp, &'static str)> {
    let log = play.log().await.into_iter();
    log.filter(|event| event.body.provider_status.as_deref() == Some("CALLBACK_FAILED"))
        .map(|event| {
            (
                event.body.provider_time.unwrap(),
                event.body.assurance.as_str(),
            )
        })
        .collect()
}

#[tokio::test]
async fn what_can_recur_and_is_signed_anew_is_one_event_beside_those_that_are_pulled() {
    let stage = stage();
    let (play, start) = opened(&stage).await;
    let at = |minutes: u32| START + minutes * MINUTE;
    // The first of its kind goes by its time, although it is a repeat of what was a minute before.
    stage.puppet.notes("CALLBACK_FAILED", at(1));
    stage.clock.set(at(2));
    let taken = failed(&play, &start, at(2)).await;
    assert_eq!(taken, Ok(Verdict::Accepted));
    assert_eq!(stage.puppet.pulls(), 0);
    // Signed anew once more, and as it was at first: the history tells that it is the same.
    stage.clock.set(at(3));
    for time in [at(3), at(2), at(1)] {
        let taken = failed(&play, &start, time).await;
        assert_eq!(taken, Ok(Verdict::Repeated), "{time:?}");
        stage.clock.set(stage.now() + MINUTE);
    }
    assert_eq!(failures(&play).await, [(at(2), "SIGNED")]);
    // Another one is pulled by a repeat of itself, and the repeat is counted with it.
    stage.puppet.notes("CALLBACK_FAILED", at(10));
    stage.clock.set(at(11));
    let taken = failed(&play, &start, at(11)).await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    let both = [(at(2), "SIGNED"), (at(10), "PULLED")];
    assert_eq!(failures(&play).await, both);
    // So is one that comes late, since the history tells what it is.
    stage.clock.set(at(20));
    let taken = failed(&play, &start, at(12)).await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    let asked = stage.puppet.pulls();
    let taken = failed(&play, &start, at(10)).await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    assert_eq!(
        (failures(&play).await, stage.puppet.pulls()),
        (both.to_vec(), asked)
    );
    play.close().await;
}

#[tokio::test]
async fn a_repeat_signed_anew_is_refused_while_nobody_can_be_asked() {
    let stage = stage();
    let (play, start) = opened(&stage).await;
    stage.puppet.notes("CALLBACK_FAILED", START);
    let taken = failed(&play, &start, START).await;
    assert_eq!(taken, Ok(Verdict::Accepted));
    stage.puppet.answers_pulls([HistoryAnswer::NotSent]);
    let again = START + SECOND;
    for _ in 0..2 {
        // Not answered the first time, and not asked the second.
        let taken = failed(&play, &start, again).await;
        assert_eq!(taken, Err(Reason::CallbackDeadlinePassed));
    }
    assert_eq!(stage.puppet.pulls(), 1);
    stage.clock.set(START + MINUTE);
    let taken = failed(&play, &start, again).await;
    assert_eq!(taken, Ok(Verdict::Repeated));
    assert_eq!(failures(&play).await, [(START, "SIGNED")]);
    play.close().await;
}

#[tokio::test]
async fn where_no_history_is_kept_what_can_recur_goes_by_its_own_time() {
    let stage = Stage::new();
    let (play, start) = opened(&stage).await;
    for (seconds, verdict) in [
        (1, Verdict::Accepted),
        (2, Verdict::Accepted),
        (1, Verdict::Repeated),
    ] {
        let taken = failed(&play, &start, START + seconds * SECOND).await;
        assert_eq!(taken, Ok(verdict));
    }
    let expected = [1, 2].map(|seconds| (START + seconds * SECOND, "SIGNED"));
    assert_eq!(failures(&play).await, expected);
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
