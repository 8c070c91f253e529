//! What a request that did not succeed means. Bodies are kept short and scrubbed.

use verilane_core::Reason;
use verilane_provider::http::{Answer, HttpError};
use verilane_provider::{ProviderError, scrubbed};

/// Of a request about a PII request. That it is not there is an answer about it; that we are not let
/// in, about the connection. Any other refusal is documented nowhere, so it says nothing about the request.
pub fn of_request(error: HttpError) -> ProviderError {
    let HttpError::Answered(answer) = &error else {
        return error.into();
    };
    match answer.status() {
        401 | 403 => refused(Reason::ConnectionMisconfigured, answer),
        408 | 429 => error.into(),
        404 | 410 => refused(Reason::ProviderRefused, answer),
        400..500 => refused(Reason::ProviderUnavailable, answer),
        _ => error.into(),
    }
}

/// Of a request for an access token: whatever is refused, is about the connection.
pub fn of_token(error: HttpError) -> ProviderError {
    let HttpError::Answered(answer) = &error else {
        return error.into();
    };
    match answer.status() {
        408 | 429 => error.into(),
        400..500 => refused(Reason::ConnectionMisconfigured, answer),
        _ => error.into(),
    }
}

/// Of a request for evidence. A link that leads nowhere any more may be replaced by a further look's;
/// one that leads where nothing may be asked is of no use.
pub fn of_evidence(error: HttpError, was_authorised: bool) -> ProviderError {
    match &error {
        HttpError::Forbidden(_) => {
            ProviderError::InvalidAnswer("its link leads where nothing may be fetched")
        }
        HttpError::Answered(answer) => match answer.status() {
            401 if was_authorised => refused(Reason::ConnectionMisconfigured, answer),
            408 | 429 => error.into(),
            // Storage words a link that has expired in XML, with keys and names in it.
            400..500 => ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: None,
            },
            _ => error.into(),
        },
        _ => error.into(),
    }
}

fn refused(reason: Reason, answer: &Answer) -> ProviderError {
    ProviderError::Refused {
        reason,
        text: scrubbed(&answer.text()),
    }
}
