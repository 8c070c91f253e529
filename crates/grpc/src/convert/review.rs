//! What a caller hands in, and what he decides.

use verilane_api::v1;
use verilane_api::v1::continue_verification_request::Continuation as Continued;
use verilane_core::{Decision, Pii, Principal, Reason, Revision, word_or_other};
use verilane_engine::{
    Brought, Continuation, ContinueVerification, EngineError, PageEvent, ReviewVerification,
};

use super::create::access;
use super::violations::Violations;

/// Most characters that are kept of what its script says besides, and most bytes that are taken.
const KEPT_OF_WORDS: usize = 200;
const MAX_WORDS: usize = 16 * 1024;

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
            if error.message.len() > MAX_WORDS {
                violations.invalid("page_error.message", "must have 16 KiB at most");
            }
            let words = shortened(error.message).into();
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

/// The beginning of what a provider's script says: how long that is, no caller can help.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(KEPT_OF_WORDS) {
        text.truncate(end);
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Result<Pii<String>, EngineError> {
        let request = v1::ContinueVerificationRequest {
            verification_id: "018bcfe5-0000-7000-8000-000000000001".to_owned(),
            continuation: Some(Continued::PageError(v1::PageError {
                r#type: "timeout".to_owned(),
                message: message.to_owned(),
            })),
            ..v1::ContinueVerificationRequest::default()
        };
        match read_continuation(request, Principal::anonymous())?.brought {
            Brought::Page(PageEvent::Error(_), words) => Ok(words),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_page_was_told_is_shortened_between_characters_and_not_refused() {
        for one in ["x", "é", "€", "🙂"] {
            for count in [0, 1, 200, 201, 4_096] {
                let words = read(&one.repeat(count)).unwrap();
                assert_eq!(*words.expose(), one.repeat(count.min(200)), "{count}");
            }
        }
        assert!(read(&"x".repeat(16_384)).is_ok());
        let refused = read(&"x".repeat(16_385)).unwrap_err();
        assert!(format!("{refused:?}").contains("page_error.message"));
    }
}
