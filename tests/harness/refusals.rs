//! What an error says to a program: its reason, and what it adds.

use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};

/// The reason of an error, which every error has.
pub fn info(status: &Status) -> ErrorInfo {
    let info = status.get_error_details().error_info().cloned();
    let info = info.unwrap_or_else(|| panic!("an error without a reason: {status:?}"));
    assert_eq!(info.domain, "verilane");
    info
}

/// Code and reason.
pub fn refusal(status: &Status) -> (Code, String) {
    (status.code(), info(status).reason)
}
