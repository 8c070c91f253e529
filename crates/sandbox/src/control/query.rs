//! The parameters that the control API takes in its URLs.
//!
//! All of them are plain words and numbers, so nothing is percent-decoded; a name or a value that
//! is not known here is refused rather than ignored.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::world::ControlError;

/// The longest that a call waits, in milliseconds.
const LONGEST_WAIT: u64 = 60_000;

/// All parameters; each call uses those that concern it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `after`: the number of a delivery.
    pub after: u64,
    /// `request`: the id of a request.
    pub request: Option<String>,
    /// `user`: a Core ID or a name.
    pub user: Option<String>,
    /// `until`: a status, as the upstream words it.
    pub until: Option<String>,
    /// `finished`: wait for the end of everything rather than for a pause.
    pub finished: bool,
    /// `wait`: milliseconds of real time, at most a minute.
    pub wait: Duration,
}

impl Query {
    fn parse(text: &str) -> Result<Self, ControlError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let malformed = || ControlError::Malformed(format!("parameter {pair:.64}"));
            let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
            let number = || value.parse::<u64>().map_err(|_| malformed());
            match name {
                "after" => query.after = number()?,
                "request" => query.request = Some(value.to_owned()),
                "user" => query.user = Some(value.to_owned()),
                "until" => query.until = Some(value.to_owned()),
                "finished" => query.finished = value.parse().map_err(|_| malformed())?,
                "wait" => query.wait = Duration::from_millis(number()?.min(LONGEST_WAIT)),
                _ => return Err(malformed()),
            }
        }
        Ok(query)
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parameters_are_read_and_others_are_refused() {
        let query = Query::parse("after=7&until=CONFIRMED&wait=99999999&finished=true").unwrap();
        assert_eq!(query.after, 7);
        assert_eq!(query.until, Some("CONFIRMED".to_owned()));
        assert_eq!(query.wait, Duration::from_secs(60));
        assert!(query.finished);
        assert_eq!(Query::parse("").unwrap(), Query::default());
        for wrong in ["x=1", "after", "after=-1", "wait=1s", "finished=yes"] {
            assert!(Query::parse(wrong).is_err(), "{wrong}");
        }
    }
}
