//! `Ok` to a provider means durable, whatever the store does.

use std::sync::Arc;

use verilane_core::{Reason, State};
use verilane_engine::{EventFilter, Verdict, WatchEnd, WatchStart};

use crate::stage::calls::{Body, call};
use crate::stage::faults::{Ear, Fault, Faulty};
use crate::stage::frames::{NEVER, QUICK, Watch};
use crate::stage::{Play, Stage, request, soon};

async fn open_faulty(stage: &Stage) -> (Play, Arc<Faulty>, Arc<Ear>) {
    let (mut faulty, mut ear) = (None, None);
    let play = stage
        .open_behind(
            |observer| {
                let deaf = Ear::of(observer);
                ear = Some(Arc::clone(&deaf));
                deaf
            },
            |store| {
                let proxy = Faulty::over(store);
                faulty = Some(Arc::clone(&proxy));
                proxy
            },
        )
        .await;
    (play, faulty.unwrap(), ear.unwrap())
}

#[tokio::test]
async fn a_message_that_can_t_be_stored_is_not_answered_ok_and_is_taken_when_it_comes_again() {
    let stage = Stage::new();
    let (play, faulty, _) = open_faulty(&stage).await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let log = play.log().await;
    let items = [("EMAIL", "ada@example.org")];
    for fault in [Fault::Refused, Fault::UnknownAndGone] {
        faulty.fail([fault], |_| true);
        let refusal = start.deliver(&play.engine, &items).await.unwrap_err();
        assert_eq!(
            refusal.reason,
            Reason::CallbackStoreUnavailable,
            "{fault:?}"
        );
        assert_eq!(play.log().await, log);
        assert_eq!(play.view(created.row.id).await.row, created.row);
    }
    faulty.refuse_chunks(true);
    let refusal = start.deliver(&play.engine, &items).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::CallbackStoreUnavailable);
    assert_eq!(play.log().await, log);
    faulty.refuse_chunks(false);
    let taken = start.deliver(&play.engine, &items).await.unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Verified
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_can_t_be_counted_is_not_answered_ok_either() {
    let stage = Stage::new();
    let (play, faulty, _) = open_faulty(&stage).await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    for fault in [Fault::Refused, Fault::UnknownAndGone, Fault::UnknownForGood] {
        faulty.fail([fault], |_| true);
        let refusal = start.report(&play.engine, "ACCEPTED").await.unwrap_err();
        assert_eq!(
            refusal.reason,
            Reason::CallbackStoreUnavailable,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_looked_up_and_ok_means_that_it_stands() {
    let stage = Stage::new();
    let (play, faulty, _) = open_faulty(&stage).await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    faulty.fail([Fault::UnknownButStands], |_| true);
    let taken = start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    assert_eq!(play.log().await.len(), 3);
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Processing
    );
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_can_t_be_looked_up_is_not_ok_and_the_repeat_finds_what_stands() {
    let stage = Stage::new();
    let (play, faulty, _) = open_faulty(&stage).await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    faulty.fail([Fault::UnknownForGood], |_| true);
    let refusal = start.report(&play.engine, "ACCEPTED").await.unwrap_err();
    assert_eq!(refusal.reason, Reason::CallbackStoreUnavailable);
    assert_eq!(play.log().await.len(), 3);
    let taken = start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(taken.verdict, Verdict::Repeated);
    assert_eq!(play.log().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn watchers_see_what_a_commit_left_that_the_store_never_told_of() {
    let stage = Stage::new();
    let (play, faulty, ear) = open_faulty(&stage).await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let (id, now) = (created.row.id, WatchStart::Now);
    let mut one = play
        .engine
        .watch_one(id, &now, WatchEnd::Never, NEVER)
        .await
        .unwrap();
    let mut all = play
        .engine
        .watch_many(EventFilter::default(), &now, NEVER)
        .await
        .unwrap();

    ear.goes_deaf(true);
    faulty.fail([Fault::UnknownButStands], |_| true);
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(one.message().await.unwrap().sequence(), 3);
    assert_eq!(all.message().await.unwrap().sequence(), 3);

    // The same when the next commit, and not this one, tells that there was something.
    faulty.fail([Fault::UnknownForGood], |_| true);
    start.report(&play.engine, "INITIATED").await.unwrap_err();
    ear.goes_deaf(false);
    play.engine.create(request("grace")).await.unwrap();
    assert_eq!(one.message().await.unwrap().sequence(), 4);
    assert_eq!(all.message().await.unwrap().sequence(), 4);
    start.report(&play.engine, "CONFIRMED").await.unwrap();
    assert_eq!(one.message().await.unwrap().sequence(), 7);
    for sequence in 5..=7 {
        assert_eq!(all.message().await.unwrap().sequence(), sequence);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_s_token_never_passes_what_the_store_never_told_of() {
    let stage = Stage::new();
    let (play, faulty, ear) = open_faulty(&stage).await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let id = created.row.id;
    let mut one = play
        .engine
        .watch_one(id, &WatchStart::Now, WatchEnd::Never, QUICK)
        .await
        .unwrap();
    assert!(one.message().await.unwrap().is("beat"));
    ear.goes_deaf(true);
    faulty.fail([Fault::UnknownForGood], |_| true);
    start.report(&play.engine, "ACCEPTED").await.unwrap_err();
    ear.goes_deaf(false);
    // Silence: the watch does not know yet, and its token does not claim that it does.
    let beat = one.message().await.unwrap();
    assert!(beat.is("beat"));
    let after = WatchStart::After(beat.token);
    let mut resumed = play
        .engine
        .watch_one(id, &after, WatchEnd::Never, NEVER)
        .await
        .unwrap();
    assert_eq!(resumed.message().await.unwrap().sequence(), 3);
    play.engine.create(request("grace")).await.unwrap();
    assert_eq!(one.news().await.unwrap().sequence(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_runner_notices_by_itself_what_nobody_was_told_of() {
    let stage = Stage::new();
    let (mut play, faulty, ear) = open_faulty(&stage).await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let id = created.row.id;
    let now = WatchStart::Now;
    let mut one = play
        .engine
        .watch_one(id, &now, WatchEnd::Never, NEVER)
        .await
        .unwrap();
    let mut all = play
        .engine
        .watch_many(EventFilter::default(), &now, NEVER)
        .await
        .unwrap();
    ear.goes_deaf(true);
    faulty.fail([Fault::UnknownForGood], |_| true);
    start.report(&play.engine, "ACCEPTED").await.unwrap_err();
    play.run_jobs();
    // Time-outs of real time run ahead here whenever everything waits.
    let next = one.next().await.unwrap().unwrap();
    assert_eq!(crate::stage::frames::Message::read(&next).sequence(), 3);
    let next = all.next().await.unwrap().unwrap();
    assert_eq!(crate::stage::frames::Message::read(&next).sequence(), 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_all_or_nothing() {
    use futures_util::FutureExt;
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let body = Body::data(&[("EMAIL", "ada@example.org")], start.expiry);
    let path = start.data_path();
    // Dropped after ever more polls, until one is let through.
    for polls in 0.. {
        let mut taking = Box::pin(call(&play.engine, &path, &body));
        let mut taken = None;
        for _ in 0..polls {
            taken = taken.or_else(|| (&mut taking).now_or_never());
            tokio::task::yield_now().await;
        }
        drop(taking);
        if let Some(taken) = taken {
            taken.unwrap();
            break;
        }
    }
    let log = soon(play.until(|log| log.len() == 3)).await;
    let id = log[0].body.verification;
    assert_eq!(log[2].body.state_after, State::Verified);
    assert_eq!(play.store.claims(id).await.unwrap().len(), 1);
    assert_eq!(play.store.evidence(id).await.unwrap().len(), 1);
}
