//! What happens beside an exchange: callers who hand in twice or do not wait, others who have the same
//! code, a caller who calls it off, a store that fails, a clock that leaps.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use verilane_core::{Change, EventKind, JobKind, JobWrite, Principal, Reason, Revision, State};
use verilane_engine::{Brought, ContinueVerification};
use verilane_provider::{Continuation, deadline};

use crate::stage::codes::{Grant, Link, Reply};
use crate::stage::faults::{Fault, Faulty};
use crate::stage::{self, HOUR, Play, SECOND, Stage, looked_at_connection, soon};
use crate::{
    LIFE, bringing, claims, created, end_of, ends, exchange_job, granted, hand_in, hand_in_only,
    kinds, messages, rests, wish, with_code,
};

const VERIFIED: (State, Option<Reason>) = (State::Verified, None);

/// Holds each code back until it is let go.
struct Held {
    come: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

impl Held {
    fn at(stage: &Stage) -> Self {
        let (come, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let held = Self {
            come: Arc::clone(&come),
            go: Arc::clone(&go),
        };
        stage.codes.at_code(move |_| {
            let (come, go) = (Arc::clone(&come), Arc::clone(&go));
            async move {
                come.add_permits(1);
                go.acquire().await.unwrap().forget();
            }
            .boxed()
        });
        held
    }

    async fn has_come(&self) {
        soon(self.come.acquire()).await.unwrap().forget();
    }

    fn lets_go(&self) {
        self.go.add_permits(1);
    }
}

#[tokio::test]
async fn a_caller_who_does_not_wait_is_answered_in_time_and_the_exchange_goes_on() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let held = Held::at(&stage);
    let id = granted(&stage, &play).await;
    let until = Instant::now() + SECOND;
    let view = deadline::within(until, hand_in(&stage, &play, id, "c")).await;
    assert!(Instant::now() < until);
    assert_eq!(view.unwrap().row.state(), (State::Processing, None));
    held.has_come().await;
    // Handed in again, the same code waits on.
    let again = hand_in(&stage, &play, id, "c");
    let going = async { held.lets_go() };
    let (view, ()) = tokio::join!(again, going);
    assert_eq!(view.unwrap().row.state(), VERIFIED);
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn many_who_hand_in_one_code_at_once_cause_one_exchange_and_are_all_answered() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    let many = (0..20).map(|_| hand_in(&stage, &play, id, "c"));
    for view in join_all(many).await {
        assert_eq!(view.unwrap().row.state(), VERIFIED);
    }
    assert_eq!(stage.codes.sent(), 1);
    assert_eq!(kinds(&play, id).await.len(), 5);
    play.close().await;
}

#[tokio::test]
async fn a_code_belongs_to_whom_it_was_handed_to_first_and_an_attempt_takes_one() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    let other = created(&play, wish(&["MAIL"], &[])).await;
    let held = Held::at(&stage);
    hand_in_only(&stage, &play, id, "c").await;
    held.has_come().await;
    let before = play.log().await;
    let reason = |outcome: Result<_, verilane_engine::EngineError>| outcome.unwrap_err().reason;
    let taken = reason(hand_in(&stage, &play, other, "c").await);
    assert_eq!(taken, Reason::ContinuationTaken);
    let second = reason(hand_in(&stage, &play, id, "d").await);
    assert_eq!(second, Reason::AlreadyContinued);
    let unseen = ContinueVerification {
        expected: Some(Revision(1)),
        ..with_code(other, "d", stage.now() + LIFE)
    };
    let unseen = reason(play.engine.continue_verification(unseen).await);
    assert_eq!(unseen, Reason::RevisionMismatch);
    assert_eq!(play.log().await, before);
    held.lets_go();
    assert_eq!(rests(&stage, &play).await, None);
    assert_eq!(end_of(&play, id).await, VERIFIED);
    // The end changes nothing about it.
    let taken = reason(hand_in(&stage, &play, other, "c").await);
    assert_eq!(taken, Reason::ContinuationTaken);
    let second = reason(hand_in(&stage, &play, id, "d").await);
    assert_eq!(second, Reason::AlreadyContinued);
    play.close().await;
}

#[tokio::test]
async fn a_code_that_does_not_hold_is_refused_and_leaves_the_attempt_open() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    let before = play.log().await;
    let expired = with_code(id, "c", stage.now() - SECOND);
    let error = play.engine.continue_verification(expired).await;
    let error = error.unwrap_err();
    assert_eq!(error.violations[0].reason, Reason::AuthCodeExpired);
    let request = Continuation::PresentationRequest("a request".into());
    let request = bringing(id, Brought::Continuation(request));
    let error = play.engine.continue_verification(request).await;
    assert_eq!(error.unwrap_err().reason, Reason::ContinuationNotOffered);
    let mut looked_at = wish(&["MAIL"], &[]);
    looked_at.connection = looked_at_connection();
    let looked_at = created(&play, looked_at).await;
    let code = with_code(looked_at, "c", stage.now() + LIFE);
    let error = play.engine.continue_verification(code).await;
    assert_eq!(error.unwrap_err().reason, Reason::ContinuationNotOffered);
    assert_eq!(play.events_of(id).await, before);
    assert_eq!(play.events_of(looked_at).await.len(), 2);
    play.close().await;
}

#[tokio::test]
async fn a_code_that_was_taken_is_handed_in_again_after_its_time_and_no_other_is() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    let other = created(&play, wish(&["MAIL"], &[])).await;
    let until = stage.now() + LIFE;
    let bring = |id, name| {
        play.engine
            .continue_verification(with_code(id, name, until))
    };
    let verified = bring(id, "c").await.unwrap();
    assert_eq!(verified.row.state(), (State::Verified, None));
    stage.clock.advance(2 * LIFE);
    assert_eq!(bring(id, "c").await.unwrap().row, verified.row);
    for (id, name) in [(id, "never taken"), (other, "c")] {
        let error = bring(id, name).await.unwrap_err();
        assert_eq!(error.violations[0].reason, Reason::AuthCodeExpired);
    }
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_code_that_comes_after_the_time_of_the_action_is_refused() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    stage.clock.advance(HOUR);
    let error = hand_in(&stage, &play, id, "c").await.unwrap_err();
    assert_eq!(error.reason, Reason::NotContinuable);
    assert_eq!(stage.codes.sent(), 0);
    play.close().await;
}

async fn cancel(play: &Play, id: verilane_core::VerificationId) {
    let (principal, access) = (Principal::new("a caller"), stage::access());
    let cancelled = play.engine.cancel(id, None, &principal, &access).await;
    assert_eq!(cancelled.unwrap().row.state().0, State::Cancelled);
}

#[tokio::test]
async fn of_an_exchange_that_was_called_off_nothing_is_kept_as_a_claim() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let held = Held::at(&stage);
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    held.has_come().await;
    cancel(&play, id).await;
    held.lets_go();
    play.stop_jobs().await;
    assert_eq!(exchange_job(&play).await, None);
    let why = Some(Reason::CancelledByCaller);
    assert_eq!(end_of(&play, id).await, (State::Cancelled, why));
    assert!(play.store.claims(id).await.unwrap().is_empty());
    assert!(messages(&stage, &play, id).await.is_empty());
    play.close().await;
}

#[tokio::test]
async fn an_exchange_that_is_called_off_between_two_tries_is_not_gone_on_with() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let grant = Grant {
        is_large: true,
        ..Grant::of("u-1")
    };
    for (name, replies, links) in [
        ("c", vec![Reply::IsLost], vec![]),
        ("d", vec![], vec![Link::IsSlow]),
    ] {
        stage.codes.grants(name, grant.clone());
        stage.codes.replies(replies);
        stage.codes.links(links);
        let id = created(&play, wish(&["MAIL"], &[])).await;
        let sent = stage.codes.sent();
        hand_in_only(&stage, &play, id, name).await;
        rests(&stage, &play).await.unwrap();
        cancel(&play, id).await;
        assert!(ends(&stage, &play).await.is_empty());
        assert_eq!(end_of(&play, id).await.0, State::Cancelled);
        assert!(claims(&play, id).await.is_err());
        assert!(play.store.claims(id).await.unwrap().is_empty());
        assert_eq!(stage.codes.sent(), sent + 1);
    }
    play.close().await;
}

#[tokio::test]
async fn a_clock_that_leaps_does_not_have_a_code_sent_beside_itself() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let held = Held::at(&stage);
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    held.has_come().await;
    // Its lease is over, so it is taken on anew.
    stage.clock.advance(61 * SECOND);
    let key = exchange_job(&play).await.unwrap().key;
    soon(async {
        while exchange_job(&play).await.is_none_or(|job| job.tries < 2) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(exchange_job(&play).await.unwrap().key, key);
    held.lets_go();
    assert_eq!(rests(&stage, &play).await, None);
    assert_eq!(stage.codes.sent(), 1);
    assert_eq!(end_of(&play, id).await, VERIFIED);
    play.close().await;
}

pub fn has(change: &Change, kind: EventKind) -> bool {
    change.events.iter().any(|event| event.kind == kind)
}

pub async fn faulty(stage: &Stage) -> (Play, Arc<Faulty>) {
    let mut place = None;
    let mut play = stage
        .open_behind(
            |relay| relay,
            |store| {
                let faulty = Faulty::over(store);
                place = Some(Arc::clone(&faulty));
                faulty
            },
        )
        .await;
    play.run_jobs();
    (play, place.unwrap())
}

#[tokio::test]
async fn an_answer_is_held_until_the_store_takes_it() {
    for fault in [
        Fault::Refused,
        Fault::UnknownAndGone,
        Fault::UnknownButStands,
    ] {
        let stage = Stage::exchanging();
        let (play, store) = faulty(&stage).await;
        store.fail([fault, fault], |change| {
            has(change, EventKind::CodeExchanged)
        });
        let id = granted(&stage, &play).await;
        let view = hand_in(&stage, &play, id, "c").await.unwrap();
        assert_eq!(view.row.state(), VERIFIED, "{fault:?}");
        assert_eq!(kinds(&play, id).await.len(), 5);
        assert_eq!(stage.codes.sent(), 1);
        assert_eq!(messages(&stage, &play, id).await.len(), 1);
        play.close().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_durable_is_read_again_if_its_claims_could_not_be_stored() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    store.fail([Fault::Refused; 3], |change| {
        has(change, EventKind::DataReceived)
    });
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    assert_eq!(end_of(&play, id).await, VERIFIED);
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn what_an_answer_points_to_is_held_until_the_store_takes_it() {
    for fault in [
        Fault::Refused,
        Fault::UnknownAndGone,
        Fault::UnknownButStands,
    ] {
        let stage = Stage::exchanging();
        let (play, store) = faulty(&stage).await;
        store.fail([fault, fault], |change| {
            change.events.is_empty() && !change.evidence.is_empty()
        });
        let id = granted(&stage, &play).await;
        let large = Grant {
            is_large: true,
            ..Grant::of("u-1")
        };
        stage.codes.grants("c", large);
        stage.codes.links([Link::Gives, Link::IsDead]);
        let view = hand_in(&stage, &play, id, "c").await.unwrap();
        assert_eq!(view.row.state(), VERIFIED, "{fault:?}");
        assert!(!store.times().is_empty());
        assert_eq!(kinds(&play, id).await.len(), 5);
        assert_eq!(stage.codes.world.lock().fetches, 1);
        assert_eq!(messages(&stage, &play, id).await.len(), 2);
        play.close().await;
    }
}

#[tokio::test]
async fn what_was_fetched_is_not_fetched_again_if_its_claims_could_not_be_stored() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    store.fail([Fault::Refused; 3], |change| {
        has(change, EventKind::DataReceived)
    });
    let large = Grant {
        is_large: true,
        ..Grant::of("u-1")
    };
    stage.codes.grants("c", large);
    stage.codes.links([Link::Gives, Link::IsDead]);
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    assert!(store.is_spent());
    assert_eq!(end_of(&play, id).await, VERIFIED);
    assert_eq!(stage.codes.world.lock().fetches, 1);
    play.close().await;
}

#[tokio::test]
async fn an_answer_that_is_damaged_ends_it_and_is_not_read_for_ever() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    store.fail([Fault::Refused], |change| {
        has(change, EventKind::DataReceived)
    });
    store.damages_chunks(|_, _| None);
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    soon(ends(&stage, &play)).await;
    let why = Some(Reason::ExchangeOutcomeUnknown);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_fault_before_a_code_is_sent_does_not_count_as_a_try() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    let id = granted(&stage, &play).await;
    // Whether there is an answer can't be told, again and again.
    store.refuse_lists_of_evidence(4);
    stage.codes.replies([Reply::NeverGotIt, Reply::Gives]);
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    assert_eq!(end_of(&play, id).await, VERIFIED);
    assert_eq!(stage.codes.sent(), 2);
    play.close().await;

    // It may have been sent: that is not forgotten by faults that follow.
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    let id = granted(&stage, &play).await;
    stage.codes.replies([Reply::IsLost]);
    hand_in_only(&stage, &play, id, "c").await;
    rests(&stage, &play).await.unwrap();
    store.refuse_lists_of_evidence(4);
    ends(&stage, &play).await;
    let why = Some(Reason::ExchangeOutcomeUnknown);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(stage.codes.sent(), 2);
    play.close().await;
}

#[tokio::test]
async fn what_can_not_be_put_off_counts_as_sent() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    let id = granted(&stage, &play).await;
    // Neither that it was turned away can be noted, nor that it is to be sent later.
    store.fail([Fault::Refused], |change| {
        let mut jobs = change.jobs.iter();
        change.events.is_empty() && jobs.any(|job| {
                matches!(job, JobWrite::Schedule { key, .. } if key.kind == JobKind::Exchange)
            })
    });
    stage
        .codes
        .replies([Reply::Busy(None), Reply::Refuses(Reason::CodeAlreadyUsed)]);
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    let why = Some(Reason::ExchangeOutcomeUnknown);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    play.close().await;
}
