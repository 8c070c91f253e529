//! The one place where a refusal becomes a gRPC status.
//!
//! Every status carries `google.rpc.ErrorInfo` with a reason from the registry; `BadRequest` where
//! fields are at fault, `RetryInfo` where a repeat can help. Nothing in it comes from a value.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};
use tracing::Span;
use verilane_core::Reason;
use verilane_engine::EngineError;
use verilane_telemetry::attribute;

use crate::code::{code_of, code_of_end, retry_after};
use crate::convert::asking::tried;

/// The domain of all our reasons.
const DOMAIN: &str = "verilane";
/// The key in an error's metadata that names the stored verification that it is about.
const VERIFICATION: &str = "verification_id";

/// The status of a call that is refused, noted in the call's span.
pub(crate) fn refuse(error: &EngineError) -> Status {
    Span::current().record(attribute::REASON, error.reason.code());
    let code = if is_end(error) {
        code_of_end(error.reason)
    } else {
        code_of(error.reason)
    };
    Status::with_error_details(code, message(error), details(error))
}

/// Whether this is what a stored verification has ended with, so that the code differs from that
/// of a call that stored nothing.
fn is_end(error: &EngineError) -> bool {
    let is_stored = error.metadata.iter().any(|(key, _)| *key == VERIFICATION);
    is_stored && code_of_end(error.reason) != code_of(error.reason)
}

/// The status for a reason alone.
pub(crate) fn status_of(reason: Reason) -> Status {
    refuse(&EngineError::new(reason))
}

/// The details, in the order of `google.rpc`.
fn details(error: &EngineError) -> ErrorDetails {
    let metadata: HashMap<_, _> = error
        .metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let mut details = ErrorDetails::with_error_info(error.reason.code(), DOMAIN, metadata);
    if !error.violations.is_empty() {
        let violations: Vec<_> = error
            .violations
            .iter()
            .map(|violation| {
                let field = wire_field(&violation.field);
                let mut detail = FieldViolation::new(field, &violation.description);
                detail.reason = violation.reason.code().to_owned();
                detail
            })
            .collect();
        details.set_bad_request(violations);
    }
    if !error.not_held.is_empty() {
        let violations: Vec<_> = error
            .not_held
            .iter()
            .map(|claim| {
                let subject = format!("claims[{}]", claim.place);
                let description = tried(claim.name, &claim.fields);
                PreconditionViolation::new(error.reason.code(), subject, description)
            })
            .collect();
        details.set_precondition_failure(violations);
    }
    // Zero would have all callers come back at once.
    let delay = error.retry_after.filter(|delay| !delay.is_zero());
    let delay = delay.or_else(|| retry_after(error.reason));
    if let Some(delay) = delay.filter(|_| !is_end(error)) {
        details.set_retry_info(Some(delay));
    }
    details
}

/// What is said in words.
fn message(error: &EngineError) -> String {
    match error.violations.as_slice() {
        [] => error.reason.summary().to_owned(),
        [first, rest @ ..] => {
            let field = wire_field(&first.field);
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            format!("{field}: {}{more}", first.description)
        }
    }
}

/// A field as the API calls it, where the domain has another name for it.
fn wire_field(field: &str) -> String {
    match field.strip_suffix(".document") {
        Some(claim) => format!("{claim}.claim.document_type"),
        None => field.to_owned(),
    }
}

/// Gives a status that the library made, and thus without details, the reason that fits its code.
/// Codes that only we give, or that belong to the standard services, stay as they are.
///
/// Handlers give a reason to all that they refuse, so `INTERNAL` without one comes from reading the
/// request: a frame cut short or flagged as what it is not, or no message at all. gRPC's own
/// documents leave that code to such faults; here it means a fault of ours, and wakes operators.
pub(crate) fn complete(status: &Status) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    let reason = match status.code() {
        Code::InvalidArgument | Code::Internal => Reason::InvalidArgument,
        // The second while it was unpacked.
        Code::OutOfRange | Code::ResourceExhausted => Reason::RequestTooLarge,
        Code::Unimplemented => Reason::MethodUnknown,
        Code::DeadlineExceeded => Reason::DeadlineExceeded,
        Code::Unknown => Reason::Internal,
        _ => return None,
    };
    let said = match (status.code(), status.message()) {
        (_, "") => reason.summary().to_owned(),
        (Code::Internal, said) => format!("the request can't be read: {said}"),
        (_, said) => said.to_owned(),
    };
    let details = details(&EngineError::new(reason));
    Some(Status::with_error_details(code_of(reason), said, details))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_reason_fields_and_when_to_try_again() {
        let wrong = |field: &str, reason| verilane_core::FieldViolation {
            field: field.to_owned(),
            description: "is wrong".to_owned(),
            reason,
        };
        let status = refuse(&EngineError::fields(vec![
            wrong("subject", Reason::SubjectMalformed),
            wrong("claims[1].document", Reason::InvalidArgument),
            wrong("claims[2].provider_field", Reason::ClaimUnknown),
        ]));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "subject: is wrong (and 2 more)");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("SUBJECT_MALFORMED", "verilane")
        );
        let bad = details.bad_request().unwrap();
        let fields: Vec<_> = bad
            .field_violations
            .iter()
            .map(|v| (v.field.as_str(), v.reason.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("subject", "SUBJECT_MALFORMED"),
                ("claims[1].claim.document_type", "INVALID_ARGUMENT"),
                ("claims[2].provider_field", "CLAIM_UNKNOWN"),
            ]
        );
        assert!(details.retry_info().is_none());

        let status = status_of(Reason::Contended);
        assert_eq!(status.code(), Code::Aborted);
        let details = status.get_error_details();
        assert!(!details.retry_info().unwrap().retry_delay.unwrap().is_zero());
    }

    #[test]
    fn what_a_stored_verification_ended_with_is_no_reason_to_try_again() {
        for reason in [Reason::ProviderAnswerInvalid, Reason::ProviderUnavailable] {
            let error = EngineError::new(reason);
            assert_eq!(refuse(&error).code(), Code::Unavailable);
            let status = refuse(&error.with(VERIFICATION, "an id"));
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert!(status.get_error_details().retry_info().is_none());
        }
        // A race is none, whatever it was about.
        let status = refuse(&EngineError::new(Reason::Contended).with(VERIFICATION, "an id"));
        assert_eq!(status.code(), Code::Aborted);
        assert!(status.get_error_details().retry_info().is_some());
    }

    #[test]
    fn a_status_of_the_library_gets_a_reason_and_ours_are_left_alone() {
        let bare = Status::out_of_range("too long");
        let whole = complete(&bare).unwrap();
        assert_eq!(whole.code(), Code::OutOfRange);
        assert_eq!(whole.message(), "too long");
        let info = whole.get_error_details().error_info().cloned().unwrap();
        assert_eq!(info.reason, "REQUEST_TOO_LARGE");
        assert!(complete(&whole).is_none());
        assert!(complete(&Status::not_found("no such service")).is_none());
    }
}
