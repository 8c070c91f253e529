//! The runner: woken for what is due earlier, stopped by a shutdown, delayed by nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use verilane_core::{JobWrite, State};
use verilane_engine::{CreateVerification, Expire};

use crate::stage::faults::{Fault, Faulty};
use crate::stage::puppet::Answer;
use crate::stage::{HOUR, MINUTE, SECOND, START, Stage, request, soon};

#[tokio::test]
async fn the_runner_wakes_for_what_is_due_earlier_than_what_it_waits_for() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let long = CreateVerification {
        action_lifetime: Some(14 * MINUTE),
        ..request("ada")
    };
    play.engine.create(long).await.unwrap();
    play.run_jobs();
    // The purge at the start has been done: the runner waits for the expiry.
    soon(async {
        while play.store.next_due().await.unwrap() != Some(START + 14 * MINUTE) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let short = CreateVerification {
        expire: Expire::After(6 * MINUTE),
        ..request("grace")
    };
    let short = play.engine.create(short).await.unwrap();
    stage.clock.set(START + 6 * MINUTE);
    play.until(|log| log.len() == 5).await;
    assert_eq!(play.view(short.row.id).await.row.state().0, State::Expired);
    play.close().await;
}

#[tokio::test]
async fn a_shutdown_stops_the_runner_and_so_does_the_loss_of_whoever_could_call_it() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (shutdown, over) = watch::channel(false);
    let engine = Arc::clone(&play.engine);
    let runner = tokio::spawn(async move { engine.run_jobs(over).await });
    shutdown.send_replace(true);
    soon(runner).await.unwrap();

    let (shutdown, over) = watch::channel(false);
    let engine = Arc::clone(&play.engine);
    let runner = tokio::spawn(async move { engine.run_jobs(over).await });
    drop(shutdown);
    soon(runner).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_lets_what_was_begun_end() {
    use futures_util::FutureExt;
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Unclear]);
    let created = play.engine.create(request("ada")).await.unwrap();
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    stage.puppet.at_start(move |_| {
        let gate = Arc::clone(&opened);
        async move { gate.notified().await }.boxed()
    });
    play.run_jobs();
    stage.clock.advance(SECOND);
    stage.puppet.asked_to_start(2).await;
    let stopped = async {
        play.stop_jobs().await;
    };
    let mut stopped = Box::pin(stopped);
    assert!((&mut stopped).now_or_never().is_none());
    gate.notify_one();
    soon(stopped).await;
    assert_eq!(play.view(created.row.id).await.actions.len(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_delays_no_other_job() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage
        .puppet
        .answers([Answer::Takes, Answer::Unclear, Answer::Hangs]);
    let first = play.engine.create(request("ada")).await.unwrap();
    play.engine.create(request("grace")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(SECOND);
    stage.puppet.asked_to_start(3).await;
    stage.clock.set(START + 10 * MINUTE);
    play.until(|log| log.iter().any(|e| e.body.state_after == State::Expired))
        .await;
    assert_eq!(play.view(first.row.id).await.row.state().0, State::Expired);
    // The one that hangs is left behind by the test.
}

#[tokio::test]
async fn more_jobs_than_places_are_all_done() {
    let stage = Stage::new().with(|config| config.max_jobs = 2);
    let mut play = stage.open().await;
    for user in 0..100 {
        play.engine
            .create(request(&format!("user {user}")))
            .await
            .unwrap();
    }
    stage.clock.advance(HOUR);
    play.run_jobs();
    play.until(|log| log.len() == 300).await;
    // The purge was due last; it is done once it stands for its next time.
    let purged = async {
        while play.store.next_due().await.unwrap() != Some(START + 2 * HOUR) {
            tokio::task::yield_now().await;
        }
    };
    soon(purged).await;
    play.stop_jobs().await;
    play.close().await;
}

#[tokio::test]
async fn jobs_that_crowd_the_store_hold_up_neither_each_other_nor_the_runner() {
    const COUNT: usize = 24;
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers((0..COUNT).map(|_| Answer::Unclear));
    for number in 0..COUNT {
        let request = request(&format!("user {number}"));
        play.engine.create(request).await.unwrap();
    }
    // All at once, and more than the store reads at once.
    stage.clock.advance(MINUTE);
    play.run_jobs();
    play.until(|log| log.len() == 2 * COUNT).await;
    play.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_to_write_is_asked_again_after_a_rest() {
    let stage = Stage::new();
    let mut faulty = None;
    let mut play = stage
        .open_behind(
            |observer| observer,
            |store| {
                let proxy = Faulty::over(store);
                faulty = Some(Arc::clone(&proxy));
                proxy
            },
        )
        .await;
    let faulty = faulty.unwrap();
    let created = play.engine.create(request("ada")).await.unwrap();
    stage.clock.advance(HOUR);
    // First the purge can't be scheduled, then nothing can be leased.
    let schedules = AtomicUsize::new(0);
    faulty.fail([Fault::Refused; 9], move |change| {
        change.jobs.iter().any(|job| match job {
            JobWrite::Schedule { .. } => schedules.fetch_add(1, Ordering::SeqCst) < 3,
            JobWrite::Lease { .. } => true,
            _ => false,
        })
    });
    play.run_jobs();
    // Without a time-out: on paused time those run ahead while the store works.
    let watch = play.engine.watch_one(
        created.row.id,
        &verilane_engine::WatchStart::Beginning,
        verilane_engine::WatchEnd::Final,
        Duration::MAX,
    );
    let mut watch = watch.await.unwrap();
    while watch.next().await.unwrap().is_some() {}
    assert!(faulty.is_spent());
    // The two jobs are leased together, so their refusals come in pairs; and one rest can be cut
    // short by a look at the log.
    let times = faulty.times();
    let rests = times.windows(2).map(|pair| pair[1] - pair[0]);
    let rests = rests.filter(|rest| *rest >= SECOND).count();
    assert!(times.len() == 9 && rests >= 4, "{times:?}");
}

#[tokio::test]
async fn a_job_that_fails_is_run_again() {
    let stage = Stage::new();
    let mut faulty = None;
    let mut play = stage
        .open_behind(
            |observer| observer,
            |store| {
                let proxy = Faulty::over(store);
                faulty = Some(Arc::clone(&proxy));
                proxy
            },
        )
        .await;
    let faulty = faulty.unwrap();
    play.engine.create(request("ada")).await.unwrap();
    faulty.fail([Fault::Refused, Fault::UnknownAndGone], |change| {
        !change.events.is_empty()
    });
    play.run_jobs();
    stage.clock.set(START + 10 * MINUTE);
    soon(async {
        while !faulty.is_spent() || play.log().await.len() < 3 {
            tokio::task::yield_now().await;
            let due = play.store.next_due().await.unwrap();
            if due.is_some_and(|due| due < stage.now() + 10 * SECOND && due > stage.now()) {
                stage.clock.set(due.unwrap());
            }
        }
    })
    .await;
    assert_eq!(play.log().await[2].body.state_after, State::Expired);
    play.close().await;
}
