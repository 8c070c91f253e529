//! What a connection may take of its provider, and when it leaves it alone: the keys of a
//! `[[connections]]` table that are the facade's, whichever the provider is.

use std::time::Duration;

use toml::Table;
use verilane_provider::Limits;

use super::fault::Faults;
use super::section::{Asked, Section};

/// The keys that are taken out of a connection's table here; the others are its plug-in's.
const KEYS: [&str; 7] = [
    "max_calls",
    "calls_per_second",
    "calls_burst",
    "turn_wait",
    "call_tries",
    "circuit_failures",
    "circuit_open",
];

/// Takes the facade's keys out of a connection's table. What is not said keeps its default.
pub fn read(table: &mut Table, at: &str, faults: &mut Faults) -> (Option<Limits>, Asked) {
    let own = KEYS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), table.remove(*key)?)));
    let own = own.collect();
    let mut section = Section::new(at, own, std::collections::BTreeMap::new(), faults);
    let usual = Limits::default();
    let calls = section.within_or("max_calls", 1..=10_000, usual.calls);
    let per_second = section.within_or("calls_per_second", 1..=100_000, usual.per_second);
    let burst = section.within_or("calls_burst", 1..=100_000, usual.burst);
    let longest = Duration::from_secs(30);
    let turn_wait = section.within_or("turn_wait", Duration::ZERO..=longest, usual.turn_wait);
    let tries = section.within_or("call_tries", 1..=10, usual.tries);
    let failures = section.within_or("circuit_failures", 0..=1_000, usual.circuit_failures);
    let (shortest, longest) = (Duration::from_secs(1), Duration::from_secs(3_600));
    let open = section.within_or("circuit_open", shortest..=longest, usual.circuit_open);
    let asked = section.finish();
    let limits = || {
        Some(Limits {
            calls: calls?,
            per_second: per_second?,
            burst: burst?,
            turn_wait: turn_wait?,
            tries: tries?,
            circuit_failures: failures?,
            circuit_open: open?,
            ..usual
        })
    };
    (limits(), asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_facade_is_taken_out_and_asked_for() {
        let mut table: Table = KEYS
            .iter()
            .map(|key| ((*key).to_owned(), toml::Value::Integer(1)))
            .collect();
        for key in ["turn_wait", "circuit_open"] {
            table.insert(key.to_owned(), "1s".into());
        }
        table.insert("base_url".to_owned(), "the plug-in's".into());
        let mut faults = Faults::default();
        let (limits, asked) = read(&mut table, "connections.x", &mut faults);
        assert!(faults.is_empty(), "{faults}");
        assert_eq!(asked.keys, KEYS);
        assert_eq!(table.keys().collect::<Vec<_>>(), ["base_url"]);
        let expected = Limits {
            calls: 1,
            per_second: 1,
            burst: 1,
            turn_wait: Duration::from_secs(1),
            tries: 1,
            circuit_failures: 1,
            circuit_open: Duration::from_secs(1),
            ..Limits::default()
        };
        assert_eq!(limits, Some(expected));
    }

    #[test]
    fn what_is_not_said_keeps_its_default_and_what_is_out_of_bounds_is_a_fault() {
        let mut faults = Faults::default();
        let (limits, _) = read(&mut Table::new(), "connections.x", &mut faults);
        assert_eq!(limits, Some(Limits::default()));
        let mut table: Table = "max_calls = 0\ncircuit_open = \"1ms\"\ncall_tries = \"many\""
            .parse()
            .unwrap();
        let (limits, _) = read(&mut table, "connections.x", &mut faults);
        assert_eq!(limits, None);
        let keys: Vec<_> = faults
            .all()
            .iter()
            .map(|fault| fault.key.as_str())
            .collect();
        let expected = [
            "connections.x.max_calls",
            "connections.x.call_tries",
            "connections.x.circuit_open",
        ];
        assert_eq!(keys, expected);
    }
}
