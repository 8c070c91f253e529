//! What callers ask for, one use case a file.

mod availability;
mod cancel;
mod create;
mod download;
mod granted;
mod hand_over;
mod idempotency;
mod join;
mod ongoing;
mod page_token;
mod read;
mod read_claims;
mod retry;
pub(crate) mod revalidate;
mod review;
pub(crate) mod slot;
pub(crate) mod start;

pub use download::Download;
