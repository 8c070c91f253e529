//! Values as they are written: in a file with TOML's types, in the environment as text, and both
//! in forms that people write, such as `10m` and `64MiB`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use verilane_core::{Decision, Pii};

/// A value before it was read.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    /// From a file.
    File(&'a Value),
    /// From a variable of the environment, or a flag.
    Text(&'a str),
}

/// Something that can be configured.
pub trait Setting: Sized {
    /// Reads it, or says what it must be.
    fn read(given: Given<'_>) -> Result<Self, String>;
    /// Writes it as somebody would have, for messages about bounds.
    fn show(&self) -> String;
}

impl<'a> Given<'a> {
    fn text(self, expected: &str) -> Result<&'a str, String> {
        match self {
            Self::File(Value::String(text)) => Ok(text),
            Self::Text(text) => Ok(text),
            Self::File(other) => Err(format!("must be {expected}, not {}", kind(other))),
        }
    }

    fn integer(self) -> Result<i64, String> {
        match self {
            Self::File(Value::Integer(number)) => Ok(*number),
            Self::File(other) => Err(format!("must be a whole number, not {}", kind(other))),
            Self::Text(text) => text
                .trim()
                .parse()
                .map_err(|_| "must be a whole number".to_owned()),
        }
    }
}

/// What a value of TOML is, in words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

impl Setting for String {
    fn read(given: Given<'_>) -> Result<Self, String> {
        given.text("a text").map(str::to_owned)
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for Pii<String> {
    fn read(given: Given<'_>) -> Result<Self, String> {
        given.text("a text").map(Self::from)
    }

    fn show(&self) -> String {
        "(secret)".to_owned()
    }
}

impl Setting for bool {
    fn read(given: Given<'_>) -> Result<Self, String> {
        match given {
            Given::File(Value::Boolean(value)) => Ok(*value),
            Given::Text("true") => Ok(true),
            Given::Text("false") => Ok(false),
            Given::File(_) | Given::Text(_) => Err("must be true or false".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl Setting for $kind {
            fn read(given: Given<'_>) -> Result<Self, String> {
                Self::try_from(given.integer()?)
                    .map_err(|_| format!("must be 0 to {}", Self::MAX))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
integers!(u32, u64, usize);

impl Setting for NonZeroU32 {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let number = u32::try_from(given.integer()?).ok();
        number
            .and_then(Self::new)
            .ok_or_else(|| format!("must be 1 to {}", Self::MAX))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for SocketAddr {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let expected = "an address and a port, such as 127.0.0.1:7400";
        let text = given.text(expected)?;
        text.parse().map_err(|_| format!("must be {expected}"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for PathBuf {
    fn read(given: Given<'_>) -> Result<Self, String> {
        match given.text("a path")? {
            "" => Err("must be a path".to_owned()),
            path => Ok(Self::from(path)),
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for Duration {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let expected = "a time with its unit, such as 500ms, 30s, 10m, 12h or 90d";
        let text = given.text(expected)?;
        humantime::parse_duration(text).map_err(|_| format!("must be {expected}"))
    }

    fn show(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// KiB as bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(1024))
    }

    /// MiB as bytes.
    pub const fn mib(count: u64) -> Self {
        Self::kib(count.saturating_mul(1024))
    }

    /// As a length in memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The larger ones first, so that a size is shown in the largest that fits.
const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Setting for Size {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let expected = "a size with its unit, such as 512KiB or 64MiB";
        let text = given.text(expected)?.trim();
        let parsed = UNITS.iter().find_map(|(unit, bytes)| {
            let count: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            count.checked_mul(*bytes)
        });
        parsed
            .map(Self)
            .ok_or_else(|| format!("must be {expected}"))
    }

    fn show(&self) -> String {
        let fits = UNITS
            .iter()
            .find(|(_, bytes)| self.0.is_multiple_of(*bytes));
        fits.map_or_else(
            || self.0.to_string(),
            |(unit, bytes)| format!("{}{unit}", self.0 / bytes),
        )
    }
}

/// A value that can be switched off with `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrNever<T>(pub Option<T>);

impl<T: Setting> Setting for OrNever<T> {
    fn read(given: Given<'_>) -> Result<Self, String> {
        if let Given::File(Value::String(text)) = given
            && text == "never"
        {
            return Ok(Self(None));
        }
        if let Given::Text("never") = given {
            return Ok(Self(None));
        }
        T::read(given)
            .map(|value| Self(Some(value)))
            .map_err(|problem| format!("{problem}, or \"never\""))
    }

    fn show(&self) -> String {
        self.0.as_ref().map_or_else(|| "never".to_owned(), T::show)
    }
}

/// What becomes of a review that nobody decided in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue(pub Option<Decision>);

impl Setting for Overdue {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let expected = "\"fail\" or \"reject\"";
        match given.text(expected)? {
            "fail" => Ok(Self(None)),
            "reject" => Ok(Self(Some(Decision::Reject))),
            _ => Err(format!("must be {expected}")),
        }
    }

    fn show(&self) -> String {
        let word = if self.0.is_none() { "fail" } else { "reject" };
        word.to_owned()
    }
}

/// Several values: a list in a file, separated by commas in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: Setting> Setting for List<T> {
    fn read(given: Given<'_>) -> Result<Self, String> {
        match given {
            Given::File(Value::Array(values)) => values
                .iter()
                .map(|value| T::read(Given::File(value)))
                .collect(),
            Given::File(other) => Err(format!("must be a list, not {}", kind(other))),
            Given::Text(text) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                parts.map(|part| T::read(Given::Text(part))).collect()
            }
        }
        .map(Self)
    }

    fn show(&self) -> String {
        let shown: Vec<String> = self.0.iter().map(T::show).collect();
        shown.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T: Setting>(text: &str) -> Result<T, String> {
        T::read(Given::Text(text))
    }

    #[test]
    fn times_and_sizes_are_written_with_their_units() {
        assert_eq!(text("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(text("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(text("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(text("64MiB"), Ok(Size::mib(64)));
        assert_eq!(text("512 KiB"), Ok(Size::kib(512)));
        assert_eq!(text("7B"), Ok(Size(7)));
        for wrong in ["", "10", "ten minutes", "-1s"] {
            assert!(text::<Duration>(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "10", "10MB", "-1MiB", "99999999999GiB", "MiB"] {
            assert!(text::<Size>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Size::mib(64).show(), "64MiB");
        assert_eq!(Size(1_500).show(), "1500B");
        assert_eq!(Duration::from_secs(5_400).show(), "1h 30m");
    }

    #[test]
    fn a_file_keeps_its_types_and_the_environment_is_text() {
        let number = Value::Integer(7);
        let word = Value::String("7".to_owned());
        assert_eq!(u32::read(Given::File(&number)), Ok(7));
        assert!(u32::read(Given::File(&word)).is_err());
        assert_eq!(text("7"), Ok(7_u32));
        assert!(text::<u32>("-7").is_err());
        assert_eq!(text("true"), Ok(true));
        assert!(bool::read(Given::File(&word)).is_err());
        assert_eq!(
            text("127.0.0.1:80"),
            Ok(SocketAddr::from(([127, 0, 0, 1], 80)))
        );
        assert!(text::<SocketAddr>("localhost:80").is_err());
    }

    #[test]
    fn what_can_be_off_is_off_with_never() {
        assert_eq!(text("never"), Ok(OrNever::<Duration>(None)));
        assert_eq!(text("1s"), Ok(OrNever(Some(Duration::from_secs(1)))));
        let problem = text::<OrNever<Duration>>("off").unwrap_err();
        assert!(problem.ends_with("or \"never\""), "{problem}");
    }

    #[test]
    fn a_list_is_an_array_or_separated_by_commas() {
        assert_eq!(text("1, 5,10"), Ok(List(vec![1_u64, 5, 10])));
        let array = Value::Array(vec![Value::Integer(1), Value::Integer(5)]);
        assert_eq!(List::<u64>::read(Given::File(&array)), Ok(List(vec![1, 5])));
        assert!(text::<List<u64>>("1,x").is_err());
    }
}
