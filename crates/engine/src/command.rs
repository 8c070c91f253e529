//! What callers ask for, one use case a file.

mod availability;
mod cancel;
mod create;
mod idempotency;
mod page_token;
mod read;
mod read_claims;
mod slot;
pub(crate) mod start;
