//! What a provider is answered: the one place where reasons become HTTP statuses.
//!
//! Providers tell only 200 from the rest, and come again after anything else. The statuses are for
//! the people behind them, and say on which side the fault lies: 5xx and 429 here and for now, 4xx
//! with the message. An answer holds a reason's code and nothing else.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use verilane_core::Reason;
use verilane_engine::Taken;

/// The status under which a callback is refused. A reason that is none of a callback's is a fault
/// of ours.
pub(crate) const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::CallbackPathUnknown => StatusCode::NOT_FOUND,
        Reason::CallbackTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::CallbackTooSlow => StatusCode::REQUEST_TIMEOUT,
        Reason::CallbackRateLimited => StatusCode::TOO_MANY_REQUESTS,
        Reason::CallbackOverload | Reason::CallbackStoreUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::CallbackUnsigned
        | Reason::CallbackKeyNotPinned
        | Reason::CallbackSignatureInvalid => StatusCode::UNAUTHORIZED,
        Reason::CallbackIncomplete
        | Reason::CallbackMalformed
        | Reason::CallbackDeadlinePassed
        | Reason::CallbackFromFuture
        | Reason::CallbackSubjectMismatch
        | Reason::CallbackItemsMismatch
        | Reason::CallbackAttemptUnknown => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// After how many seconds a repeat may succeed, where it is this side's fault that it did not now.
const fn retry_after(status: StatusCode) -> Option<u16> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(1),
        StatusCode::SERVICE_UNAVAILABLE => Some(5),
        _ => None,
    }
}

/// The answer to a callback. A repeated one is answered as the first was.
pub(crate) fn answer(result: &Result<Taken, Reason>) -> Response {
    let (status, body) = match result {
        Ok(_) => (StatusCode::OK, Body::from("{}")),
        Err(reason) => (
            status_of(*reason),
            Body::from(format!(r#"{{"reason":"{}"}}"#, reason.code())),
        ),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = retry_after(status) {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 wants a challenge in every 401: what is lacking is a signature in the body.
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("BodySignature"),
        );
    }
    answer
}

#[cfg(test)]
mod tests {
    use verilane_core::ReasonKind;

    use super::*;

    #[test]
    fn every_reason_of_a_refused_callback_has_the_status_that_its_page_says() {
        let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let mut faults = Vec::new();
        for reason in Reason::ALL {
            if reason.kind() != ReasonKind::Callback {
                continue;
            }
            let status = status_of(*reason);
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                faults.push(format!("{reason} has no status of its own"));
            }
            let path = pages.join(format!("{}.md", reason.code()));
            let page = std::fs::read_to_string(path).unwrap_or_default();
            if !page.contains(&format!("the provider gets HTTP {}", status.as_u16())) {
                faults.push(format!("{reason}: not {status} by its page"));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn no_refusal_looks_like_success() {
        for reason in Reason::ALL {
            let status = status_of(*reason);
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_fault_of_ours_that_passes_says_when_to_come_again() {
        for reason in Reason::ALL {
            let answer = answer(&Err(*reason));
            let status = answer.status().as_u16();
            assert_eq!(
                answer.headers().contains_key(header::RETRY_AFTER),
                status == 429 || status == 503,
                "{reason}"
            );
        }
    }
}
