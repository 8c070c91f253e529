//! How long a call may take: what the caller says in `grpc-timeout`, within our bounds.
//!
//! A call must begin its answer by then; a stream, which begins at once, must also end by what its
//! caller said, and by nothing else.

use std::time::Duration;

use http::HeaderMap;

/// The header that a gRPC client states its deadline in, relative to now.
const HEADER: &str = "grpc-timeout";

/// The time-outs of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimeLimits {
    /// Until the answer begins.
    pub(crate) to_begin: Duration,
    /// Until a stream ends.
    pub(crate) to_end: Option<Duration>,
}

impl TimeLimits {
    /// The time-outs of a call with these headers. What can't be read counts as not said.
    pub(crate) fn of(headers: &HeaderMap, default: Duration, max: Duration) -> Self {
        let said = headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(parse);
        Self {
            to_begin: said.unwrap_or(default).min(max),
            to_end: said,
        }
    }
}

/// Reads one to eight digits and a unit, as the gRPC protocol writes a time-out.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(parse("30S"), Some(Duration::from_secs(30)));
        assert_eq!(
            parse("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3_600))
        );
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        for wrong in [
            "",
            "S",
            "3",
            "3s",
            "+3S",
            "-3S",
            "123456789S",
            "3.5S",
            "3Sä",
            "ä",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_caller_may_shorten_the_wait_and_not_stretch_it() {
        let limits = |said: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(HEADER, http::HeaderValue::from_static(said));
            }
            TimeLimits::of(&headers, Duration::from_secs(45), Duration::from_secs(60))
        };
        assert_eq!(limits(None).to_begin, Duration::from_secs(45));
        assert_eq!(limits(None).to_end, None);
        assert_eq!(limits(Some("1S")).to_begin, Duration::from_secs(1));
        assert_eq!(limits(Some("1H")).to_begin, Duration::from_secs(60));
        assert_eq!(limits(Some("1H")).to_end, Some(Duration::from_secs(3_600)));
        assert_eq!(limits(Some("soon")).to_begin, Duration::from_secs(45));
    }
}
