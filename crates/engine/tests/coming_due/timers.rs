//! Expiry and deadlines, by the clock alone, across restarts.

use verilane_core::{Principal, Reason, State};
use verilane_engine::{CreateVerification, Expire};

use crate::stage::{self, DAY, HOUR, MINUTE, Play, SECOND, START, Stage, request};

async fn last(play: &Play) -> verilane_core::NewEvent {
    play.log().await.pop().unwrap().body
}

#[tokio::test]
async fn an_action_that_nobody_took_expires_when_its_time_has_come_and_not_before() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.set(START + 10 * MINUTE - SECOND);
    let before = play.view(created.row.id).await;
    assert_eq!(
        (before.row.state().0, before.actions.len()),
        (State::Pending, 1)
    );
    stage.clock.set(START + 10 * MINUTE);
    play.until(|log| log.len() == 3).await;
    let event = last(&play).await;
    assert_eq!(event.state_after, State::Expired);
    assert_eq!(event.reason, Some(Reason::ActionExpired));
    assert_eq!(event.commit_time, START + 10 * MINUTE);
    let after = play.view(created.row.id).await;
    assert!(after.actions.is_empty());
    assert_eq!(after.row.attempts[0].end_time, Some(START + 10 * MINUTE));
    play.close().await;
}

#[tokio::test]
async fn an_action_whose_time_has_passed_is_not_shown_although_no_job_ran_yet() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    stage.clock.set(START + 10 * MINUTE);
    let view = play.view(created.row.id).await;
    assert_eq!(view.row.state().0, State::Pending);
    assert!(view.actions.is_empty());
}

#[tokio::test]
async fn what_came_due_while_nobody_ran_is_done_at_the_next_start() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    play.close().await;
    stage.clock.advance(HOUR);
    let mut play = stage.open().await;
    play.run_jobs();
    play.until(|log| log.len() == 3).await;
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Expired
    );
    play.close().await;
}

#[tokio::test]
async fn what_is_due_after_a_restart_is_done_in_its_time() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(4 * MINUTE);
    play.close().await;
    let mut play = stage.open().await;
    play.run_jobs();
    stage.clock.advance(6 * MINUTE);
    play.until(|log| log.len() == 3).await;
    play.close().await;
}

#[tokio::test]
async fn a_verification_s_own_end_comes_first_where_it_is_earlier() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let create = CreateVerification {
        expire: Expire::After(5 * MINUTE),
        action_lifetime: Some(5 * MINUTE),
        ..request("ada")
    };
    play.engine.create(create).await.unwrap();
    // The action lives a little longer, since the provider accepts no less.
    assert!(stage.puppet.last_start().expiry > START + 5 * MINUTE);
    play.run_jobs();
    stage.clock.set(START + 5 * MINUTE);
    play.until(|log| log.len() == 3).await;
    assert_eq!(last(&play).await.reason, Some(Reason::VerificationExpired));
    play.close().await;
}

#[tokio::test]
async fn acceptance_ends_the_expiry_and_begins_the_processing_deadline() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(2 * MINUTE);
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    let accepted = stage.now();
    stage.clock.set(accepted + DAY - SECOND);
    start.report(&play.engine, "INITIATED").await.unwrap();
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Processing
    );
    stage.clock.set(accepted + DAY);
    play.until(|log| log.len() == 5).await;
    let event = last(&play).await;
    assert_eq!(event.kind.as_str(), "DEADLINE_PASSED");
    assert_eq!(event.reason, Some(Reason::ProviderStalled));
    assert_eq!(event.furthest_status.as_deref(), Some("INITIATED"));
    play.close().await;
}

#[tokio::test]
async fn confirmation_ends_that_deadline_and_begins_the_one_for_the_data() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    start.report(&play.engine, "FINISH_SUCCESS").await.unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.warnings(), [Reason::DataNotDelivered]);
    play.run_jobs();
    stage.clock.set(START + DAY);
    assert_eq!(play.view(row.id).await.row.state().0, State::Processing);
    stage.clock.set(START + stage.config.deadlines.data);
    play.until(|log| log.len() == 5).await;
    assert_eq!(last(&play).await.reason, Some(Reason::DataNotDelivered));
    // And if it comes after all, it counts.
    start
        .deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(play.view(row.id).await.row.state().0, State::Verified);
    play.close().await;
}

#[tokio::test]
async fn an_end_leaves_no_timer_behind() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    assert_eq!(
        play.store.next_due().await.unwrap(),
        Some(START + 10 * MINUTE)
    );
    stage.puppet.last_start().succeed(&play.engine).await;
    assert_eq!(play.store.next_due().await.unwrap(), None);
    let other = play.engine.create(request("grace")).await.unwrap();
    assert_ne!(other.row.id, created.row.id);
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(other.row.id, None, &principal, &access)
        .await
        .unwrap();
    assert_eq!(play.store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_clock_that_goes_back_ends_nothing_early() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.set(START - HOUR);
    let start = stage.puppet.last_start();
    start.report(&play.engine, "PENDING").await.unwrap();
    let event = last(&play).await;
    // Events of one verification never go back in time.
    assert_eq!(event.commit_time, START);
    stage.clock.set(START + 10 * MINUTE);
    play.until(|log| log.len() == 4).await;
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Expired
    );
    play.close().await;
}
