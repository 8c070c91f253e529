//! The request that starts an attempt, between the intent and the outcome.

use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use verilane_core::{CallbackChannel, Principal, Reason, StartPhase, State};
use verilane_engine::{CrashPoint, CrashPoints};

use crate::stage::puppet::Answer;
use crate::stage::{self, Stage, request, request_as};

#[tokio::test]
async fn the_intent_is_durable_before_the_provider_is_asked_to_start() {
    let stage = Stage::new();
    let play = stage.open().await;
    let seen = Arc::new(Mutex::new(None));
    let (store, engine) = (Arc::clone(&play.store), Arc::clone(&play.engine));
    let noted = Arc::clone(&seen);
    stage.puppet.at_start(move |call| {
        let (store, engine, noted) = (Arc::clone(&store), Arc::clone(&engine), Arc::clone(&noted));
        async move {
            let events = store.events(verilane_core::Sequence(0), 10).await.unwrap();
            let id = events[0].body.verification;
            let row = store.load(id).await.unwrap().unwrap().verification;
            let paths = [
                (call.status_path(), CallbackChannel::Status),
                (call.data_path(), CallbackChannel::Data),
            ];
            for (path, channel) in paths {
                let place = engine.callback_path(&path).await.unwrap();
                assert_eq!(place.channel, channel);
            }
            assert_eq!(store.audit(1, 10).await.unwrap().len(), 1);
            *noted.lock() = Some((events.len(), row.attempts[0].phase));
        }
        .boxed()
    });
    play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_eq!(*seen.lock(), Some((1, StartPhase::Intended)));
}

#[tokio::test]
async fn crash_points_stand_on_both_sides_of_the_request() {
    struct Points {
        puppet: Arc<stage::puppet::Puppet>,
        reached: Mutex<Vec<(CrashPoint, usize)>>,
    }
    impl CrashPoints for Points {
        fn reached(&self, point: CrashPoint) {
            let sent = self.puppet.starts().len();
            self.reached.lock().push((point, sent));
        }
    }
    let mut stage = Stage::new();
    let points = Arc::new(Points {
        puppet: Arc::clone(&stage.puppet),
        reached: Mutex::default(),
    });
    stage.crash_points = Some(Arc::<Points>::clone(&points));
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let expected = [
        (CrashPoint::AvailabilityAnswered, 0),
        (CrashPoint::IntentWritten, 0),
        (CrashPoint::ProviderAnswered, 1),
    ];
    assert_eq!(*points.reached.lock(), expected);
}

#[tokio::test]
async fn while_the_provider_can_t_be_reached_a_verification_has_no_action_yet() {
    let stage = Stage::new();
    let play = stage.open().await;
    let answers = [
        Answer::NotSent,
        Answer::Unclear,
        Answer::Busy(None),
        Answer::Busy(Some(stage::MINUTE)),
    ];
    for (place, answer) in answers.into_iter().enumerate() {
        stage.puppet.answers([answer]);
        let created = play.engine.create(request(&format!("user {place}"))).await;
        let created = created.unwrap();
        assert_eq!(created.row.state(), (State::Pending, None));
        assert!(created.actions.is_empty());
    }
}

#[tokio::test]
async fn a_start_that_the_provider_refuses_ends_the_verification_and_says_why() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage
        .puppet
        .answers([Answer::Refuses(Reason::ProviderRefused)]);
    let error = play.engine.create(request("ada")).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRefused);
    let id = error.metadata[0].1.parse().unwrap();
    let row = play.view(id).await.row;
    assert_eq!(row.state(), (State::Failed, Some(Reason::ProviderRefused)));
    assert_eq!(row.attempts[0].phase, StartPhase::Ended);
    // Its slot is free again.
    play.engine.create(request("ada")).await.unwrap();
}

#[tokio::test]
async fn a_callback_can_overtake_the_answer_to_the_request() {
    let stage = Stage::new();
    let play = stage.open().await;
    let engine = Arc::clone(&play.engine);
    stage.puppet.at_start(move |call| {
        let engine = Arc::clone(&engine);
        async move { call.succeed(&engine).await }.boxed()
    });
    let created = play.engine.create(request("ada")).await.unwrap();
    assert_eq!(created.row.state().0, State::Verified);
    assert_eq!(created.row.attempts[0].phase, StartPhase::Started);
}

#[tokio::test]
async fn one_that_is_called_off_while_the_provider_is_asked_stays_called_off() {
    let stage = Stage::new();
    let play = stage.open().await;
    let engine = Arc::clone(&play.engine);
    let store = Arc::clone(&play.store);
    stage.puppet.at_start(move |_| {
        let (engine, store) = (Arc::clone(&engine), Arc::clone(&store));
        async move {
            let log = store.events(verilane_core::Sequence(0), 1).await.unwrap();
            let id = log[0].body.verification;
            let (principal, access) = (Principal::anonymous(), stage::access());
            engine.cancel(id, None, &principal, &access).await.unwrap();
        }
        .boxed()
    });
    let created = play.engine.create(request("ada")).await.unwrap();
    assert_eq!(created.row.state().0, State::Cancelled);
    assert!(created.actions.is_empty());
}

#[tokio::test]
async fn one_that_is_called_off_before_the_provider_was_asked_is_not_asked_for() {
    /// Calls off whatever has just been intended, from a thread of its own.
    struct CallsOff(Mutex<Option<Arc<verilane_engine::Engine>>>);
    impl CrashPoints for CallsOff {
        fn reached(&self, point: CrashPoint) {
            if point != CrashPoint::IntentWritten {
                return;
            }
            let engine = self.0.lock().clone().unwrap();
            let thread = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().unwrap();
                runtime.block_on(async {
                    let list = verilane_engine::ListVerifications {
                        page_size: 1,
                        ..verilane_engine::ListVerifications::default()
                    };
                    let id = engine.list(&list).await.unwrap().0[0].row.id;
                    let (principal, access) = (Principal::anonymous(), stage::access());
                    engine.cancel(id, None, &principal, &access).await.unwrap();
                });
            });
            thread.join().unwrap();
        }
    }
    let mut stage = Stage::new();
    let points = Arc::new(CallsOff(Mutex::default()));
    stage.crash_points = Some(Arc::<CallsOff>::clone(&points));
    let play = stage.open().await;
    *points.0.lock() = Some(Arc::clone(&play.engine));
    let created = play.engine.create(request("ada")).await.unwrap();
    assert_eq!(created.row.state().0, State::Cancelled);
    assert!(stage.puppet.starts().is_empty());
    *points.0.lock() = None;
}

#[tokio::test]
async fn a_refusal_in_the_provider_s_own_words_is_kept_as_evidence_and_shown_to_nobody() {
    const WORDS: &str = "the wallet is out of coins";
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.answers([Answer::Says(WORDS)]);
    let error = play.engine.create(request("ada")).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRefused);
    assert!(!format!("{error:?}").contains(WORDS));
    let log = play.log().await;
    let row = play.view(log[0].body.verification).await.row;
    let pieces = play.store.evidence(row.id).await.unwrap();
    assert_eq!(pieces.len(), 1);
    let chunk = play.store.chunk(pieces[0].id, 0).await.unwrap().unwrap();
    let kept = stage
        .data_key(&row)
        .open_evidence(row.id, pieces[0].id, [&chunk])
        .unwrap();
    assert_eq!(kept.expose(), WORDS.as_bytes());
}

#[tokio::test]
async fn what_the_provider_works_on_that_nobody_here_asked_for_is_not_ours() {
    let stage = Stage::new();
    let play = stage.open().await;
    let ongoing = Answer::Refuses(Reason::RequestAlreadyOpen);
    stage.puppet.answers([ongoing]);
    let error = play.engine.create(request("ada")).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRequestNotOurs);
}

#[tokio::test]
async fn somebody_else_s_request_stays_somebody_else_s_once_it_is_worked_on() {
    let stage = Stage::new();
    let play = stage.open().await;
    for answer in [
        Answer::HoldsOne(crate::stage::START + std::time::Duration::from_secs(540)),
        Answer::Refuses(Reason::RequestAlreadyOpen),
    ] {
        stage.puppet.answers([answer]);
        let error = play.engine.create(request("ada")).await.unwrap_err();
        assert_eq!(error.reason, Reason::ProviderRequestNotOurs);
    }
}
