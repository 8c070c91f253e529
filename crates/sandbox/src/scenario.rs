//! What the scripted user does, and what goes wrong on the way.
//!
//! A scenario is plain data, given by name, by JSON, or both: faults compose freely. It says
//! nothing about chance; which way a shuffle falls comes from the sandbox's seed. A user can have a
//! scenario of their own, which then counts instead of the sandbox's.

use serde::{Deserialize, Serialize};

/// What the end user does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "does", deny_unknown_fields)]
pub enum UserBehaviour {
    /// What the user's own role says.
    #[default]
    AsScripted,
    /// Accepts one step after the request.
    Accept,
    /// Leaves the QR code unscanned until it lapses.
    Ignore,
    /// Accepts after a while; never, if the QR code lapses first.
    AcceptAfter {
        /// How long, in seconds of the sandbox's clock.
        seconds: u64,
    },
}

/// How a data callback is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataShape {
    /// One JSON body.
    Json,
    /// `multipart/form-data` with a part for each member; `infos` holds JSON. What the
    /// documentation's text says.
    #[default]
    MultipartMembers,
    /// `multipart/form-data` with one part that holds the whole JSON.
    MultipartWhole,
}

/// What a retried callback looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetrySigning {
    /// Signed again, with a deadline of three minutes from then.
    #[default]
    Anew,
    /// The first attempt's bytes, whose deadline may have passed.
    Verbatim,
}

/// When `FINISH_SUCCESS` comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// Once the data callback was answered 200, or its last retry was not.
    #[default]
    AfterDelivery,
    /// After the first try of the data callback, whatever was answered.
    AfterFirstTry,
}

/// Extra callbacks that must not be believed. Each goes out just before the genuine one that it
/// imitates, unless a shuffle puts it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forgery {
    /// The genuine content, signed with a key that nobody trusts, that key appended.
    OtherKey,
    /// The same, with the genuine public key appended.
    OtherKeyPosingAsOurs,
    /// Changed content under the genuine signature.
    Tampered,
}

/// What goes wrong with callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Faults {
    /// How many more times each genuine callback is sent, byte for byte.
    pub duplicates: u8,
    /// Whether a callback and its duplicates are sent at the same time instead of one by one.
    pub duplicates_at_once: bool,
    /// How many callbacks of a request are gathered and put into a drawn order before they go
    /// out; 0 and 1 leave the order alone.
    pub reorder_window: u8,
    /// What is forged beside each genuine callback.
    pub forge: Vec<Forgery>,
}

/// All of it together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Scenario {
    /// What the user does.
    pub user: UserBehaviour,
    /// What goes wrong.
    pub faults: Faults,
    /// How data callbacks are written.
    pub data_shape: DataShape,
    /// What retried callbacks look like.
    pub retry_signing: RetrySigning,
    /// When the request finishes.
    pub finish: Finish,
}

/// A scenario that has a name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NamedScenario {
    /// What to ask for it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub description: &'static str,
}

/// Every named scenario.
const NAMED: [NamedScenario; 12] = [
    NamedScenario {
        name: "scripted",
        description: "each user does what their role says; nothing goes wrong",
    },
    NamedScenario {
        name: "accept",
        description: "every user accepts; nothing goes wrong",
    },
    NamedScenario {
        name: "ignore",
        description: "no user ever scans the QR code",
    },
    NamedScenario {
        name: "accept-late",
        description: "users accept after four minutes",
    },
    NamedScenario {
        name: "duplicates",
        description: "each callback is sent three times, one after the other",
    },
    NamedScenario {
        name: "duplicates-at-once",
        description: "each callback is sent three times at the same time",
    },
    NamedScenario {
        name: "reorder",
        description: "callbacks go out in a drawn order within windows of four",
    },
    NamedScenario {
        name: "forge",
        description: "two forged callbacks and a tampered one go before each genuine one",
    },
    NamedScenario {
        name: "json",
        description: "data callbacks are sent as one JSON body",
    },
    NamedScenario {
        name: "multipart-whole",
        description: "data callbacks are multipart with one part that holds the JSON",
    },
    NamedScenario {
        name: "verbatim-retries",
        description: "retried callbacks keep their first bytes and deadline",
    },
    NamedScenario {
        name: "storm",
        description: "duplicates at once, reordering and forgeries together",
    },
];

const EVERY_FORGERY: [Forgery; 3] = [
    Forgery::OtherKey,
    Forgery::OtherKeyPosingAsOurs,
    Forgery::Tampered,
];

impl Scenario {
    /// The scenario of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut scenario = Self::default();
        let faults = &mut scenario.faults;
        match name {
            "scripted" => {}
            "accept" => scenario.user = UserBehaviour::Accept,
            "ignore" => scenario.user = UserBehaviour::Ignore,
            "accept-late" => scenario.user = UserBehaviour::AcceptAfter { seconds: 240 },
            "duplicates" => faults.duplicates = 2,
            "duplicates-at-once" => {
                faults.duplicates = 2;
                faults.duplicates_at_once = true;
            }
            "reorder" => faults.reorder_window = 4,
            "forge" => faults.forge = EVERY_FORGERY.to_vec(),
            "json" => scenario.data_shape = DataShape::Json,
            "multipart-whole" => scenario.data_shape = DataShape::MultipartWhole,
            "verbatim-retries" => scenario.retry_signing = RetrySigning::Verbatim,
            "storm" => {
                *faults = Faults {
                    duplicates: 2,
                    duplicates_at_once: true,
                    reorder_window: 4,
                    forge: EVERY_FORGERY.to_vec(),
                };
            }
            _ => return None,
        }
        Some(scenario)
    }

    /// The names that [`Scenario::named`] takes, with a line about each.
    #[must_use]
    pub const fn names() -> &'static [NamedScenario] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_listed_name_is_a_scenario_of_its_own_and_survives_json() {
        let mut seen = HashSet::new();
        for named in Scenario::names() {
            let scenario = Scenario::named(named.name).unwrap();
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
            assert!(seen.insert(json), "{}", named.name);
        }
        assert_eq!(Scenario::named("nonsense"), None);
    }

    #[test]
    fn json_may_leave_out_what_is_usual_but_not_invent_members() {
        let text =
            r#"{"user":{"does":"accept-after","seconds":9},"faults":{"forge":["tampered"]}}"#;
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(scenario.user, UserBehaviour::AcceptAfter { seconds: 9 });
        assert_eq!(scenario.faults.forge, [Forgery::Tampered]);
        assert!(serde_json::from_str::<Scenario>(r#"{"fault":{}}"#).is_err());
        assert!(serde_json::from_str::<Scenario>(r#"{"faults":{"dupes":1}}"#).is_err());
    }
}
