//! A process that is killed at any step of an exchange: what is durable is not asked for again, and
//! what may have been spent is told from what was not.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use verilane_core::{EventKind, Reason, State};
use verilane_engine::{CrashPoint, CrashPoints};
use verilane_provider::deadline;

use crate::stage::codes::{Grant, Reply};
use crate::stage::{DAY, Stage, codes_connection, soon};
use crate::{created, end_of, ends, hand_in, kinds, messages, wish};

/// Kills whoever comes to a point for the last of so many times.
struct Killer {
    at: Mutex<Option<(CrashPoint, usize)>>,
    struck: Semaphore,
}

impl CrashPoints for Killer {
    fn reached(&self, point: CrashPoint) {
        let mut at = self.at.lock();
        match &mut *at {
            Some((where_, 1)) if *where_ == point => {
                *at = None;
                drop(at);
                self.struck.add_permits(1);
                std::panic::resume_unwind(Box::new("the process ends here"));
            }
            Some((where_, times)) if *where_ == point => *times -= 1,
            _ => {}
        }
    }
}

/// What comes of an exchange during which the process is killed at each of these. Its end, how often the
/// code was sent, how often a link was followed, and how many messages are kept.
async fn killed_at(
    points: &[(CrashPoint, usize)],
    is_large: bool,
    replies: &[Reply],
) -> ((State, Option<Reason>), usize, usize, usize) {
    let killer = Arc::new(Killer {
        at: Mutex::default(),
        struck: Semaphore::new(0),
    });
    let mut stage = Stage::exchanging();
    stage.crash_points = Some(Arc::<Killer>::clone(&killer));
    let grant = Grant {
        is_large,
        ..Grant::of("u-1")
    };
    stage.codes.grants("c", grant);
    stage.codes.replies(replies.iter().copied());
    let mut play = stage.open().await;
    play.run_jobs();
    let id = created(&play, wish(&["MAIL"], &["PHONE"])).await;
    let mut handed_in = false;
    for point in points {
        *killer.at.lock() = Some(*point);
        if !handed_in {
            handed_in = true;
            let engine = Arc::clone(&play.engine);
            let request = crate::with_code(id, "c", stage.now() + crate::LIFE);
            let call = tokio::spawn(async move {
                let _ = engine.continue_verification(request).await;
            });
            soon(killer.struck.acquire()).await.unwrap().forget();
            call.abort();
            let _ = call.await;
        } else {
            play.run_jobs();
            let clock = async {
                loop {
                    if let Some(due) = play.store.next_due().await.unwrap()
                        && due > stage.now()
                        && crate::exchange_job(&play)
                            .await
                            .is_some_and(|job| job.due == due)
                    {
                        stage.clock.set(due);
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                struck = soon(killer.struck.acquire()) => struck.unwrap().forget(),
                () = clock => {}
            }
        }
        play.cut_off().await;
        play = stage.open().await;
    }
    play.run_jobs();
    ends(&stage, &play).await;
    // A repeat of the call that was cut off is answered.
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    let end = end_of(&play, id).await;
    assert_eq!(view.row.state(), end);
    let told = kinds(&play, id).await;
    let exchanged = told
        .iter()
        .filter(|(kind, _)| *kind == EventKind::CodeExchanged);
    assert!(exchanged.count() <= 1);
    let kept = messages(&stage, &play, id).await.len();
    play.close().await;
    let world = stage.codes.world.lock();
    assert!(world.replies.is_empty());
    (end, world.sent.len(), world.fetches, kept)
}

const VERIFIED: (State, Option<Reason>) = (State::Verified, None);
const UNKNOWN: (State, Option<Reason>) = (State::Failed, Some(Reason::ExchangeOutcomeUnknown));

#[tokio::test]
async fn a_code_that_was_not_sent_is_sent_after_the_restart() {
    for point in [CrashPoint::CodeBound, CrashPoint::ExchangeAsked] {
        let end = killed_at(&[(point, 1)], false, &[]).await;
        assert_eq!(end, (VERIFIED, 1, 0, 1), "{point:?}");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_the_outcome_unknown() {
    for point in [CrashPoint::ExchangeAnswered, CrashPoint::EvidenceWritten] {
        let end = killed_at(&[(point, 1)], false, &[]).await;
        assert_eq!(end, (UNKNOWN, 2, 0, 0), "{point:?}");
        // It was turned away the first time: nothing was spent.
        let busy = [Reply::Busy(None)];
        if point == CrashPoint::ExchangeAnswered {
            let end = killed_at(&[(point, 1)], false, &busy).await;
            assert_eq!(end, (VERIFIED, 2, 0, 1));
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_durable_is_read_after_the_restart_and_not_asked_for_again() {
    for point in [
        CrashPoint::ExchangeKept,
        CrashPoint::ExchangeRead,
        CrashPoint::CallbackCommitted,
    ] {
        let end = killed_at(&[(point, 1)], false, &[]).await;
        assert_eq!(end, (VERIFIED, 1, 0, 1), "{point:?}");
    }
    for point in [
        (CrashPoint::ExchangeKept, 1),
        (CrashPoint::ExchangeKept, 2),
        (CrashPoint::ExchangeRead, 1),
        (CrashPoint::CallbackCommitted, 1),
    ] {
        let end = killed_at(&[point], true, &[]).await;
        assert_eq!(end, (VERIFIED, 1, 1, 2), "{point:?}");
    }
}

#[tokio::test]
async fn what_an_answer_points_to_is_fetched_again_only_if_it_was_not_durable() {
    let written = (CrashPoint::EvidenceWritten, 2);
    let read = (CrashPoint::ExchangeRead, 1);
    let end = killed_at(&[written, read, read], true, &[]).await;
    assert_eq!(end, (VERIFIED, 1, 2, 2));
}

#[tokio::test]
async fn however_often_the_process_ends_a_code_is_sent_twice_at_most() {
    let asked = (CrashPoint::ExchangeAsked, 1);
    let answered = (CrashPoint::ExchangeAnswered, 1);
    let kept = (CrashPoint::ExchangeKept, 1);
    let read = (CrashPoint::ExchangeRead, 1);
    assert_eq!(
        killed_at(&[asked, kept, read], false, &[]).await,
        (VERIFIED, 1, 0, 1)
    );
    assert_eq!(
        killed_at(&[asked, answered], false, &[]).await,
        (UNKNOWN, 1, 0, 0)
    );
    assert_eq!(
        killed_at(&[asked, asked], false, &[]).await,
        (UNKNOWN, 0, 0, 0)
    );
    let silent = [Reply::NeverGotIt];
    let end = killed_at(&[answered, kept, read, read], false, &silent).await;
    assert_eq!(end, (VERIFIED, 2, 0, 1));
}

/// What comes of a code that is to be sent when the process dies and its connection is taken out, for so
/// long.
async fn without_connection(time: std::time::Duration) -> (State, Option<Reason>) {
    let mut stage = Stage::exchanging();
    stage.codes.grants("c", Grant::of("u-1"));
    stage.codes.replies([Reply::Busy(Some(time))]);
    let mut play = stage.open().await;
    play.run_jobs();
    let id = created(&play, wish(&["MAIL"], &["PHONE"])).await;
    let until = stage.now() + 2 * DAY;
    let call = play
        .engine
        .continue_verification(crate::with_code(id, "c", until));
    let view = deadline::within(Instant::now(), call).await.unwrap();
    assert_eq!(view.row.state(), (State::Processing, None));
    crate::rests(&stage, &play).await;
    play.cut_off().await;
    let all = stage.connections.clone();
    stage
        .connections
        .retain(|(name, _)| *name != codes_connection());
    play = stage.open().await;
    play.run_jobs();
    stage.clock.advance(time);
    crate::rests(&stage, &play).await;
    play.cut_off().await;
    stage.connections = all;
    play = stage.open().await;
    play.run_jobs();
    ends(&stage, &play).await;
    let end = end_of(&play, id).await;
    play.close().await;
    end
}

#[tokio::test]
async fn an_exchange_waits_a_day_for_a_connection_that_was_taken_out() {
    assert_eq!(without_connection(DAY / 2).await, VERIFIED);
    let stalled = (State::Failed, Some(Reason::ProviderStalled));
    assert_eq!(without_connection(DAY).await, stalled);
}
