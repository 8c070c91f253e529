//! What a caller hands in, and what he decides.

use verilane_api::v1;
use verilane_api::v1::continue_verification_request::Continuation as Continued;
use verilane_core::{Decision, Pii, Principal, Reason, Revision, word_or_other};
use verilane_engine::{
    Brought, Continuation, ContinueVerification, EngineError, PageEvent, ReviewVerification,
};

use super::create::access;
use super::violations::Violations;

/// Reads a request to go on with what a browser brought back.
pub(crate) fn read_continuation(
    request: v1::ContinueVerificationRequest,
    principal: Principal,
) -> Result<ContinueVerification, EngineError> {
    let mut violations = Violations::default();
    let id = violations.id("verification_id", &request.verification_id);
    let access = access(&mut violations, request.access_context, false);
    let brought = match request.continuation {
        Some(Continued::PresentationRequestId(id)) => Some(Brought::Continuation(
            Continuation::PresentationRequest(id.into()),
        )),
        Some(Continued::AuthorizationCode(code)) => Some(Brought::Continuation(
            Continuation::AuthorizationCode(code.into()),
        )),
        Some(Continued::RequestSeen(_)) => Some(Brought::Page(PageEvent::Seen, Pii::from(""))),
        Some(Continued::RequestDeclined(_)) => {
            Some(Brought::Page(PageEvent::Declined, Pii::from("")))
        }
        Some(Continued::PageError(error)) => {
            let words = violations.text("page_error.message", error.message);
            Some(Brought::Page(
                PageEvent::Error(word_or_other(&error.r#type)),
                words,
            ))
        }
        None => {
            let (field, why) = ("continuation", "must be set");
            violations.add(Reason::ContinuationMalformed, field, why);
            None
        }
    };
    let read = id
        .zip(brought)
        .map(|(verification, brought)| ContinueVerification {
            principal,
            verification,
            expected: request.expected_revision.map(Revision),
            access,
            brought,
        });
    violations.into_result(read)
}

/// Reads a decision.
pub(crate) fn read_decision(
    request: v1::ReviewVerificationRequest,
    principal: Principal,
) -> Result<ReviewVerification, EngineError> {
    let mut violations = Violations::default();
    let id = violations.id("verification_id", &request.verification_id);
    let access = access(&mut violations, request.access_context, true);
    let reason = violations.text("reason", request.reason);
    let decision = match v1::Decision::try_from(request.decision) {
        Ok(v1::Decision::Approve) => Some(Decision::Approve),
        Ok(v1::Decision::Reject) => Some(Decision::Reject),
        Ok(v1::Decision::Unspecified) | Err(_) => {
            violations.invalid("decision", "must be APPROVE or REJECT");
            None
        }
    };
    let read = id
        .zip(decision)
        .map(|(verification, decision)| ReviewVerification {
            principal,
            verification,
            expected: request.expected_revision.map(Revision),
            access,
            decision,
            reason,
        });
    violations.into_result(read)
}
