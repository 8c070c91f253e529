//! How a request can end, told apart by what may be done next.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::de::DeserializeOwned;
use verilane_core::Reason;

use super::egress::EgressError;
use crate::ProviderError;

/// The longest wait that an answer can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpError {
    /// Our own rules forbid it; nothing was sent. Retrying does not help.
    #[error("the request is not allowed: {0}")]
    Forbidden(#[from] EgressError),
    /// The other side can't have it. Retrying helps, and can double nothing.
    #[error("the request was not sent")]
    NotSent,
    /// The other side may have carried it out. Retrying helps where it can be repeated.
    #[error("the request was not answered")]
    Unclear,
    /// Answered, with another status than success.
    #[error("the request was answered with status {}", .0.status())]
    Answered(Answer),
    /// Answered, with more bytes than allowed. Retrying does not help.
    #[error("the answer is too large")]
    TooLarge,
    /// Answered, with something else than expected. Retrying does not help.
    #[error("the answer can't be read")]
    Unusable,
}

/// An answer, its body whole. The body can hold personal data and is not shown.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Bytes,
}

impl Answer {
    pub(super) const fn new(status: u16, retry_after: Option<Duration>, body: Bytes) -> Self {
        Self {
            status,
            retry_after,
            body,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// How long the other side asks to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The body; of an answer that is no success, as much of it as was allowed.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`HttpError::Unusable`] for anything else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|_| HttpError::Unusable)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl From<HttpError> for ProviderError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotSent => Self::NotSent,
            HttpError::Unclear => Self::Unclear,
            HttpError::TooLarge => Self::InvalidAnswer("it is too large"),
            HttpError::Unusable => Self::InvalidAnswer("it is not what was expected"),
            HttpError::Forbidden(_) => Self::Refused {
                reason: Reason::ProviderUnavailable,
                text: None,
            },
            HttpError::Answered(answer) => match answer.status {
                300..400 => Self::InvalidAnswer("it points elsewhere"),
                429 => Self::Busy {
                    retry_after: answer.retry_after,
                },
                503 => Self::Overloaded {
                    retry_after: answer.retry_after,
                },
                // A gateway's or a server's fault says nothing about what became of the request.
                408 | 500..600 => Self::Unclear,
                _ => Self::Refused {
                    reason: Reason::ProviderRefused,
                    text: None,
                },
            },
        }
    }
}

/// What a failure to get an answer's head means.
pub(super) fn sending(error: &reqwest::Error) -> HttpError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<EgressError>() {
            return HttpError::Forbidden(*refused);
        }
        cause = inner.source();
    }
    if error.is_builder() || error.is_connect() {
        HttpError::NotSent
    } else {
        HttpError::Unclear
    }
}

/// `Retry-After`: seconds, or a date, which counts from the answer's own `Date`, by the clock that wrote
/// both. Without that one it says nothing.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim());
    let asked = text(RETRY_AFTER)?;
    let wait = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(asked).ok()?;
            let from = httpdate::parse_http_date(text(DATE)?).ok()?;
            until.duration_since(from).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answered(status: u16) -> ProviderError {
        let wait = Some(Duration::from_secs(7));
        HttpError::Answered(Answer::new(status, wait, Bytes::from_static(b"MARK"))).into()
    }

    #[test]
    fn a_status_says_what_may_be_done_next() {
        let wait = Some(Duration::from_secs(7));
        for status in [429, 503] {
            assert_eq!(answered(status).retry_after(), wait, "{status}");
        }
        assert!(matches!(answered(429), ProviderError::Busy { .. }));
        assert!(matches!(answered(503), ProviderError::Overloaded { .. }));
        for status in [408, 500, 502, 504] {
            assert!(
                matches!(answered(status), ProviderError::Unclear),
                "{status}"
            );
        }
        for status in [301, 307] {
            assert!(!answered(status).is_retryable());
        }
        for status in [400, 401, 403, 404, 413] {
            let ProviderError::Refused { reason, .. } = answered(status) else {
                panic!("{status}");
            };
            assert_eq!(reason, Reason::ProviderRefused);
        }
    }

    #[test]
    fn debug_shows_no_body() {
        let error = HttpError::Answered(Answer::new(400, None, Bytes::from_static(b"MARK")));
        assert!(!format!("{error:?} {error}").contains("MARK"));
    }

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date_and_bounded() {
        let read = |text: &'static str, date: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            headers.insert(DATE, HeaderValue::from_static(date));
            retry_after(&headers)
        };
        let now = "Wed, 21 Oct 2026 07:26:00 GMT";
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(read("120", now), seconds(120));
        assert_eq!(read("120", ""), seconds(120));
        assert_eq!(read("99999999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(read("Wed, 21 Oct 2026 07:28:00 GMT", now), seconds(120));
        assert_eq!(
            read("Fri, 21 Oct 2089 07:28:00 GMT", now),
            Some(MAX_RETRY_AFTER)
        );
        // A time that is over asks for none.
        assert_eq!(read("Wed, 21 Oct 2026 07:25:00 GMT", now), seconds(0));
        for (text, date) in [
            ("-1", now),
            ("soon", now),
            ("Wed, 21 Oct 2026 07:28:00 GMT", ""),
        ] {
            assert_eq!(read(text, date), None, "{text} at {date}");
        }
    }
}
