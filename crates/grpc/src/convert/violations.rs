//! Everything that is wrong with a request, gathered field by field, so that a caller is told all
//! of it at once. Descriptions say what is allowed and never what was sent.

use std::str::FromStr;
use std::time::Duration;

use verilane_core::{
    ConnectionName, FieldViolation, Pii, ProviderName, Reason, Timestamp, VerificationId,
};
use verilane_engine::EngineError;

/// The longest text of a caller's own, in characters.
const MAX_TEXT: usize = 200;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<FieldViolation>);

impl Violations {
    /// This field is wrong.
    pub(crate) fn add(&mut self, reason: Reason, field: impl Into<String>, description: &str) {
        self.0.push(FieldViolation {
            field: field.into(),
            description: description.to_owned(),
            reason,
        });
    }

    /// This field is wrong, for no reason that has a name of its own.
    pub(crate) fn invalid(&mut self, field: impl Into<String>, description: &str) {
        self.add(Reason::InvalidArgument, field, description);
    }

    /// Ends the check: what was read, if nothing is wrong.
    pub(crate) fn into_result<T>(self, read: Option<T>) -> Result<T, EngineError> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(EngineError::fields(self.0)),
        }
    }

    /// Text of the caller's own.
    pub(crate) fn text(&mut self, field: &str, text: String) -> Pii<String> {
        if text.chars().count() > MAX_TEXT {
            self.invalid(field, "must have 200 characters at most");
        }
        text.into()
    }

    /// A verification's id.
    pub(crate) fn id(&mut self, field: &str, text: &str) -> Option<VerificationId> {
        let id = VerificationId::from_str(text).ok();
        if id.is_none() {
            self.invalid(field, "must be a UUID in hyphenated form");
        }
        id
    }

    /// A connection's name.
    pub(crate) fn connection(&mut self, field: &str, text: &str) -> Option<ConnectionName> {
        let name = ConnectionName::new(text).ok();
        if name.is_none() {
            self.invalid(field, "must be a connection's name");
        }
        name
    }

    /// Names of connections.
    pub(crate) fn connections(&mut self, field: &str, names: &[String]) -> Vec<ConnectionName> {
        self.each(field, names, |this, field, name| {
            this.connection(field, name)
        })
    }

    /// Names of providers.
    pub(crate) fn providers(&mut self, field: &str, names: &[String]) -> Vec<ProviderName> {
        self.each(field, names, |this, field, name| {
            let name = ProviderName::new(name).ok();
            if name.is_none() {
                this.invalid(field, "must be a provider's name");
            }
            name
        })
    }

    /// A set of at most 100, each read by its place.
    pub(crate) fn each<T, R>(
        &mut self,
        field: &str,
        items: &[T],
        read: impl FnMut(&mut Self, &str, &T) -> Option<R>,
    ) -> Vec<R> {
        self.each_of_at_most(100, field, items, read)
    }

    /// A list of at most so many, each read by its place.
    pub(crate) fn each_of_at_most<T, R>(
        &mut self,
        max: usize,
        field: &str,
        items: &[T],
        mut read: impl FnMut(&mut Self, &str, &T) -> Option<R>,
    ) -> Vec<R> {
        if items.len() > max {
            self.invalid(field, &format!("must have {max} entries at most"));
            return Vec::new();
        }
        items
            .iter()
            .enumerate()
            .filter_map(|(place, item)| read(self, &format!("{field}[{place}]"), item))
            .collect()
    }

    /// A duration, if it is said.
    pub(crate) fn duration(
        &mut self,
        field: &str,
        said: Option<prost_types::Duration>,
    ) -> Option<Duration> {
        let read = Duration::try_from(said?).ok();
        if read.is_none() {
            self.invalid(field, "must be a duration that is not negative");
        }
        read
    }

    /// A duration within bounds, both included; a default if it is not said.
    pub(crate) fn duration_within(
        &mut self,
        field: &str,
        said: Option<prost_types::Duration>,
        (min, max, default): (u64, u64, u64),
    ) -> Duration {
        let [min, max, default] = [min, max, default].map(Duration::from_secs);
        let read = self.duration(field, said).unwrap_or(default);
        if read < min || read > max {
            let description = format!("must be {} to {} seconds", min.as_secs(), max.as_secs());
            self.invalid(field, &description);
        }
        read
    }

    /// A point in time, if it is said.
    pub(crate) fn time(
        &mut self,
        field: &str,
        said: Option<prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let said = said?;
        let micros = said
            .seconds
            .checked_mul(1_000_000)
            .and_then(|micros| micros.checked_add(i64::from(said.nanos) / 1_000));
        match micros {
            Some(micros) if (0..1_000_000_000).contains(&said.nanos) => {
                Some(Timestamp::from_micros(micros))
            }
            _ => {
                self.invalid(field, "must be a point in time");
                None
            }
        }
    }

    /// The size of a page: a default if 0.
    pub(crate) fn page_size(&mut self, said: u32, max: u32, default: u32) -> u32 {
        if said > max {
            self.invalid("page_size", &format!("must be 0 to {max}"));
        }
        match said {
            0 => default,
            said => said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once_and_none_repeats_what_was_sent() {
        let mut violations = Violations::default();
        let _ = violations.id("verification_id", "MUSTERMANN");
        let _ = violations.connection("connection", "MUSTERMANN");
        let _ = violations.text("subject_ref", "MUSTERMANN".repeat(30));
        let error = violations.into_result(Some(())).unwrap_err();
        assert_eq!(error.violations.len(), 3);
        assert!(!format!("{error:?}").contains("MUSTER"));
    }

    #[test]
    fn times_and_durations_out_of_their_range_are_refused() {
        let time = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
        let mut violations = Violations::default();
        assert_eq!(
            violations.time("t", Some(time(7, 8_000))),
            Some(Timestamp::from_micros(7_000_008))
        );
        for wrong in [time(0, -1), time(0, 1_000_000_000), time(i64::MAX, 0)] {
            let mut violations = Violations::default();
            assert_eq!(violations.time("t", Some(wrong)), None);
            assert!(violations.into_result(Some(())).is_err());
        }
        let mut violations = Violations::default();
        let negative = prost_types::Duration {
            seconds: -1,
            nanos: 0,
        };
        assert_eq!(violations.duration("d", Some(negative)), None);
        assert!(violations.into_result(Some(())).is_err());
    }
}
