//! What every plug-in must hold to, as tests that any plug-in can be put under, with its sandbox.
//!
//! A plug-in's own crate calls [`conformance_tests!`](crate::conformance_tests) once, with the name
//! of a type that sets a [`Bench`] up; each promise becomes a test of its name. The suite stands in
//! for everything around a plug-in: the facade before it, the network between it and its provider
//! ([`Front`]), and the place where callbacks arrive. What is special to one provider (its words,
//! its encodings) is tested beside it.
//!
//! A promise about a capability holds for connections that have it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, in a module so that every plug-in's crate can run them"
)]

mod answers;
mod callbacks;
mod crashes;
mod exchange;
mod front;
mod letter;
mod looks;
mod pictures;
mod questions;
mod receiver;
mod revalidating;
mod stage;
mod unanswered;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use verilane_core::clock::ManualClock;

use crate::{Continuation, Provider, StartRequest};

pub use answers::*;
pub use callbacks::*;
pub use crashes::*;
pub use exchange::*;
pub use front::{Front, Upset};
pub use looks::*;
pub use pictures::*;
pub use questions::*;
pub use revalidating::*;

/// How a provider's requests go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The failure in which they end, by the bench's name for it; well if none.
    pub failure: Option<&'static str>,
    /// Whether forgeries go out before each genuine callback, of each kind that the sandbox knows.
    pub forged: bool,
}

/// A plug-in and the sandbox of its provider, set up for one test.
#[async_trait]
pub trait Bench: Send + Sync + 'static {
    /// Starts a sandbox whose only time is `clock`, has `front` lead to it, and sets the plug-in up
    /// so that it sends all its requests to `front`. The sandbox knows a user who holds everything
    /// and consents, and nothing goes wrong there by itself.
    async fn set_up(clock: ManualClock, front: &Front) -> Self
    where
        Self: Sized;

    /// The plug-in, as it is.
    fn plugin(&self) -> Arc<dyn Provider>;

    /// A wish about that user that can be granted whole, of two claims or more, none a picture.
    fn wish(&self) -> StartRequest;

    /// A wish like the other, about somebody else.
    fn wish_of_another(&self) -> StartRequest;

    /// How many requests to start the provider holds.
    fn held(&self) -> usize;

    /// Has the user consent, and moves time until everything has come that is to come: by the course
    /// that was taken, or well.
    async fn play_out(&self);

    /// The failures in which a request can end, by names of the bench's own: in each, a callback
    /// tells that it failed. For connections with [`Capability::Callback`](crate::Capability::Callback).
    fn failures(&self) -> &'static [&'static str] {
        &[]
    }

    /// Has requests go on so from now on. For connections with
    /// [`Capability::Callback`](crate::Capability::Callback).
    fn take_course(&self, course: Course) {
        panic!("{course:?} can't be taken");
    }

    /// Whether a callback was forged: the one with this body. For connections with
    /// [`Capability::Callback`](crate::Capability::Callback).
    fn is_forged(&self, body: &[u8]) -> bool {
        panic!("nobody forges callbacks of {} bytes", body.len());
    }

    /// Has the user do in the browser all that there is to do, until the provider's data can be read,
    /// and gives what the browser brings back. For connections with
    /// [`Capability::Continue`](crate::Capability::Continue).
    async fn brings_back(&self) -> Continuation {
        panic!("nothing is brought back to this plug-in");
    }

    /// How many decisions the provider has taken. For connections with
    /// [`Capability::Review`](crate::Capability::Review).
    fn decisions(&self) -> usize {
        0
    }

    /// How many codes the provider has taken. For connections that
    /// [exchange codes](crate::Profile::exchanges_codes).
    fn spent(&self) -> usize {
        0
    }
}

/// Makes one test of each promise. Takes a type that is a [`Bench`](crate::conformance::Bench).
#[macro_export]
macro_rules! conformance_tests {
    ($bench:ty) => {
        $crate::conformance_tests! { @looks $bench }
        $crate::conformance_tests! { @exchanges $bench }
        $crate::conformance_tests! { @each $bench;
            it_says_of_itself_what_makes_sense
            a_wish_comes_out_the_same_each_time_and_nonsense_does_not_come_out
            asking_what_a_user_holds_changes_nothing
            asking_for_the_history_changes_nothing_and_knows_the_callbacks
            a_start_repeated_on_the_same_paths_has_one_effect
            a_crash_on_either_side_of_a_start_has_one_effect_once_it_is_repeated
            a_crash_on_either_side_of_a_question_leaves_it_askable
            a_question_that_is_not_answered_says_what_may_be_done_next
            a_crash_on_either_side_of_a_pull_leaves_it_askable
            a_start_that_is_not_answered_says_what_may_be_done_next
            an_answer_that_is_nonsense_is_not_believed
            an_answer_without_end_is_not_read
            a_provider_that_is_not_there_was_not_asked
            a_redirect_is_not_followed
            genuine_callbacks_are_believed_and_come_to_what_they_tell
            replayed_callbacks_tell_the_same
            callbacks_in_any_order_come_to_the_same
            late_callbacks_tell_the_same_and_are_known_as_late
            forged_callbacks_are_refused
            half_written_callbacks_are_refused
            a_callback_that_was_tampered_with_is_refused_or_tells_the_same
            a_callback_about_something_else_is_refused
            nonsense_in_place_of_a_callback_is_refused
            pictures_come_as_files_and_nothing_else_does
            a_picture_that_was_damaged_is_never_taken_for_the_whole_one
            values_that_came_hold_and_others_do_not
            an_answer_about_other_values_than_were_asked_about_is_not_believed
            a_check_of_values_that_is_not_answered_says_what_may_be_done_next
            a_crash_on_either_side_of_a_check_of_values_leaves_it_askable
        }
    };
    (@looks $bench:ty) => {
        $crate::conformance_tests! { @each $bench;
            what_is_brought_back_is_read_the_same_each_time_and_nonsense_is_not_read
            a_look_changes_nothing_and_shows_the_same_each_time
            a_look_takes_only_what_was_asked_for
            a_look_at_another_user_s_request_gives_nothing
            a_look_that_is_not_answered_says_what_may_be_done_next
            a_look_that_is_answered_with_nonsense_is_not_believed
            a_crash_on_either_side_of_a_look_leaves_it_askable
            evidence_comes_whole_as_often_as_it_is_fetched
            evidence_that_does_not_come_says_what_may_be_done_next
            a_decision_has_one_effect_however_often_it_is_told
            a_crash_on_either_side_of_a_decision_has_one_effect_once_it_is_repeated
        }
    };
    (@exchanges $bench:ty) => {
        $crate::conformance_tests! { @each $bench;
            a_code_is_read_the_same_each_time_and_nonsense_is_no_code
            a_code_is_exchanged_once_for_what_was_asked
            a_code_of_another_user_s_gives_nothing
            an_exchange_that_fails_says_whether_the_code_may_be_spent
            an_exchange_that_is_never_answered_is_unclear_in_time
            a_crash_on_either_side_of_an_exchange_spends_the_code_once
            an_answer_that_was_damaged_is_not_believed
            an_answer_to_an_exchange_without_end_is_not_read
            what_an_answer_points_to_comes_whole_or_says_what_may_be_done_next
        }
    };
    (@each $bench:ty; $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::conformance::$promise::<$bench>().await;
            }
        )*
    };
}
