//! Before an attempt is ended for want of news, its provider is asked once more.

use verilane_core::{Reason, State};

use crate::stage::puppet::HistoryAnswer;
use crate::stage::{DAY, HOUR, MINUTE, SECOND, START, Stage, request};
use crate::{begin, next_due, pulled, words};

/// Polls that come too late to take part.
fn stage() -> Stage {
    Stage::keeping_history().with(|config| {
        config.polls.first = 100 * DAY;
        config.polls.longest = 100 * DAY;
        config.purge_interval = 50 * DAY;
    })
}

#[tokio::test]
async fn an_acceptance_that_nobody_heard_of_keeps_an_attempt_from_expiring() {
    let stage = stage();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    stage.puppet.notes("ACCEPTED", START + 9 * MINUTE);
    stage.clock.set(START + 10 * MINUTE);
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(words(&log), pulled(&["ACCEPTED"]));
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Processing
    );
    play.close().await;
}

#[tokio::test]
async fn silence_confirmed_by_one_pull_is_expiry() {
    let stage = stage();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    stage.clock.set(START + 10 * MINUTE);
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(log[2].body.state_after, State::Expired);
    assert_eq!(log[2].body.commit_time, START + 10 * MINUTE);
    assert_eq!(stage.puppet.pulls(), 2);
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_is_away_delays_expiry_so_long_and_no_longer() {
    let stage = stage();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    stage
        .puppet
        .answers_pulls(std::iter::repeat_n(HistoryAnswer::NotSent, 100));
    let due = START + 10 * MINUTE;
    for tries in 0..20_u32 {
        stage.clock.set(due + tries * 15 * SECOND);
        next_due(&play, due + (tries + 1) * 15 * SECOND).await;
        assert_eq!(play.log().await.len(), 2);
    }
    stage.clock.set(due + 5 * MINUTE);
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(log[2].body.reason, Some(Reason::ActionExpired));
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_says_no_delays_nothing() {
    let stage = stage();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    stage.puppet.answers_pulls([HistoryAnswer::Refuses]);
    stage.clock.set(START + 10 * MINUTE);
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(log[2].body.state_after, State::Expired);
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_answers_again_in_time_saves_the_attempt() {
    let stage = stage();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    stage.puppet.answers_pulls([HistoryAnswer::NotSent]);
    stage.puppet.notes("ACCEPTED", START + MINUTE);
    stage.clock.set(START + 10 * MINUTE);
    next_due(&play, START + 10 * MINUTE + 15 * SECOND).await;
    stage.clock.set(START + 10 * MINUTE + 15 * SECOND);
    let log = play.until(|log| log.len() == 3).await;
    assert_eq!(log[2].body.state_after, State::Processing);
    play.close().await;
}

#[tokio::test]
async fn a_finish_that_nobody_heard_of_is_told_instead_of_a_stall() {
    let stage = stage();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    begin(&stage, &mut play).await;
    stage.puppet.notes("FINISH_SUCCESS", START + HOUR);
    stage.clock.set(START + DAY);
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(words(&log)[1..], pulled(&["FINISH_SUCCESS"]));
    assert_eq!(log[3].body.warnings, [Reason::DataNotDelivered]);
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Processing);
    // Until the provider's whole retry schedule has passed: then it is the reason of the end.
    stage.clock.set(START + DAY + stage.config.deadlines.data);
    let log = play
        .until(|log| log.last().unwrap().body.state_after == State::Failed)
        .await;
    let end = &log.last().unwrap().body;
    assert_eq!(end.reason, Some(Reason::DataNotDelivered));
    play.close().await;
}

#[tokio::test]
async fn a_stall_is_told_after_one_more_pull() {
    let stage = stage();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    begin(&stage, &mut play).await;
    stage.clock.set(START + DAY);
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(log[3].body.reason, Some(Reason::ProviderStalled));
    assert_eq!(stage.puppet.pulls(), 2);
    play.close().await;
}
