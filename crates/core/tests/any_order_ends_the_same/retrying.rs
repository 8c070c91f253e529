//! Several attempts of one verification: whatever order the news of all of them comes in, the end is
//! the same, and a new attempt may be asked for exactly when that was told.

use std::time::Duration;

use proptest::prelude::*;
use verilane_core::{AttemptNumber, ClaimStatus, EventKind, JobKind, Reason, State, Timestamp};

use crate::keeper::{ACTION_EXPIRY, FAR, Keeper};
use crate::model::outcome_of;
use crate::news::{Arrival, News, flow, shuffled};

const COMPLETE: News = News::Data {
    complete: true,
    extra: false,
};

fn arrival(news: News) -> Arrival {
    Arrival {
        news,
        after: 1,
        late: false,
    }
}

/// Two attempts whose actions expired, and a third that is open.
fn third_is_open() -> Keeper {
    let mut keeper = Keeper::started(FAR);
    for _ in 2..=3 {
        let due = *keeper.jobs.values().next().unwrap();
        assert!(keeper.run_out(JobKind::ExpireAction, due));
        keeper.now = due;
        keeper.retry(due + Duration::from_mins(10)).unwrap();
        assert!(keeper.start());
    }
    keeper
}

type Flows = Vec<Vec<News>>;
type Arrivals = Vec<(AttemptNumber, Arrival)>;

/// News of three attempts, and an order in which it all comes in.
fn flows_and_arrivals() -> impl Strategy<Value = (Flows, Arrivals)> {
    prop::collection::vec(flow(), 3).prop_flat_map(|flows| {
        let each: Vec<_> = flows.iter().cloned().map(shuffled).collect();
        let all = (1..).zip(each).map(|(number, arrivals)| {
            arrivals.prop_map(move |all| all.into_iter().map(|a| (number, a)).collect::<Vec<_>>())
        });
        let mixed = all
            .collect::<Vec<_>>()
            .prop_map(|all| all.concat())
            .prop_shuffle();
        (Just(flows), mixed)
    })
}

fn claims_of(flows: &[Vec<News>]) -> [ClaimStatus; 3] {
    let complete = flows
        .iter()
        .find(|flow| outcome_of(flow).state == State::Verified);
    let has_data = |flow: &&Vec<News>| flow.iter().any(|news| matches!(news, News::Data { .. }));
    let newest = flows.iter().rfind(has_data);
    complete
        .or(newest)
        .map_or([ClaimStatus::Requested; 3], |flow| outcome_of(flow).claims)
}

proptest! {
    #[test]
    fn news_of_three_attempts_in_any_order_ends_the_same(
        (flows, arrivals) in flows_and_arrivals(),
    ) {
        let mut keeper = third_is_open();
        for (number, arrival) in &arrivals {
            keeper.hear_of(*number, *arrival);
        }
        let outcomes: Vec<_> = flows.iter().map(|flow| outcome_of(flow)).collect();
        let successes = outcomes.iter().filter(|o| o.state == State::Verified).count();
        for (attempt, outcome) in keeper.row.attempts.iter().zip(&outcomes) {
            let expected = if outcome.state.is_end() {
                (outcome.state, outcome.reason)
            } else if attempt.number < 3 {
                (State::Expired, Some(Reason::ActionExpired))
            } else if successes > 0 {
                (State::Expired, Some(Reason::ActionWithdrawn))
            } else {
                (outcome.state, outcome.reason)
            };
            prop_assert_eq!(attempt.state(), expected, "attempt {}", attempt.number);
            prop_assert_eq!(&attempt.provider_status, &outcome.provider_status);
        }
        let newest = keeper.row.newest_attempt().unwrap().state();
        let expected = if successes > 0 { (State::Verified, None) } else { newest };
        prop_assert_eq!(keeper.row.state(), expected);

        let mut warnings: Vec<_> = outcomes.iter().flat_map(|o| o.warnings.clone()).collect();
        warnings.extend((successes > 1).then_some(Reason::DuplicateSuccess));
        warnings.sort_unstable();
        warnings.dedup();
        prop_assert_eq!(keeper.row.warnings(), warnings);
        prop_assert_eq!(keeper.outcome().claims, claims_of(&flows));
        prop_assert!(successes == 0 || keeper.jobs.is_empty(), "nothing is waited for");

        let told = |kind| keeper.events.iter().filter(|e| e.kind == kind).count();
        prop_assert_eq!(told(EventKind::DuplicateSuccess), successes.saturating_sub(1));
        prop_assert!(told(EventKind::ActionWithdrawn) <= 1);
    }

    #[test]
    fn a_new_attempt_is_granted_exactly_where_the_events_say_so(
        steps in prop::collection::vec((0..6_u8, flow(), any::<prop::sample::Index>()), 1..60),
    ) {
        let expire_time = ACTION_EXPIRY + Duration::from_hours(1);
        let mut keeper = Keeper::started(expire_time);
        for (which, flow, pick) in steps {
            let attempts = keeper.row.attempts.len();
            match which {
                0 => keeper.now = keeper.now + Duration::from_mins(4),
                1 => {
                    let due: Vec<_> = keeper.jobs.iter()
                        .filter(|(_, due)| **due <= keeper.now).map(|(key, _)| key.kind).collect();
                    for kind in due {
                        keeper.run_out(kind, keeper.now);
                    }
                }
                2 => { keeper.start(); }
                3 if !flow.is_empty() => {
                    let number = u32::try_from(pick.index(attempts)).unwrap() + 1;
                    keeper.hear_of(number, arrival(flow[pick.index(flow.len())]));
                }
                _ => {
                    let told = keeper.events.last().unwrap().retryable;
                    let may = told && keeper.now < expire_time;
                    let retried = keeper.retry(keeper.now + Duration::from_mins(5));
                    prop_assert_eq!(retried.is_ok(), may, "{:?}", retried);
                    if may {
                        prop_assert_eq!(keeper.row.attempts.len(), attempts + 1);
                        prop_assert_eq!(keeper.row.state(), (State::Pending, None));
                    }
                }
            }
        }
    }
}

#[test]
fn a_late_success_counts_and_takes_back_what_the_user_had_to_do() {
    let mut keeper = third_is_open();
    let place = keeper.events.len();
    keeper.hear_of(1, arrival(COMPLETE));
    let [success, withdrawn] = &keeper.events[place..] else {
        panic!("one event of the success and one of the withdrawal");
    };
    assert_eq!(
        (success.kind, success.attempt),
        (EventKind::DataReceived, 1)
    );
    assert!(success.late && success.applied);
    assert_eq!(success.state_before, Some(State::Pending));
    assert_eq!(success.state_after, State::Verified);
    assert_eq!(
        (withdrawn.kind, withdrawn.attempt),
        (EventKind::ActionWithdrawn, 3)
    );
    assert_eq!(withdrawn.reason, Some(Reason::ActionWithdrawn));
    assert!(!withdrawn.late && withdrawn.applied);
    assert_eq!(withdrawn.state_after, State::Verified);
    assert!(keeper.jobs.is_empty());
    assert!(keeper.row.attempt(3).unwrap().waits_for_data());
    assert!(!keeper.cancel(), "a success is not called off");
}

#[test]
fn an_intent_is_withdrawn_with_its_job_and_takes_no_answer_any_more() {
    let mut keeper = Keeper::started(FAR);
    assert!(keeper.run_out(JobKind::ExpireAction, ACTION_EXPIRY));
    keeper
        .retry(ACTION_EXPIRY + Duration::from_mins(10))
        .unwrap();
    keeper.hear_of(1, arrival(COMPLETE));
    assert!(keeper.jobs.is_empty());
    assert!(!keeper.start());
}

#[test]
fn a_second_success_is_told_as_such_and_changes_no_claim() {
    let mut keeper = third_is_open();
    keeper.hear_of(3, arrival(COMPLETE));
    let claims = keeper.outcome().claims;
    let news = News::Data {
        complete: true,
        extra: true,
    };
    keeper.hear_of(2, arrival(news));
    let event = keeper.events.last().unwrap();
    assert_eq!(
        (event.kind, event.attempt),
        (EventKind::DuplicateSuccess, 2)
    );
    assert_eq!(
        event.warnings,
        [Reason::ItemNotRequested, Reason::DuplicateSuccess]
    );
    assert!(event.late);
    assert_eq!(keeper.outcome().claims, claims);
}

#[test]
fn why_there_is_no_new_attempt_is_told_apart() {
    let next = |keeper: &mut Keeper| keeper.retry(keeper.now + Duration::from_mins(10));
    let mut keeper = Keeper::started(FAR);
    assert_eq!(next(&mut keeper), Err(Reason::NotRetryable));
    keeper.hear(arrival(News::Status("ACCEPTED", 0)));
    assert_eq!(next(&mut keeper), Err(Reason::NotRetryable));
    keeper.hear(arrival(COMPLETE));
    assert_eq!(next(&mut keeper), Err(Reason::NotRetryable));

    let mut keeper = Keeper::started(FAR);
    assert!(keeper.cancel());
    assert_eq!(next(&mut keeper), Err(Reason::NotRetryable));

    let mut keeper = third_is_open();
    keeper.hear_of(3, arrival(News::Status("VALIDITY_FAILED", 0)));
    assert_eq!(next(&mut keeper), Err(Reason::AttemptsExhausted));
    assert!(keeper.jobs.is_empty(), "there is nothing left to close");
    keeper.now = FAR;
    assert_eq!(next(&mut keeper), Err(Reason::VerificationOver));
}

#[test]
fn the_end_of_retrying_is_told_once_and_not_before_its_time() {
    let over = ACTION_EXPIRY + Duration::from_hours(1);
    let mut keeper = Keeper::started(over);
    assert!(keeper.run_out(JobKind::ExpireAction, ACTION_EXPIRY));
    assert!(keeper.events.last().unwrap().retryable);
    assert!(!keeper.run_out(JobKind::CloseRetry, over - Duration::from_micros(1)));
    assert!(keeper.run_out(JobKind::CloseRetry, over));
    let event = keeper.events.last().unwrap();
    assert_eq!(event.kind, EventKind::RetryClosed);
    assert_eq!(event.state_after, State::Expired);
    assert!(!event.retryable && event.reason.is_none());
    assert!(keeper.jobs.is_empty());
    assert!(!keeper.run_out(JobKind::CloseRetry, Timestamp::MAX));
}

#[test]
fn a_late_event_after_its_time_closes_retrying_by_itself() {
    let over = ACTION_EXPIRY + Duration::from_hours(1);
    let mut keeper = Keeper::started(over);
    assert!(keeper.run_out(JobKind::ExpireAction, ACTION_EXPIRY));
    keeper.now = over;
    keeper.hear(arrival(News::Status("PENDING", 0)));
    assert!(!keeper.events.last().unwrap().retryable);
    assert!(keeper.jobs.is_empty());
}
