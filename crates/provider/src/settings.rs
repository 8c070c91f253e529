//! What every plug-in needs to read its settings: key by key, so that no fault hides another.
//!
//! A plug-in's settings say of each key an optional [`Read`], and collect the unknown ones. What could
//! not be read becomes a fault, and something harmless stands in its place, so that the rest can be
//! checked; whatever is found at such a place later is left out.

mod checks;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// Something that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct SettingsFault {
    /// Which setting: its key, with what it stands in, such as `keys[2].public_key`.
    pub setting: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A value, or what is wrong with it: as a part of something larger it never fails that.
pub struct Read<T>(Result<T, String>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(
            T::deserialize(value).map_err(|error| error.to_string()),
        ))
    }
}

/// All that is wrong so far.
#[derive(Default)]
pub struct Faults(Vec<SettingsFault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, setting: impl Display, problem: impl Display) {
        self.0.push(SettingsFault {
            setting: setting.to_string(),
            problem: problem.to_string(),
        });
    }

    /// Adds one for each key that nobody knows.
    pub fn unknown(&mut self, within: &str, unknown: &BTreeMap<String, IgnoredAny>) {
        for key in unknown.keys() {
            let problem = "is not a key that this version knows";
            self.add(format_args!("{within}{key}"), problem);
        }
    }

    /// What was said, if anything usable was.
    pub fn optional<T>(&mut self, setting: impl Display, read: Option<Read<T>>) -> Option<T> {
        match read?.0 {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(setting, problem);
                None
            }
        }
    }

    /// What was said; a fault if nothing was.
    pub fn needed<T>(&mut self, setting: impl Display, read: Option<Read<T>>) -> Option<T> {
        if read.is_none() {
            self.add(&setting, "must be set");
        }
        self.optional(setting, read)
    }

    /// A secret. What is wrong with it is said without it.
    pub fn secret(&mut self, setting: &str, read: Option<Read<String>>) -> Option<String> {
        match read?.0 {
            Ok(value) => Some(value),
            Err(_) => {
                self.add(setting, "must be text");
                None
            }
        }
    }

    /// A switch that loosens a rule: where it can't be read, nobody is told that the rule is
    /// broken.
    pub fn loosening(&mut self, setting: &str, read: Option<Read<bool>>) -> bool {
        let said = read.is_some();
        self.optional(setting, read).unwrap_or(said)
    }

    /// Adds what was found later, but for what is already said to be at fault, by itself or with what
    /// it stands in.
    pub fn extend(&mut self, later: Vec<SettingsFault>) {
        let later = later.into_iter();
        let later: Vec<_> = later.filter(|at| !self.have(&at.setting)).collect();
        self.0.extend(later);
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn ending<T>(self, value: T) -> Result<T, Vec<SettingsFault>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }

    fn have(&self, setting: &str) -> bool {
        self.0.iter().any(|fault| {
            let rest = setting.strip_prefix(&*fault.setting);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_it() {
        let read = |value| serde_json::from_value::<Read<String>>(value).unwrap();
        let mut faults = Faults::default();
        assert_eq!(faults.secret("a", Some(read(json!(4711)))), None);
        let whole = faults.secret("b", Some(read(json!("x"))));
        assert_eq!(whole.as_deref(), Some("x"));
        let found = faults.ending(()).unwrap_err();
        assert_eq!(found.len(), 1);
        assert!(!format!("{found:?}").contains("4711"));
    }

    #[test]
    fn what_is_found_later_at_a_faulty_place_is_left_out() {
        let mut faults = Faults::default();
        faults.add("keys[1]", "is no table");
        let later =
            ["keys[1].public_key", "keys[10].public_key", "keys[1]"].map(|setting| SettingsFault {
                setting: setting.to_owned(),
                problem: String::new(),
            });
        faults.extend(later.into());
        let found = faults.ending(()).unwrap_err();
        let found: Vec<_> = found.iter().map(|fault| fault.setting.as_str()).collect();
        assert_eq!(found, ["keys[1]", "keys[10].public_key"]);
    }
}
