//! What a request that did not succeed means. Civic's words are kept short and scrubbed.
//!
//! Of an exchange it must be known whether the code can have been spent by it: a refusal says that it was
//! not, or that it was before; what a gateway or a server in trouble answers says nothing. That goes for
//! 503 too, which is no answer that Civic documents: what stands before its servers gives it for one that
//! has died as well as for one that was never asked. So it is passed on as it is, with the time that it
//! asks for, and whoever repeats the exchange counts the code as possibly spent.

use serde::Deserialize;
use verilane_core::Reason;
use verilane_provider::http::{Answer, EgressError, HttpError};
use verilane_provider::{ProviderError, jwt, scrubbed};

/// What is said of a code that was spent before.
const DUPLICATE: &[u8] = b"duplicate";

#[derive(Deserialize)]
struct Worded {
    message: String,
}

/// Of an exchange.
pub fn of_exchange(error: HttpError) -> ProviderError {
    let answer = match &error {
        HttpError::Answered(answer) => answer,
        // What a name leads to can be another address soon, and the code is as good as it was.
        HttpError::Forbidden(EgressError::Address) => return ProviderError::NotSent,
        _ => return error.into(),
    };
    match answer.status() {
        401 => refused(Reason::ExchangeUnauthorized, answer),
        403 if tells_of_a_duplicate(answer) => refused(Reason::CodeAlreadyUsed, answer),
        408 | 429 => error.into(),
        400..500 => refused(Reason::ExchangeRefused, answer),
        _ => error.into(),
    }
}

/// Whether a 403 is Civic's `Duplicate Request`. Gateways give the status too, as for a path that they do
/// not know, and where the word stands, the document does not say.
fn tells_of_a_duplicate(answer: &Answer) -> bool {
    let mut words = answer.body().windows(DUPLICATE.len());
    words.any(|word| word.eq_ignore_ascii_case(DUPLICATE))
}

/// Of a request for what an answer points to. A link that storage does not follow any more leads
/// nowhere; one that leads where nothing may be asked is of no use.
pub fn of_link(error: HttpError) -> ProviderError {
    match &error {
        HttpError::Forbidden(_) => {
            ProviderError::InvalidAnswer("its link leads where nothing may be fetched")
        }
        // Storage words a link that has expired in XML, with keys and names in it.
        HttpError::Answered(answer)
            if (400..500).contains(&answer.status()) && !matches!(answer.status(), 408 | 429) =>
        {
            ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: None,
            }
        }
        _ => error.into(),
    }
}

fn refused(reason: Reason, answer: &Answer) -> ProviderError {
    let worded: Option<Worded> = jwt::object(answer.body()).ok();
    ProviderError::Refused {
        reason,
        text: worded.and_then(|worded| scrubbed(&worded.message)),
    }
}
