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

mod changes;
pub mod sample;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use verilane_core::Event;

use crate::{CommitObserver, Store};

pub use changes::*;

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
