//! `[dev]`: what only `verilane dev` takes. It makes the service controllable from outside, so
//! `serve` refuses it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use verilane_sandbox::{
    CallbackUnit, CivicPassScenario, CivicSipEnv, CivicSipScenario, NamedScenario, Scenario,
};

use super::section::{Asked, Section};
use super::value::{Given, List, Setting};
use crate::crash::CrashAt;

/// What a developer can steer.
#[derive(Clone, Debug)]
pub struct Dev {
    /// The file that dictates the time; the system's time if none.
    pub clock_file: Option<PathBuf>,
    /// Where the process kills itself.
    pub crash_at: Vec<CrashAt>,
    /// The providers beside it; none if they are run elsewhere.
    pub sandbox: Option<Sandbox>,
}

/// The sandbox within the process.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What everything about it is drawn from.
    pub seed: u64,
    /// What its users do and what goes wrong.
    pub scenario: Scenario,
    /// What becomes of the requests of its Civic Pass, and what goes wrong.
    pub civic_pass_scenario: CivicPassScenario,
    /// From one status to the next.
    pub step: Duration,
    /// Gaps between retries of a callback.
    pub callback_topics: Vec<u64>,
    /// Their unit.
    pub callback_unit: CallbackUnit,
    /// Accepting users beside those with a role.
    pub load_users: u32,
}

impl Setting for Scenario {
    /// Names put together with `+`, or the whole scenario as a JSON object.
    fn read(given: Given<'_>) -> Result<Self, String> {
        scenario(given, Self::named, Self::names())
    }

    fn show(&self) -> String {
        "(a scenario)".to_owned()
    }
}

impl Setting for CivicPassScenario {
    /// Names put together with `+`, or the whole scenario as a JSON object.
    fn read(given: Given<'_>) -> Result<Self, String> {
        scenario(given, Self::named, Self::names())
    }

    fn show(&self) -> String {
        "(a scenario)".to_owned()
    }
}

impl Setting for CivicSipScenario {
    /// Names put together with `+`, or the whole scenario as a JSON object.
    fn read(given: Given<'_>) -> Result<Self, String> {
        scenario(given, Self::named, Self::names())
    }

    fn show(&self) -> String {
        "(a scenario)".to_owned()
    }
}

impl Setting for CivicSipEnv {
    fn read(given: Given<'_>) -> Result<Self, String> {
        Self::named(&String::read(given)?).ok_or_else(|| "must be prod or dev".to_owned())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

fn scenario<S: DeserializeOwned>(
    given: Given<'_>,
    named: impl FnOnce(&str) -> Option<S>,
    all: &[NamedScenario<S>],
) -> Result<S, String> {
    let text = String::read(given)?;
    if text.starts_with('{') {
        return serde_json::from_str(&text).map_err(|error| error.to_string());
    }
    named(&text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|named| named.name).collect();
        format!(
            "must be a JSON object, or one or more of these, put together with +: {}",
            names.join(", ")
        )
    })
}

impl Setting for CallbackUnit {
    fn read(given: Given<'_>) -> Result<Self, String> {
        match String::read(given)?.as_str() {
            "Second" => Ok(Self::Second),
            "Minute" => Ok(Self::Minute),
            "Hour" => Ok(Self::Hour),
            "Day" => Ok(Self::Day),
            _ => Err("must be Second, Minute, Hour or Day".to_owned()),
        }
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Setting for CrashAt {
    fn read(given: Given<'_>) -> Result<Self, String> {
        String::read(given)?.parse()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Dev {
    /// Reads the section.
    pub fn read(mut section: Section<'_>) -> (Option<Self>, Asked) {
        let clock_file = section.optional("clock_file");
        let crash_at = section.get::<List<CrashAt>>("crash_at");
        let has_sandbox = section.get::<bool>("sandbox");
        let listen = section.get("sandbox_listen");
        let seed = section.get("sandbox_seed");
        let scenario = section.get("sandbox_scenario");
        let civic_pass = section.get("sandbox_civic_pass_scenario");
        let step = section.within("sandbox_step", Duration::ZERO..=Duration::from_secs(3_600));
        let topics = section.get::<List<u64>>("sandbox_callback_topics");
        let unit = section.get("sandbox_callback_unit");
        let users = section.within("sandbox_users", 0..=verilane_sandbox::MOST_USERS);
        let asked = section.finish();
        let read = || {
            let sandbox = Sandbox {
                listen: listen?,
                seed: seed?,
                scenario: scenario?,
                civic_pass_scenario: civic_pass?,
                step: step?,
                callback_topics: topics?.0,
                callback_unit: unit?,
                load_users: users?,
            };
            Some(Self {
                clock_file: clock_file?,
                crash_at: crash_at?.0,
                sandbox: has_sandbox?.then_some(sandbox),
            })
        };
        (read(), asked)
    }
}
