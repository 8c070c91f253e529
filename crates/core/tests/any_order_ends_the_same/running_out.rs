//! Timers run out when they are due and still needed, and take no success away.

use std::time::Duration;

use proptest::prelude::*;
use verilane_core::{EventKind, JobKind, Reason, State, Timestamp};

use crate::keeper::{ACTION_EXPIRY, FAR, Keeper, MADE, run_out};
use crate::model::{outcome_of, wanted};
use crate::news::{Arrival, News, flow, shuffled};

const TIMERS: [JobKind; 3] = [
    JobKind::ExpireAction,
    JobKind::ProcessingDeadline,
    JobKind::DataDeadline,
];
const SHORTEST: Duration = Duration::from_micros(1);

fn arrival(news: News) -> Arrival {
    Arrival {
        news,
        after: 1,
        late: false,
    }
}

/// When the verification stops waiting: before, with or after its action.
fn expire_time() -> impl Strategy<Value = Timestamp> {
    let action = ACTION_EXPIRY.as_secs();
    prop::sample::select(vec![action - 60, action, action + 60]).prop_map(Timestamp::from_secs)
}

/// Whether no timer is left but the one that ends retrying.
fn only_retrying(keeper: &Keeper) -> bool {
    keeper
        .jobs
        .keys()
        .all(|key| key.kind == JobKind::CloseRetry)
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    flow().prop_flat_map(shuffled)
}

proptest! {
    #[test]
    fn a_timer_runs_out_when_it_is_due_and_still_needed_and_never_else(
        arrivals in arrivals(),
        expire_time in expire_time(),
    ) {
        let mut keeper = Keeper::started(expire_time);
        for arrival in arrivals {
            keeper.hear(arrival);
            let needed = wanted(&keeper.row).into_iter().next().map(|(key, due)| (key.kind, due));
            for kind in TIMERS {
                let due = needed.filter(|(needed, _)| *needed == kind).map(|(_, due)| due);
                let ends = |now| run_out(&keeper.row, kind, now).is_some();
                prop_assert_eq!(ends(Timestamp::MAX), due.is_some());
                if let Some(due) = due {
                    prop_assert!(ends(due) && !ends(due - SHORTEST));
                }
            }
        }
    }

    #[test]
    fn who_never_accepts_expires_and_a_late_success_still_counts(
        quiet in prop::sample::subsequence(vec!["PENDING", "CALLBACK_SUCCEED", "CALLBACK_FAILED"], 0..=3),
        (flow, arrivals) in flow().prop_flat_map(|flow| (Just(flow.clone()), shuffled(flow))),
        expire_time in expire_time(),
    ) {
        let mut keeper = Keeper::started(expire_time);
        quiet.iter().for_each(|word| keeper.hear(arrival(News::Status(word, 14))));
        let due = expire_time.min(ACTION_EXPIRY);
        prop_assert!(!keeper.run_out(JobKind::ExpireAction, due - SHORTEST));
        prop_assert!(keeper.run_out(JobKind::ExpireAction, due));
        prop_assert!(!keeper.run_out(JobKind::ExpireAction, Timestamp::MAX), "it ends once");
        let reason = if expire_time <= ACTION_EXPIRY {
            Reason::VerificationExpired
        } else {
            Reason::ActionExpired
        };
        prop_assert_eq!(keeper.row.state(), (State::Expired, Some(reason)));
        prop_assert!(keeper.row.newest_attempt().unwrap().waits_for_data());

        let ended = keeper.events.len();
        for arrival in arrivals {
            keeper.hear(arrival);
            prop_assert!(only_retrying(&keeper), "nothing else is waited for after an end");
        }
        for event in &keeper.events[ended..] {
            prop_assert!(event.late || event.state_before == Some(State::Verified));
        }
        let expected = match outcome_of(&flow) {
            outcome if outcome.state.is_end() => (outcome.state, outcome.reason),
            _ => (State::Expired, Some(reason)),
        };
        prop_assert_eq!(keeper.row.state(), expected);
    }

    #[test]
    fn a_request_is_given_up_only_while_nothing_came_of_it_and_a_late_success_still_counts(
        (flow, arrivals) in flow().prop_flat_map(|flow| (Just(flow.clone()), shuffled(flow))),
        place in any::<prop::sample::Index>(),
    ) {
        let (before, after) = arrivals.split_at(place.index(arrivals.len() + 1));
        let mut keeper = Keeper::intended(FAR);
        before.iter().for_each(|arrival| keeper.hear(*arrival));
        let pending = keeper.row.state().0 == State::Pending;
        prop_assert_eq!(keeper.give_up(), pending);
        prop_assert!(!keeper.give_up(), "it ends once");
        prop_assert!(!pending || !keeper.start(), "an answer comes too late");
        after.iter().for_each(|arrival| keeper.hear(*arrival));
        let without = outcome_of(&flow);
        let expected = if pending && without.state != State::Verified {
            (State::Failed, without.reason.max(Some(Reason::StartAbandoned)))
        } else {
            (without.state, without.reason)
        };
        prop_assert_eq!(keeper.row.state(), expected);
    }

    #[test]
    fn timers_that_run_out_between_news_take_no_success_away(
        steps in flow().prop_flat_map(|flow| {
            let pauses = prop::collection::vec(0..=100_u64, 0..=48);
            (Just(flow.clone()), shuffled(flow), pauses)
        }),
    ) {
        let (flow, arrivals, pauses) = steps;
        let mut keeper = Keeper::started(ACTION_EXPIRY + Duration::from_hours(1));
        let mut pauses = pauses.into_iter();
        for arrival in arrivals {
            keeper.hear(arrival);
            keeper.now = keeper.now + Duration::from_hours(24 * pauses.next().unwrap_or(0));
            let due: Vec<_> =
                keeper.jobs.iter().filter(|(_, due)| **due <= keeper.now).map(|(k, _)| k.kind).collect();
            for kind in due {
                prop_assert!(keeper.run_out(kind, keeper.now));
                prop_assert!(keeper.row.state().0.is_end() && only_retrying(&keeper));
            }
        }
        let without = outcome_of(&flow);
        let outcome = keeper.outcome();
        prop_assert_eq!(outcome.state == State::Verified, without.state == State::Verified);
        prop_assert!(outcome.state.precedence() >= without.state.precedence());
        prop_assert_eq!(outcome.claims, without.claims);
        prop_assert_eq!(outcome.warnings, without.warnings);
        prop_assert_eq!(outcome.provider_status, without.provider_status);
    }
}

#[test]
fn a_provider_that_stalls_fails_and_one_that_finished_without_data_is_told_from_it() {
    for (word, kind, reason) in [
        (
            "ACCEPTED",
            JobKind::ProcessingDeadline,
            Reason::ProviderStalled,
        ),
        ("CONFIRMED", JobKind::DataDeadline, Reason::DataNotDelivered),
        (
            "FINISH_SUCCESS",
            JobKind::DataDeadline,
            Reason::DataNotDelivered,
        ),
    ] {
        let mut keeper = Keeper::started(ACTION_EXPIRY);
        keeper.hear(arrival(News::Status(word, 0)));
        assert!(keeper.run_out(kind, Timestamp::MAX), "{word}");
        let event = keeper.events.last().unwrap();
        assert_eq!(event.kind, EventKind::DeadlinePassed);
        assert_eq!(
            (event.state_after, event.reason),
            (State::Failed, Some(reason))
        );
        assert_eq!(event.furthest_status.as_deref(), Some(word));
        keeper.now = MADE;
        keeper.hear(arrival(News::Data {
            complete: true,
            extra: false,
        }));
        let event = keeper.events.last().unwrap();
        assert!(event.late && event.applied);
        assert_eq!((event.state_after, event.reason), (State::Verified, None));
    }
}
