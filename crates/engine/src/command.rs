//! What callers ask for, one use case a file.

mod cancel;
mod create;
mod idempotency;
mod page_token;
mod read;
mod read_claims;
mod slot;
pub(crate) mod start;

use verilane_core::Verification;

/// The fields that a verification's provider was asked for, sorted.
pub(crate) fn asked_fields(row: &Verification) -> Vec<String> {
    create::asked(&row.claims).map(str::to_owned).collect()
}
