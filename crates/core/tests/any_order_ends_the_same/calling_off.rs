//! A caller may call a verification off at any moment before it is verified, and that stands.

use proptest::prelude::*;
use verilane_core::{ClaimStatus, EventKind, Reason, State};

use crate::keeper::{FAR, Keeper};
use crate::model::outcome_of;
use crate::news::{Arrival, News, flow, shuffled};

proptest! {
    #[test]
    fn a_cancellation_stands_wherever_it_falls_unless_it_is_too_late(
        (flow, arrivals) in flow().prop_flat_map(|flow| (Just(flow.clone()), shuffled(flow))),
        place in any::<prop::sample::Index>(),
    ) {
        let (before, after) = arrivals.split_at(place.index(arrivals.len() + 1));
        let mut keeper = Keeper::started(FAR);
        before.iter().for_each(|arrival| keeper.hear(*arrival));

        let verified = keeper.row.state().0 == State::Verified;
        let (events, claims) = (keeper.events.len(), keeper.outcome().claims);
        prop_assert_eq!(keeper.cancel(), !verified);
        prop_assert_eq!(keeper.events.len(), events + usize::from(!verified));
        after.iter().for_each(|arrival| keeper.hear(*arrival));

        if verified {
            prop_assert_eq!(keeper.outcome(), outcome_of(&flow));
        } else {
            let (state, reason) = keeper.row.state();
            prop_assert_eq!((state, reason), (State::Cancelled, Some(Reason::CancelledByCaller)));
            prop_assert_eq!(keeper.outcome().claims, claims, "nothing is kept afterwards");
            prop_assert!(keeper.jobs.is_empty());
            prop_assert!(!keeper.row.newest_attempt().unwrap().waits_for_data());
        }
        prop_assert!(!keeper.cancel(), "there is nothing left to call off");
    }

    #[test]
    fn data_for_a_cancelled_attempt_is_discarded_and_told(
        (flow, arrivals) in flow().prop_flat_map(|flow| (Just(flow.clone()), shuffled(flow))),
        place in any::<prop::sample::Index>(),
    ) {
        let is_data = |news: &News| matches!(news, News::Data { .. });
        let (before, after) = arrivals.split_at(place.index(arrivals.len() + 1));
        let mut keeper = Keeper::started(FAR);
        before.iter().filter(|a| !is_data(&a.news)).for_each(|arrival| keeper.hear(*arrival));
        prop_assert!(keeper.cancel());
        let all = after.iter().chain(arrivals.iter().filter(|a| is_data(&a.news)));
        all.for_each(|arrival| keeper.hear(*arrival));

        let discarded: Vec<_> =
            keeper.events.iter().filter(|e| e.kind == EventKind::DataDiscarded).collect();
        let came = flow.iter().any(is_data);
        prop_assert_eq!(discarded.len(), usize::from(came));
        for event in discarded {
            prop_assert!(!event.applied && event.late);
            prop_assert_eq!(&event.warnings, &[Reason::LateDataDiscarded]);
            prop_assert_eq!(event.state_after, State::Cancelled);
        }
        prop_assert_eq!(keeper.outcome().claims, [ClaimStatus::Requested; 3]);
        let warnings = keeper.row.warnings();
        prop_assert_eq!(warnings.contains(&Reason::LateDataDiscarded), came);
        prop_assert!(!warnings.contains(&Reason::ItemNotRequested));
    }
}

#[test]
fn an_intent_that_is_called_off_takes_no_answer_any_more() {
    let mut keeper = Keeper::intended(FAR);
    assert!(keeper.cancel());
    assert!(keeper.jobs.is_empty());
    assert!(!keeper.start());
    let news = News::Data {
        complete: true,
        extra: true,
    };
    keeper.hear(Arrival {
        news,
        after: 1,
        late: false,
    });
    assert_eq!(keeper.row.state().0, State::Cancelled);
}
