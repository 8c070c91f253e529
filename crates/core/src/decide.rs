//! The pure code that decides every update: from what a verification is and what is now known, to
//! the change that a store commits.
//!
//! Nothing here asks the time, draws a number, seals a byte or touches a store. Sealing needs the
//! revision, so whoever calls seals after the decision and fills the places left open in the
//! change (an event's `tx_hash`, an attempt's `action`).

mod came;
mod draft;
mod exchange;
mod history;
mod keeping;
mod polls;
mod report;
mod review;
#[cfg(test)]
mod rows;
mod start;
mod timers;

pub use came::{Came, Document};
pub use draft::next_revision;
pub use exchange::{PageEvent, code_exchanged, exchange_ended, page_told};
pub use history::{Noted, SKEW, assign, begun_by};
pub use keeping::{QUARANTINE_IDENTITY, claims_invalidated, forget, quarantined};
pub use polls::{Polls, may_be_asked_about, may_be_looked_at, next_look, next_poll};
pub use report::{
    DATA_IDENTITY, DataArrival, DataKept, StatusArrival, cancel, data_kept, data_received,
    failure_reported, history_pulled, status_reported,
};
pub use review::{
    Look, PulledClaims, Reviewer, claims_pulled, continued, decided, looked, miss_review_deadline,
    remind_reviewer, unknown_to_provider,
};
pub use start::{NewAttempt, NewVerification, adopted, create, retry, start_failed, started};
pub use timers::{
    Deadlines, close_retry, expire_action, miss_data_deadline, miss_processing_deadline,
    needed_timer,
};
