//! Order and duplication of the provider's news, and of its answer to the request, change nothing.

use proptest::prelude::*;
use verilane_core::{EventKind, JobKind, Revision, StartPhase, State};

use crate::keeper::{FAR, Keeper, MADE};
use crate::model::outcome_of;
use crate::news::{Arrival, News, STATUSES, flow, shuffled};

fn in_order(flow: &[News]) -> Keeper {
    let mut keeper = Keeper::started(FAR);
    for news in flow {
        keeper.hear(Arrival {
            news: *news,
            after: 1,
            late: false,
        });
    }
    keeper
}

fn timer(keeper: &Keeper) -> Option<JobKind> {
    keeper.jobs.keys().next().map(|key| key.kind)
}

fn flow_and_arrivals() -> impl Strategy<Value = (Vec<News>, Vec<Arrival>)> {
    flow().prop_flat_map(|flow| (Just(flow.clone()), shuffled(flow)))
}

proptest! {
    #[test]
    fn any_order_and_any_duplication_ends_as_the_table_says(
        (flow, arrivals) in flow_and_arrivals(),
    ) {
        let mut keeper = Keeper::started(FAR);
        for arrival in &arrivals {
            keeper.hear(*arrival);
        }
        let orderly = in_order(&flow);
        prop_assert_eq!(keeper.outcome(), outcome_of(&flow));
        prop_assert_eq!(orderly.outcome(), outcome_of(&flow));
        prop_assert_eq!(timer(&keeper), timer(&orderly));
        // One event for what is told first: the intent, the start, and each piece of news.
        prop_assert_eq!(keeper.row.revision, Revision(2 + flow.len() as u64));
        prop_assert_eq!(keeper.events.len(), 2 + flow.len());
        prop_assert_eq!(keeper.seen.values().sum::<usize>(), arrivals.len());
    }

    #[test]
    fn whatever_callbacks_are_lost_a_pull_tells_of_them_once_and_in_order(
        (flow, arrivals) in flow_and_arrivals(),
        heard in prop::collection::vec(any::<bool>(), 64),
        at in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let mut keeper = Keeper::started(FAR);
        let at = at.index(arrivals.len() + 1);
        let is_status = |arrival: &Arrival| matches!(arrival.news, News::Status(..));
        for (place, arrival) in arrivals.iter().enumerate() {
            if place == at {
                keeper.pull(&flow);
            }
            // Data and failures are not in the history; those come in any case.
            if !is_status(arrival) || heard.get(place).copied().unwrap_or(true) {
                keeper.hear(*arrival);
            }
        }
        keeper.pull(&flow);
        if twice {
            keeper.pull(&flow);
        }
        let orderly = in_order(&flow);
        prop_assert_eq!(keeper.outcome(), outcome_of(&flow));
        prop_assert_eq!(timer(&keeper), timer(&orderly));
        prop_assert_eq!(keeper.events.len(), 2 + flow.len());
    }

    #[test]
    fn news_that_overtakes_the_answer_to_the_request_ends_the_same(
        (flow, arrivals) in flow_and_arrivals(),
        answer in any::<prop::sample::Index>(),
    ) {
        let mut keeper = Keeper::intended(FAR);
        let answer = answer.index(arrivals.len() + 1);
        for (place, arrival) in arrivals.iter().enumerate() {
            if place == answer {
                keeper.start();
            }
            keeper.hear(*arrival);
        }
        if answer == arrivals.len() {
            keeper.start();
        }
        prop_assert_eq!(keeper.outcome(), outcome_of(&flow));
        prop_assert_eq!(timer(&keeper), timer(&in_order(&flow)));
        // Whoever waits for the user must have something to show.
        let attempt = keeper.row.newest_attempt().unwrap();
        let waits = keeper.row.state().0 == State::Pending;
        prop_assert!(!waits || (attempt.phase == StartPhase::Started && attempt.action.is_some()));
    }

    #[test]
    fn acceptance_and_confirmation_count_from_when_they_were_first_known(
        (_, arrivals) in flow_and_arrivals(),
    ) {
        let mut keeper = Keeper::started(FAR);
        let (mut accepted, mut confirmed) = (None, None);
        for arrival in &arrivals {
            let known = keeper.events.len();
            keeper.hear(*arrival);
            let word = match arrival.news {
                News::Status(word, _) => word,
                // On either channel it says that all but the settlement was done.
                News::Failure("FINISH_FAILED", _) => "FINISH_FAILED",
                _ => continue,
            };
            let Some(event) = keeper.events.get(known) else { continue };
            let rank = event.provider_rank.unwrap();
            let failed = word.ends_with("_FAILED") && word != "FINISH_FAILED";
            if rank > 1 && !failed && !word.starts_with("CALLBACK") {
                accepted = accepted.or(Some(event.commit_time));
            }
            if ["CONFIRMED", "FINISH_SUCCESS"].contains(&word) {
                confirmed = confirmed.or(Some(event.commit_time));
            }
        }
        let attempt = keeper.row.newest_attempt().unwrap();
        prop_assert_eq!((attempt.accept_time, attempt.confirm_time), (accepted, confirmed));
    }

    #[test]
    fn news_is_applied_if_it_moves_the_state_or_the_providers_status(
        (_, arrivals) in flow_and_arrivals(),
    ) {
        let mut keeper = Keeper::started(FAR);
        for arrival in &arrivals {
            let (known, before) = (keeper.events.len(), keeper.row.clone());
            keeper.hear(*arrival);
            let Some(event) = keeper.events.get(known) else { continue };
            let moved = before.state() != keeper.row.state()
                || before.provider_status() != keeper.row.provider_status();
            prop_assert_eq!(event.applied, moved || event.kind == EventKind::DataReceived);
        }
    }
}

#[test]
fn the_documented_run_is_told_step_by_step() {
    let failed = |word: &str| word.ends_with("_FAILED");
    let run = STATUSES
        .map(|(word, _)| word)
        .into_iter()
        .filter(|word| !failed(word));
    let mut keeper = Keeper::started(FAR);
    for word in run {
        let news = News::Status(word, 0);
        keeper.hear(Arrival {
            news,
            after: 1,
            late: false,
        });
        if word == "CONFIRMED" {
            let news = News::Data {
                complete: true,
                extra: false,
            };
            keeper.hear(Arrival {
                news,
                after: 1,
                late: false,
            });
        }
    }
    let states: Vec<_> = keeper
        .events
        .iter()
        .map(|event| event.state_after)
        .collect();
    let mut expected = vec![State::Pending; 3];
    expected.extend([State::Processing; 8]);
    expected.extend([State::Verified; 3]);
    assert_eq!(states, expected);
    assert!(
        keeper
            .events
            .iter()
            .all(|event| event.applied && event.reason.is_none())
    );
    assert_eq!(
        keeper.events.last().unwrap().commit_time,
        MADE + std::time::Duration::from_secs(12)
    );
    assert!(keeper.jobs.is_empty());
}
