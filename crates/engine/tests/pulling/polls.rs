//! Polls: when they come, what they write, and what they don't.

use verilane_core::{Event, JobWrite, Reason, State};
use verilane_engine::Verdict;

use crate::stage::faults::{Fault, Faulty};
use crate::stage::puppet::{Answer, HistoryAnswer};
use crate::stage::{HOUR, MINUTE, SECOND, START, Stage, request};
use crate::{begin, next_due, pulled, settled, words};

#[tokio::test]
async fn after_silence_every_missed_status_is_written_in_order_with_its_time_and_once() {
    let stage = Stage::keeping_history();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    begin(&stage, &mut play).await;
    for (word, after) in [
        ("PENDING", 0),
        ("ACCEPTED", 20),
        ("INITIATED", 20),
        ("on hold", 30),
    ] {
        stage.puppet.notes(word, START + after * SECOND);
    }
    // The poll at the start has found nothing yet, so the next comes after twice as long.
    stage.clock.set(START + 2 * MINUTE);
    let log = play.until(|log| log.len() == 6).await;
    let expected = ["PENDING", "ACCEPTED", "INITIATED", "OTHER"];
    assert_eq!(words(&log), pulled(&expected));
    let revisions: Vec<_> = log.iter().map(|event| event.body.revision.0).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5, 6]);
    let times: Vec<_> = log[2..]
        .iter()
        .map(|event| event.body.provider_time.unwrap())
        .collect();
    assert_eq!(times, [0, 20, 20, 30].map(|after| START + after * SECOND));
    let states: Vec<_> = log[2..]
        .iter()
        .map(|event| event.body.state_after)
        .collect();
    use State::{Pending, Processing};
    assert_eq!(states, [Pending, Processing, Processing, Processing]);
    // The hash of a transaction is kept sealed beside its event.
    assert!(log[4].body.tx_hash.is_some() && log[3].body.tx_hash.is_none());
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.provider_status().unwrap(), "INITIATED");
    // Asked again, it tells of nothing new.
    stage.clock.set(START + 3 * MINUTE);
    stage.puppet.asked_for_history(3).await;
    settled(&stage, &play).await;
    assert_eq!(play.log().await.len(), 6);
    play.close().await;
}

#[tokio::test]
async fn silence_is_asked_into_at_growing_gaps() {
    let stage = Stage::keeping_history().with(|config| {
        config.purge_interval = 30 * 24 * HOUR;
        config.polls.longest = 4 * MINUTE;
    });
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    // The runner asks when it starts.
    begin(&stage, &mut play).await;
    let base = stage.puppet.pulls();
    stage.clock.set(START + 30 * SECOND);
    start.report(&play.engine, "INITIATED").await.unwrap();
    // Counted from the last news.
    let mut due = START + 30 * SECOND;
    for (number, gap) in [1, 2, 4, 4, 4].into_iter().enumerate() {
        due = due + gap * MINUTE;
        next_due(&play, due).await;
        stage.clock.set(due);
        stage.puppet.asked_for_history(base + number + 1).await;
    }
    next_due(&play, due + 4 * MINUTE).await;
    assert_eq!(stage.puppet.pulls(), base + 5);
    play.close().await;
}

#[tokio::test]
async fn what_a_callback_told_is_not_told_again_and_the_other_way_round() {
    let stage = Stage::keeping_history();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    stage.puppet.notes("ACCEPTED", START + SECOND);
    stage.puppet.notes("INITIATED", START + 2 * SECOND);
    play.run_jobs();
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(
        words(&log),
        [
            ("ACCEPTED".to_owned(), "SIGNED"),
            ("INITIATED".to_owned(), "PULLED")
        ]
    );
    let again = start.report(&play.engine, "INITIATED").await.unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    assert_eq!(play.log().await.len(), 4);
    play.close().await;
}

#[tokio::test]
async fn a_restart_asks_about_every_open_attempt_at_once_and_spread() {
    let stage = Stage::keeping_history().with(|config| {
        config.polls.first = 24 * HOUR;
        config.pull_limits.per_minute = 60;
    });
    let play = stage.open().await;
    for user in ["ada", "grace", "joan"] {
        play.engine.create(request(user)).await.unwrap();
    }
    play.close().await;
    stage.puppet.notes("ACCEPTED", START + SECOND);
    stage.clock.set(START + MINUTE);
    let mut play = stage.open().await;
    play.run_jobs();
    stage.puppet.asked_for_history(1).await;
    next_due(&play, START + MINUTE + SECOND).await;
    stage.clock.set(START + MINUTE + SECOND);
    stage.puppet.asked_for_history(2).await;
    stage.clock.set(START + MINUTE + 2 * SECOND);
    // Puppet notes do not say whom they are about: each attempt finds them in its own time.
    let log = play.until(|log| log.len() == 9).await;
    assert_eq!(words(&log), pulled(&["ACCEPTED"; 3]));
    play.close().await;
}

#[tokio::test]
async fn a_pull_whose_commit_is_in_doubt_is_repeated_and_writes_once() {
    for fault in [
        Fault::Refused,
        Fault::UnknownAndGone,
        Fault::UnknownButStands,
    ] {
        let stage = Stage::keeping_history();
        let mut faulty = None;
        let mut play = stage
            .open_behind(
                |observer| observer,
                |store| {
                    let proxy = Faulty::over(store);
                    faulty = Some(std::sync::Arc::clone(&proxy));
                    proxy
                },
            )
            .await;
        let faulty = faulty.unwrap();
        play.engine.create(request("ada")).await.unwrap();
        stage.puppet.notes("ACCEPTED", START + SECOND);
        faulty.fail([fault], |change| {
            let pulled = change
                .events
                .iter()
                .any(|e| e.assurance.as_str() == "PULLED");
            pulled
                && change
                    .jobs
                    .iter()
                    .any(|job| matches!(job, JobWrite::Schedule { .. }))
        });
        stage.clock.set(START + MINUTE);
        play.run_jobs();
        let done = async {
            while !faulty.is_spent() || play.log().await.len() < 3 {
                tokio::task::yield_now().await;
                let due = play.store.next_due().await.unwrap();
                if due.is_some_and(|due| due > stage.now() && due < START + 5 * MINUTE) {
                    stage.clock.set(due.unwrap());
                }
            }
        };
        crate::stage::soon(done).await;
        play.stop_jobs().await;
        assert_eq!(words(&play.log().await), pulled(&["ACCEPTED"]), "{fault:?}");
        play.close().await;
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again_and_one_that_asks_for_time_gets_it() {
    let stage = Stage::keeping_history().with(|config| config.purge_interval = 24 * HOUR);
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    begin(&stage, &mut play).await;
    stage
        .puppet
        .answers_pulls([HistoryAnswer::NotSent, HistoryAnswer::Busy(20 * MINUTE)]);
    next_due(&play, START + 2 * MINUTE).await;
    stage.clock.set(START + 2 * MINUTE);
    next_due(&play, START + 6 * MINUTE).await;
    stage.clock.set(START + 6 * MINUTE);
    next_due(&play, START + 26 * MINUTE).await;
    stage.puppet.notes("INITIATED", START + 4 * MINUTE);
    stage.clock.set(START + 26 * MINUTE);
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(words(&log)[1..], pulled(&["INITIATED"]));
    play.close().await;
}

#[tokio::test]
async fn an_attempt_that_is_told_out_is_asked_about_once_more_and_then_left_alone() {
    let stage = Stage::keeping_history().with(|config| config.purge_interval = 24 * HOUR);
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    let told = play.log().await.len();
    stage.puppet.notes("CALLBACK_FAILED", START + SECOND);
    begin(&stage, &mut play).await;
    next_due(&play, START + MINUTE).await;
    stage.clock.set(START + MINUTE);
    let log = play.until(|log| log.len() == told + 1).await;
    assert_eq!(words(&log).last(), pulled(&["CALLBACK_FAILED"]).last());
    // What was found could be followed by more.
    next_due(&play, START + 2 * MINUTE).await;
    stage.clock.set(START + 2 * MINUTE);
    next_due(&play, START + 24 * HOUR).await;
    assert_eq!(stage.puppet.pulls(), 2);
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Verified
    );
    play.close().await;
}

#[tokio::test]
async fn an_attempt_that_has_ended_is_asked_about_a_last_time_however_late() {
    for late in [0, 7] {
        let stage = Stage::keeping_history().with(|config| {
            config.purge_interval = 24 * HOUR;
            config.polls.after_end = 90 * SECOND;
        });
        let mut play = stage.open().await;
        play.engine.create(request("ada")).await.unwrap();
        let start = stage.puppet.last_start();
        start.report(&play.engine, "VALIDITY_FAILED").await.unwrap();
        begin(&stage, &mut play).await;
        next_due(&play, START + MINUTE).await;
        stage.clock.set(START + MINUTE);
        // The next after that would be too late.
        next_due(&play, START + 90 * SECOND).await;
        let told = play.log().await.len();
        stage.puppet.notes("FINISH_FAILED", START + 80 * SECOND);
        stage.clock.set(START + 90 * SECOND + late * HOUR);
        let log = play.until(|log| log.len() == told + 1).await;
        assert_eq!(words(&log).last(), pulled(&["FINISH_FAILED"]).last());
        play.close().await;
    }
}

#[tokio::test]
async fn a_last_question_that_brought_news_is_not_asked_again() {
    let stage = Stage::keeping_history().with(|config| {
        config.purge_interval = 24 * HOUR;
        config.polls.after_end = 90 * SECOND;
    });
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let failed = start.report(&play.engine, "VALIDITY_FAILED").await;
    failed.unwrap();
    begin(&stage, &mut play).await;
    next_due(&play, START + MINUTE).await;
    stage.clock.set(START + MINUTE);
    next_due(&play, START + 90 * SECOND).await;
    stage.puppet.notes("INITIATED", START + 80 * SECOND);
    stage.clock.set(START + 90 * SECOND);
    let told = |log: &[Event]| words(log).contains(&pulled(&["INITIATED"])[0]);
    play.until(told).await;
    // Its job is gone, and does not wait for its lease to run out.
    settled(&stage, &play).await;
    assert_eq!(stage.puppet.pulls(), 2);
    play.close().await;
}

#[tokio::test]
async fn a_word_after_the_time_of_asking_drops_no_question_that_was_not_answered() {
    let stage = Stage::keeping_history().with(|config| {
        config.purge_interval = 24 * HOUR;
        config.polls.after_end = 90 * SECOND;
    });
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let failed = start.report(&play.engine, "VALIDITY_FAILED").await;
    failed.unwrap();
    begin(&stage, &mut play).await;
    stage.puppet.notes("INITIATED", START + 50 * SECOND);
    stage.puppet.answers_pulls([HistoryAnswer::NotSent]);
    next_due(&play, START + MINUTE).await;
    stage.clock.set(START + MINUTE);
    next_due(&play, START + 3 * MINUTE).await;
    stage.clock.set(START + 2 * MINUTE);
    let failed = start.report(&play.engine, "FINISH_FAILED").await;
    failed.unwrap();
    stage.clock.set(START + 3 * MINUTE);
    let told = |log: &[Event]| words(log).contains(&pulled(&["INITIATED"])[0]);
    play.until(told).await;
    play.close().await;
}

#[tokio::test]
async fn an_attempt_that_was_called_off_is_asked_about_no_more() {
    let stage = Stage::keeping_history();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let principal = verilane_core::Principal::anonymous();
    let access = crate::stage::access();
    play.engine
        .cancel(created.row.id, None, &principal, &access)
        .await
        .unwrap();
    assert_eq!(play.store.next_due().await.unwrap(), None);
    play.close().await;
}

#[tokio::test]
async fn a_refused_start_that_the_provider_tells_of_all_the_same_is_asked_about() {
    let stage = Stage::keeping_history();
    let mut play = stage.open().await;
    // The first try was taken and its answer lost; the second one was refused.
    let refuses = Answer::Refuses(Reason::ProviderRefused);
    stage.puppet.answers([refuses]);
    play.engine.create(request("ada")).await.unwrap_err();
    begin(&stage, &mut play).await;
    assert_eq!(stage.puppet.pulls(), 0, "nobody has told of it");
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    stage.puppet.notes("ACCEPTED", START);
    stage.puppet.notes("INITIATED", START + SECOND);
    stage.clock.set(START + MINUTE);
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(words(&log)[1..], pulled(&["INITIATED"]));
    play.close().await;
}
