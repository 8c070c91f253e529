//! Civic SIP scenarios by name. Names are put together with `+`: what each one says is laid over the
//! ones before it, and lists grow.

mod answers;
mod calls;
mod tokens;
mod user;

use std::sync::LazyLock;

use super::scenario::{CivicSipEndpoint, CivicSipScenario};
use crate::scenario::{AnswerFault, AnswerTrouble, NamedScenario};

type S = CivicSipScenario;

/// Every named scenario.
static NAMED: LazyLock<Vec<NamedScenario<S>>> = LazyLock::new(|| {
    [
        tokens::ALL.as_slice(),
        &answers::ALL,
        &user::ALL,
        &calls::ALL,
    ]
    .concat()
});

fn befalls(s: &mut S, endpoint: CivicSipEndpoint, times: Option<u32>, does: AnswerTrouble) {
    s.answers.push(AnswerFault {
        endpoint: Some(endpoint),
        times,
        ..AnswerFault::always(does)
    });
}

fn handled(code: u16, text: &str) -> AnswerTrouble {
    AnswerTrouble::Http {
        code,
        retry_after: None,
        text: text.to_owned(),
        handled: true,
    }
}

impl CivicSipScenario {
    /// The scenario of a name, or of several put together with `+`, if there are such.
    #[must_use]
    pub fn named(names: &str) -> Option<Self> {
        NamedScenario::put_together(&NAMED, names)
    }

    /// The names that [`CivicSipScenario::named`] takes, with a line about each.
    #[must_use]
    pub fn names() -> &'static [NamedScenario<Self>] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PAGE: &str = include_str!("../../../../../docs/sandbox.md");

    fn section() -> &'static str {
        PAGE.split_once("\n## Civic SIP\n").unwrap().1
    }

    #[test]
    fn every_listed_name_is_a_scenario_of_its_own_survives_json_and_stands_in_the_docs() {
        let mut seen = HashSet::new();
        for named in S::names() {
            let scenario = S::named(named.name).unwrap();
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<S>(&json).unwrap(), scenario);
            assert!(seen.insert(json), "{}", named.name);
            let name = format!("`{}`", named.name);
            assert!(section().contains(&name), "{name}");
        }
        assert_eq!(S::named("scripted+nonsense"), None);
    }

    #[test]
    fn the_documentations_scenario_in_full_is_one() {
        let (_, rest) = section().split_once("```json\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let scenario: S = serde_json::from_str(text).unwrap();
        assert_eq!((scenario.more.len(), scenario.answers.len()), (1, 3));
        assert_eq!(serde_json::from_str::<S>("{}").unwrap(), S::default());
        assert!(serde_json::from_str::<S>(r#"{"tokens":{}}"#).is_err());
    }
}
