//! Sending the request that starts an attempt again, until there is an outcome.

use futures_util::FutureExt;
use verilane_core::{Principal, Reason, State};

use crate::stage::puppet::Answer;
use crate::stage::{self, HOUR, MINUTE, SECOND, START, Stage, request, soon};

#[tokio::test]
async fn a_request_that_did_not_get_through_is_sent_again_with_the_same_urls() {
    for answer in [Answer::NotSent, Answer::Unclear, Answer::Busy(None)] {
        let stage = Stage::new();
        let mut play = stage.open().await;
        stage.puppet.answers([answer]);
        let created = play.engine.create(request("ada")).await.unwrap();
        play.run_jobs();
        stage.clock.advance(SECOND);
        play.until(|log| log.len() == 2).await;
        let starts = stage.puppet.starts();
        assert_eq!(starts.len(), 2);
        assert_eq!(starts[0].without_its_picture(), starts[1]);
        assert_eq!(play.view(created.row.id).await.actions.len(), 1);
        play.close().await;
    }
}

#[tokio::test]
async fn each_wait_is_about_twice_the_one_before_up_to_half_a_minute() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let answers = (0..8).map(|place| {
        if place % 2 == 0 {
            Answer::NotSent
        } else {
            Answer::Unclear
        }
    });
    stage.puppet.answers(answers);
    play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    let mut sent_at = vec![0];
    for number in 2..=9 {
        let due = soon(async {
            loop {
                let due = play.store.next_due().await.unwrap().unwrap();
                // Until the outcome of the last one is written, the lease is what stands; and
                // what is due now is the purge that the runner begins with.
                let ahead = stage.now() < due && due < stage.now() + 45 * SECOND;
                if ahead && stage.puppet.starts().len() == number - 1 {
                    return due;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        stage.clock.set(due);
        stage.puppet.asked_to_start(number).await;
        sent_at.push(due.since(START).as_secs());
    }
    assert_eq!(sent_at, [0, 1, 2, 4, 8, 16, 32, 62, 92]);
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_asks_for_time_is_given_it() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Busy(Some(3 * MINUTE))]);
    play.engine.create(request("ada")).await.unwrap();
    assert_eq!(
        play.store.next_due().await.unwrap(),
        Some(START + 3 * MINUTE)
    );
    play.run_jobs();
    stage.clock.set(START + 3 * MINUTE);
    stage.puppet.asked_to_start(2).await;
    play.close().await;
}

#[tokio::test]
async fn a_provider_that_asks_for_too_much_time_is_given_no_more_than_there_is() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Busy(Some(24 * HOUR))]);
    let created = play.engine.create(request("ada")).await.unwrap();
    let expiry = created.row.attempts[0].requested_expiry;
    assert_eq!(play.store.next_due().await.unwrap(), Some(expiry));
    play.run_jobs();
    stage.clock.set(expiry);
    play.until(|log| log.len() == 2).await;
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state(), (State::Failed, Some(Reason::StartAbandoned)));
    play.close().await;
}

#[tokio::test]
async fn an_intent_whose_call_was_cut_off_is_resumed_after_a_restart_and_adopts_its_own_request() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.answers([Answer::Hangs]);
    let mut create = Box::pin(play.engine.create(request("ada")));
    tokio::select! {
        _ = &mut create => panic!("the provider hangs"),
        _ = stage.puppet.asked_to_start(1) => {}
    }
    drop(create);
    play.close().await;

    let mut play = stage.open().await;
    let held = stage.puppet.last_start().expiry;
    stage.puppet.answers([Answer::HoldsOne(held)]);
    play.run_jobs();
    let log = play.until(|log| log.len() == 2).await;
    assert_eq!(log[1].body.kind.as_str(), "ACTION_AVAILABLE");
    let starts = stage.puppet.starts();
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[0].without_its_picture(), starts[1]);
    // Its callbacks come to the paths that the first sending named.
    starts[0].succeed(&play.engine).await;
    let id = log[0].body.verification;
    assert_eq!(play.view(id).await.row.state().0, State::Verified);
    play.close().await;
}

#[tokio::test]
async fn a_resumed_intent_whose_request_the_provider_works_on_already_waits_for_its_callbacks() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let refusal = Answer::Refuses(Reason::RequestAlreadyOpen);
    stage.puppet.answers([Answer::Unclear, refusal]);
    let created = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(SECOND);
    stage.puppet.asked_to_start(2).await;
    // The refusal is dealt with once the job's lease has given way to another try.
    let next = soon(async {
        loop {
            let due = play.store.next_due().await.unwrap().unwrap();
            if stage.now() < due && due < stage.now() + 45 * SECOND {
                return due;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(next, START + 2 * SECOND);
    stage.puppet.starts()[0].succeed(&play.engine).await;
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Verified);
    play.close().await;
}

#[tokio::test]
async fn an_intent_whose_caller_went_away_is_resumed_without_a_restart_once_its_lease_is_over() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Hangs]);
    {
        let engine = std::sync::Arc::clone(&play.engine);
        let mut create = Box::pin(async move { engine.create(request("ada")).await });
        tokio::select! {
            _ = &mut create => panic!("the provider hangs"),
            _ = stage.puppet.asked_to_start(1) => {}
        }
    }
    let lease = stage.config.deadlines.start_lease;
    assert_eq!(play.store.next_due().await.unwrap(), Some(START + lease));
    play.run_jobs();
    stage.clock.set(START + lease);
    play.until(|log| log.len() == 2).await;
    play.close().await;
}

#[tokio::test]
async fn an_outcome_that_could_not_be_stored_is_asked_for_again() {
    use crate::stage::faults::{Fault, Faulty};
    let stage = Stage::new();
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
    faulty.fail([Fault::Refused], |change| {
        change
            .events
            .iter()
            .any(|e| e.kind.as_str() == "ACTION_AVAILABLE")
    });
    let error = play.engine.create(request("ada")).await.unwrap_err();
    assert_eq!(error.reason, Reason::StoreUnavailable);
    stage
        .puppet
        .answers([Answer::HoldsOne(stage.puppet.last_start().expiry)]);
    play.run_jobs();
    stage.clock.advance(MINUTE);
    play.until(|log| log.len() == 2).await;
    assert_eq!(stage.puppet.starts().len(), 2);
    play.close().await;
}

#[tokio::test]
async fn a_request_that_never_left_can_t_be_what_the_provider_holds() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage
        .puppet
        .answers([Answer::NotSent, Answer::HoldsOne(START + 9 * MINUTE)]);
    let created = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(SECOND);
    let log = play.until(|log| log.len() == 2).await;
    assert_eq!(log[1].body.reason, Some(Reason::ProviderRequestNotOurs));
    assert_eq!(play.view(created.row.id).await.row.state().0, State::Failed);
    play.close().await;
}

#[tokio::test]
async fn a_resumed_intent_on_a_known_slot_adopts_its_own_request() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada")).await.unwrap();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(first.row.id, None, &principal, &access)
        .await
        .unwrap();
    stage.clock.advance(SECOND);
    let own = START + SECOND + 10 * MINUTE;
    stage
        .puppet
        .answers([Answer::Unclear, Answer::HoldsOne(own)]);
    let second = play.engine.create(request("ada")).await.unwrap();
    play.run_jobs();
    stage.clock.advance(SECOND);
    play.until(|log| log.len() == 5).await;
    let view = play.view(second.row.id).await;
    assert_eq!(view.actions[0].1.expire_time(), own);
    play.close().await;
}

#[tokio::test]
async fn an_attempt_that_never_reached_its_provider_is_given_up_when_its_action_would_expire() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Unclear]);
    let created = play
        .engine
        .create(stage::request_as("r", "ada"))
        .await
        .unwrap();
    stage.clock.set(START + 10 * MINUTE);
    play.run_jobs();
    let log = play.until(|log| log.len() == 2).await;
    assert_eq!(log[1].body.kind.as_str(), "START_FAILED");
    assert_eq!(log[1].body.reason, Some(Reason::StartAbandoned));
    assert_eq!(stage.puppet.starts().len(), 1);
    // The caller was told of a verification, and is told what became of it.
    let again = play
        .engine
        .create(stage::request_as("r", "ada"))
        .await
        .unwrap();
    assert_eq!(again.row.id, created.row.id);
    assert_eq!(
        again.row.state(),
        (State::Failed, Some(Reason::StartAbandoned))
    );
    play.close().await;
}

#[tokio::test]
async fn one_that_was_called_off_is_not_sent_again() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Unclear]);
    let created = play.engine.create(request("ada")).await.unwrap();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(created.row.id, None, &principal, &access)
        .await
        .unwrap();
    assert_eq!(play.store.next_due().await.unwrap(), None);
    play.run_jobs();
    stage.clock.advance(MINUTE);
    // A later one is sent, so the runner has been past the first.
    stage.puppet.answers([Answer::Unclear]);
    play.engine.create(request("grace")).await.unwrap();
    stage.clock.advance(SECOND);
    play.until(|log| log.len() == 4).await;
    let users: Vec<_> = stage
        .puppet
        .starts()
        .into_iter()
        .map(|s| s.subject)
        .collect();
    assert_eq!(users, ["ada", "grace", "grace"]);
    play.close().await;
}

#[tokio::test]
async fn a_resumed_request_asks_for_no_less_than_the_provider_accepts() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Unclear]);
    play.engine.create(request("ada")).await.unwrap();
    stage.clock.set(START + 9 * MINUTE);
    play.run_jobs();
    let again = stage.puppet.asked_to_start(2).await;
    assert_eq!(again.expiry, START + 14 * MINUTE + 5 * SECOND);
    play.until(|log| log.len() == 2).await;
    play.close().await;
}

#[tokio::test]
async fn while_a_call_waits_for_its_provider_nobody_else_sends_its_request() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    stage.puppet.answers([Answer::Hangs]);
    let engine = std::sync::Arc::clone(&play.engine);
    let mut create = Box::pin(async move { engine.create(request("ada")).await });
    tokio::select! {
        _ = &mut create => panic!("the provider hangs"),
        _ = stage.puppet.asked_to_start(1) => {}
    }
    play.run_jobs();
    // The runner has been through: what was due has been done.
    let lease = stage.config.deadlines.start_lease;
    let purge = HOUR;
    soon(async {
        while play.store.next_due().await.unwrap() != Some(START + lease.min(purge)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(stage.puppet.starts().len(), 1);
    assert!(create.as_mut().now_or_never().is_none());
    drop(create);
    play.close().await;
}
