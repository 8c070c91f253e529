//! What every store must hold to, as tests that any store can be put under.
//!
//! A store's own crate calls [`conformance_tests!`](crate::conformance_tests) once, with something
//! that makes stores; each promise becomes a test of its name. What is special to one store (its
//! locks, its files) is tested beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, in a module so that every store's crate can run them"
)]

mod blobs;
mod changes;
mod forgetting;
mod log;
mod model;
mod property;
mod reads;
mod reviews;
pub mod sample;
mod work;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use verilane_core::Event;

use crate::{CommitObserver, Store};

pub use blobs::*;
pub use changes::*;
pub use forgetting::*;
pub use log::*;
pub use property::*;
pub use reads::*;
pub use reviews::*;
pub use work::*;

/// One durable place, empty at first, over which a store can be opened again and again.
#[async_trait]
pub trait StoreUnderTest: Send + Sync + 'static {
    /// Opens a store over the place. No other is open.
    async fn open(&self, observer: Arc<dyn CommitObserver>) -> Arc<dyn Store>;

    /// Closes it, as a process that ends in good order would.
    async fn close(&self, store: Arc<dyn Store>) {
        assert_eq!(
            Arc::strong_count(&store),
            1,
            "somebody still uses the store"
        );
        drop(store);
    }
}

/// An observer that writes down what it hears.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl CommitObserver for Recorder {
    fn committed(&self, events: &[Event]) {
        self.0.lock().extend_from_slice(events);
    }
}

impl Recorder {
    /// Everything heard so far.
    pub fn heard(&self) -> Vec<Event> {
        self.0.lock().clone()
    }
}

/// An observer that does not care.
pub struct Nobody;

impl CommitObserver for Nobody {
    fn committed(&self, _: &[Event]) {}
}

async fn open(place: &impl StoreUnderTest) -> Arc<dyn Store> {
    place.open(Arc::new(Nobody)).await
}

/// Makes one test of each promise. Takes an expression that gives a new [`StoreUnderTest`].
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_tests! { @each $make;
            a_change_that_conflicts_leaves_no_trace
            each_precondition_has_its_own_conflict
            a_change_that_makes_no_sense_is_refused_and_its_neighbours_hold
            a_change_given_twice_is_applied_once
            a_row_is_replaced_whole
            sequences_have_no_gap_with_64_producers_and_conflicts_among_them
            the_observer_hears_each_event_once_in_order_before_its_commit_returns
            events_come_in_pages_in_order_without_a_gap
            everything_is_there_after_reopening
            a_log_takes_a_new_id_and_keeps_its_events
            the_audit_chain_can_be_checked_link_by_link
            a_purge_cuts_the_old_end_of_the_log_and_leaves_no_hole
            a_purge_forgets_what_has_served_its_time_and_nothing_else
            lists_match_every_part_of_their_query
            a_verification_is_found_by_the_subjects_that_were_given_last
            pages_of_a_list_neither_miss_nor_repeat_while_rows_are_added
            a_callback_path_leads_to_its_slot_and_everybody_who_used_it
            claims_and_evidence_come_back_as_they_were_kept
            evidence_shows_with_the_lease_beside_it_or_not_at_all
            chunks_show_nowhere_until_a_change_names_their_evidence
            chunks_that_no_change_has_shown_are_purged
            chunks_that_are_given_up_are_gone_at_once_and_what_is_shown_stays
            what_is_forgotten_is_gone_and_nothing_else_is
            jobs_are_scheduled_leased_postponed_and_dropped
            a_request_id_is_remembered_once_until_its_time_has_passed
            of_many_that_want_a_slot_one_gets_it
            what_a_browser_brought_back_belongs_to_one_attempt
            reviews_are_listed_by_their_deadline
        }

        #[test]
        fn any_interleaving_of_changes_agrees_with_a_model_in_memory() {
            $crate::conformance::any_interleaving_of_changes_agrees_with_a_model_in_memory(|| $make);
        }
    };
    (@each $make:expr; $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::conformance::$promise($make).await;
            }
        )*
    };
}
