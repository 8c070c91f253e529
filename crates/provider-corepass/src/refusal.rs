//! What a request that did not succeed means.
//!
//! The connector says no in plain sentences, three of which are documented, all of them for `qrcode`
//! with status 400. A sentence that is known counts under any status that answers the request, and
//! from every endpoint: what it says is clear. Where none is known the status counts; unknown words
//! are kept, short and scrubbed, for whoever may open them.

use serde::de::DeserializeOwned;
use verilane_core::Reason;
use verilane_provider::http::{Answer, HttpError};
use verilane_provider::{ProviderError, scrubbed};

use crate::wire::answer::refusal_reason;

/// Gives a failure of a request its meaning.
pub fn refused(error: HttpError) -> ProviderError {
    let HttpError::Answered(answer) = &error else {
        return error.into();
    };
    meaning(answer.status(), &answer.text()).unwrap_or_else(|| error.into())
}

/// Reads the answer of a request that was answered with success; what says no all the same is no.
///
/// # Errors
/// [`ProviderError::Refused`] for a documented refusal, [`ProviderError::InvalidAnswer`] for all else
/// that is not the JSON expected.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ProviderError> {
    answer
        .json()
        .map_err(|error| meaning(answer.status(), &answer.text()).unwrap_or_else(|| error.into()))
}

/// What status and words mean together; nothing where the status says it all, as it does of who asks
/// too often, and of a server or gateway that failed: there it is not known who wrote the words.
fn meaning(status: u16, words: &str) -> Option<ProviderError> {
    let refused = |reason, text| Some(ProviderError::Refused { reason, text });
    match (status, refusal_reason(words)) {
        (408 | 429, _) => None,
        (200..300 | 400..500, Some(reason)) => refused(reason, None),
        // Not about this request: somebody is not let in, or there is no connector at this address.
        (401 | 403 | 404 | 405 | 407 | 410, None) => {
            refused(Reason::ConnectionMisconfigured, scrubbed(words))
        }
        (400..500, None) => refused(Reason::ProviderRefused, scrubbed(words)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRATION: &str =
        "expiration time is invalid, it should be unix time in seconds and between 5-15 minutes";
    const UNVERIFIED: &str = "user does not have the requested items verified";
    const ONGOING: &str = "there is an ongoing request for this user and items";

    /// The reason, and the words that are kept.
    fn told(status: u16, words: &str) -> Option<(Reason, Option<String>)> {
        match meaning(status, words)? {
            ProviderError::Refused { reason, text } => {
                Some((reason, text.map(|text| text.expose().clone())))
            }
            other => panic!("{status} {words}: {other:?}"),
        }
    }

    #[test]
    fn every_documented_sentence_has_its_reason_under_every_status_that_answers() {
        let documented = [
            (EXPIRATION, Reason::ActionLifetimeOutOfRange),
            (UNVERIFIED, Reason::ClaimsNotHeld),
            (ONGOING, Reason::RequestAlreadyOpen),
        ];
        for (sentence, reason) in documented {
            let spellings = [
                sentence.to_owned(),
                sentence.to_uppercase(),
                format!("{sentence}\n"),
                format!(r#"{{"error":"{sentence}"}}"#),
            ];
            for words in spellings {
                for status in [200, 201, 400, 403, 404, 409, 412, 422, 499] {
                    assert_eq!(
                        told(status, &words),
                        Some((reason, None)),
                        "{status} {words}"
                    );
                }
                // Whoever wrote these, the request may have been carried out, or comes too often.
                for status in [408, 429, 500, 502, 503, 504, 301] {
                    assert_eq!(told(status, &words), None, "{status} {words}");
                }
            }
        }
    }

    #[test]
    fn unknown_words_are_kept_short_and_scrubbed_under_the_reason_of_their_status() {
        let words =
            "no wallet of ab22b1671b4f7ccc0b16a87514adde84513b6348232e, ask ann@example.org";
        let kept = Some("no wallet of […] ask […]".to_owned());
        let table = [
            (400, Reason::ProviderRefused),
            (401, Reason::ConnectionMisconfigured),
            (402, Reason::ProviderRefused),
            (403, Reason::ConnectionMisconfigured),
            (404, Reason::ConnectionMisconfigured),
            (405, Reason::ConnectionMisconfigured),
            (407, Reason::ConnectionMisconfigured),
            (409, Reason::ProviderRefused),
            (410, Reason::ConnectionMisconfigured),
            (413, Reason::ProviderRefused),
            (415, Reason::ProviderRefused),
            (422, Reason::ProviderRefused),
        ];
        for (status, reason) in table {
            assert_eq!(
                told(status, words),
                Some((reason, kept.clone())),
                "{status}"
            );
            assert_eq!(told(status, ""), Some((reason, None)), "{status}");
        }
        for status in [200, 204, 302, 408, 429, 500, 502, 503, 504] {
            assert_eq!(told(status, words), None, "{status}");
        }
        let long = "word ".repeat(10_000);
        let (_, kept) = told(400, &long).unwrap();
        assert!(kept.unwrap().chars().count() <= 200);
    }

    #[test]
    fn every_reason_that_a_request_can_end_with_has_a_page() {
        let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        for reason in [
            Reason::ActionLifetimeOutOfRange,
            Reason::ClaimsNotHeld,
            Reason::RequestAlreadyOpen,
            Reason::ProviderRefused,
            Reason::ConnectionMisconfigured,
            Reason::ProviderUnavailable,
            Reason::ProviderAnswerInvalid,
        ] {
            let page = pages.join(format!("{}.md", reason.code()));
            assert!(page.is_file(), "{reason}");
        }
    }
}
