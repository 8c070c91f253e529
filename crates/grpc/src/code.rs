//! Which gRPC code goes with which reason, and after how long a repeat can help.

use std::time::Duration;

use tonic::Code;
use verilane_core::{Reason, ReasonKind};

/// The code under which a call is refused for a reason. What is wrong with a callback also refuses an
/// operator's import of one. Reasons of other kinds never refuse a call; one that does all the same is
/// a fault of ours.
pub(crate) fn code_of(reason: Reason) -> Code {
    match reason.kind() {
        ReasonKind::Request => {}
        ReasonKind::Callback => return code_of_import(reason),
        ReasonKind::End | ReasonKind::Warning => return Code::Internal,
    }
    match reason {
        Reason::InvalidArgument
        | Reason::SubjectMalformed
        | Reason::ClaimUnknown
        | Reason::ClaimNotOffered
        | Reason::ClaimRepeated
        | Reason::ActionLifetimeOutOfRange
        | Reason::ExpireTimeOutOfRange
        | Reason::PurposeRequired
        | Reason::ClaimNotRequested
        | Reason::ResumeTokenMalformed
        | Reason::ResumeTokenFilterMismatch
        | Reason::PageTokenMalformed
        | Reason::ContinuationMalformed
        | Reason::ScopeUnknown
        | Reason::AuthCodeMalformed
        | Reason::AuthCodeAlgorithm
        | Reason::AuthCodeSignatureInvalid
        | Reason::AuthCodeWrongIssuer
        | Reason::AuthCodeWrongAudience
        | Reason::AuthCodeWrongSubject
        | Reason::AuthCodeExpired
        | Reason::AuthCodeNotYetValid => Code::InvalidArgument,
        Reason::ConnectionNotFound | Reason::VerificationNotFound | Reason::EvidenceNotFound => {
            Code::NotFound
        }
        Reason::RequestIdReused | Reason::ContinuationTaken => Code::AlreadyExists,
        Reason::RevisionMismatch | Reason::Contended | Reason::ReviewDecidedOtherwise => {
            Code::Aborted
        }
        Reason::AlreadyVerified
        | Reason::ClaimsNotHeld
        | Reason::ClaimsNotAvailable
        | Reason::ProviderRequestNotOurs
        | Reason::RequestAlreadyOpen
        | Reason::NotRetryable
        | Reason::AttemptsExhausted
        | Reason::VerificationOver
        | Reason::ProviderRefused
        | Reason::AvailabilityNotOffered
        | Reason::ConnectionMisconfigured
        | Reason::RevalidationNotOffered
        | Reason::ImportNotConfirmed
        | Reason::NothingToImport
        | Reason::AttemptCancelled
        | Reason::ContinuationNotOffered
        | Reason::AlreadyContinued
        | Reason::NotContinuable
        | Reason::ReviewNotOpen
        | Reason::DecisionPending => Code::FailedPrecondition,
        Reason::ResumeTokenExpired
        | Reason::ResumeTokenUnknown
        | Reason::RequestTooLarge
        | Reason::EvidenceOffsetOutOfRange => Code::OutOfRange,
        Reason::EvidenceDamaged => Code::DataLoss,
        Reason::TooManyWatches => Code::ResourceExhausted,
        Reason::MethodUnknown => Code::Unimplemented,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::ProviderUnavailable
        | Reason::ProviderAnswerInvalid
        | Reason::StoreUnavailable
        | Reason::CommitOutcomeUnknown
        | Reason::ShuttingDown => Code::Unavailable,
        _ => Code::Internal,
    }
}

/// The code under which an import is refused for what is wrong with the message, or with taking it in.
fn code_of_import(reason: Reason) -> Code {
    match reason {
        Reason::CallbackMalformed => Code::InvalidArgument,
        Reason::CallbackStoreUnavailable | Reason::CallbackOverload => Code::Unavailable,
        _ => Code::FailedPrecondition,
    }
}

/// The code under which a verification that is stored has failed for good: as [`code_of`] says,
/// but what would help before anything was stored does not help any more. A repeat finds the same.
pub(crate) fn code_of_end(reason: Reason) -> Code {
    match reason {
        Reason::ProviderUnavailable | Reason::ProviderAnswerInvalid => Code::FailedPrecondition,
        _ => code_of(reason),
    }
}

/// After how long the same call may succeed, where the reason alone tells; none if a repeat does not
/// help by itself, or if whoever refuses knows better.
pub(crate) const fn retry_after(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::Contended => Some(Duration::from_millis(50)),
        Reason::CommitOutcomeUnknown
        | Reason::StoreUnavailable
        | Reason::CallbackStoreUnavailable
        | Reason::ShuttingDown => Some(Duration::from_secs(1)),
        Reason::ProviderUnavailable | Reason::TooManyWatches => Some(Duration::from_secs(5)),
        _ => None,
    }
}

/// The name of a code, as it stands in metrics and in the API's documents.
pub(crate) const fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_refused_call_has_the_code_that_its_page_says() {
        let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let mut faults = Vec::new();
        for reason in Reason::ALL {
            if reason.kind() != ReasonKind::Request {
                continue;
            }
            let path = pages.join(format!("{}.md", reason.code()));
            let page = std::fs::read_to_string(&path).unwrap_or_default();
            let code = name_of(code_of(*reason));
            let code_at_end = name_of(code_of_end(*reason));
            for code in [code, code_at_end] {
                if !page.contains(&format!("gRPC code `{code}`")) {
                    faults.push(format!("{reason}: not {code} by its page"));
                }
            }
            let promised = page.contains("RetryInfo");
            if promised && retry_after(*reason).is_none() {
                faults.push(format!("{reason}: its page promises RetryInfo"));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
