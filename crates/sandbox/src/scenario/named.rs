//! Scenarios by name. Names are put together with `+`: what each one says is laid over the ones
//! before it, and lists grow.

mod besides;
mod callbacks;
mod courses;
mod endpoints;
mod writing;

use std::sync::LazyLock;

use serde::Serialize;

use super::Scenario;

/// A scenario that has a name.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(bound = "")]
pub struct NamedScenario<S: 'static = Scenario> {
    /// What to ask for it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub description: &'static str,
    #[serde(skip)]
    lay: fn(&mut S),
}

/// A name, and what it lays over a scenario.
pub(crate) const fn named<S>(
    name: &'static str,
    description: &'static str,
    lay: fn(&mut S),
) -> NamedScenario<S> {
    NamedScenario {
        name,
        description,
        lay,
    }
}

impl<S: Default> NamedScenario<S> {
    /// The scenario of a name among `all`, or of several put together with `+`.
    pub(crate) fn put_together(all: &[Self], names: &str) -> Option<S> {
        let mut scenario = S::default();
        for name in names.split('+') {
            let named = all.iter().find(|named| named.name == name)?;
            (named.lay)(&mut scenario);
        }
        Some(scenario)
    }
}

/// Every named scenario, in the order in which they are listed.
static NAMED: LazyLock<Vec<NamedScenario>> = LazyLock::new(|| {
    let kinds = [
        courses::ALL,
        callbacks::ALL,
        writing::ALL,
        endpoints::ALL,
        besides::ALL,
    ];
    kinds.concat()
});

impl Scenario {
    /// The scenario of a name, or of several put together with `+`, if there are such.
    #[must_use]
    pub fn named(names: &str) -> Option<Self> {
        NamedScenario::put_together(&NAMED, names)
    }

    /// The names that [`Scenario::named`] takes, with a line about each.
    #[must_use]
    pub fn names() -> &'static [NamedScenario] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::callbacks::EVERY_FORGERY;
    use super::*;
    use crate::scenario::DataShape;

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
    fn every_name_stands_in_the_documentation() {
        let page = include_str!("../../../../docs/sandbox.md");
        for named in Scenario::names() {
            assert!(
                page.contains(&format!("`{}`", named.name)),
                "{}",
                named.name
            );
        }
    }

    #[test]
    fn the_documentations_scenario_in_full_is_one() {
        let page = include_str!("../../../../docs/sandbox.md");
        let (_, rest) = page.split_once("```json\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(scenario.faults.callbacks.len(), 2);
        assert_eq!(scenario.answers.len(), 2);
    }

    #[test]
    fn names_are_put_together_and_the_last_word_counts() {
        let both = Scenario::named("json+forge+multipart-whole+late+replay").unwrap();
        assert_eq!(both.data_shape, DataShape::MultipartWhole);
        assert_eq!(both.faults.forge, EVERY_FORGERY);
        assert_eq!(both.faults.callbacks.len(), 2);
        for wrong in ["json+", "+json", "json+nonsense", "json forge"] {
            assert_eq!(Scenario::named(wrong), None, "{wrong}");
        }
    }
}
