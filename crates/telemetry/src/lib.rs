//! Every name under which Verilane shows itself to an operator, and what each means.
//!
//! Without features this crate is names only and depends on nothing, so that any crate but core
//! can use it. Names follow the OpenTelemetry semantic conventions (1.42) where those have one,
//! and stand under `verilane.` where not.
//!
//! Invariant: what carries these names holds ids, states, reasons, status words, sizes and times;
//! never a value about a person, a secret, a callback path or a URL's query.

//!
//! | feature | for whom | what |
//! | --- | --- | --- |
//! | `instruments` | crates that measure | instruments made of the listed metrics |
//! | `propagation` | crates that call or are called | trace context in headers and at rest |
//! | `setup` | the binary | logs, and export of traces and metrics |

pub mod attribute;
#[cfg(feature = "instruments")]
pub mod instruments;
pub mod metric;
#[cfg(feature = "propagation")]
pub mod propagation;
#[cfg(feature = "setup")]
pub mod setup;
pub mod span;
pub mod value;

/// The name of the instrumentation scope of all our spans and metrics.
pub const SCOPE: &str = "verilane";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::metric::Instrument;

    fn well_formed(name: &str) -> bool {
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        name.contains('.') && name.split('.').all(part)
    }

    #[test]
    fn every_name_is_well_formed_and_stands_once_in_its_list() {
        let metrics: Vec<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
        for list in [span::ALL, attribute::ALL, &metrics] {
            let mut seen = HashSet::new();
            for name in list {
                assert!(well_formed(name), "{name}");
                assert!(seen.insert(name), "{name} stands twice");
            }
        }
    }

    #[test]
    fn every_metric_has_a_unit_a_description_and_known_attributes() {
        for metric in metric::ALL {
            assert!(!metric.unit.is_empty(), "{}", metric.name);
            assert!(!metric.description.is_empty(), "{}", metric.name);
            for attribute in metric.attributes {
                assert!(
                    attribute::ALL.contains(attribute),
                    "{} of {} is unlisted",
                    attribute,
                    metric.name
                );
            }
        }
    }

    #[test]
    fn histograms_and_they_alone_have_rising_boundaries() {
        for metric in metric::ALL {
            let rising = metric.boundaries.is_sorted_by(|a, b| a < b);
            assert!(rising, "{}", metric.name);
            let histogram = metric.instrument == Instrument::Histogram;
            assert_eq!(histogram, !metric.boundaries.is_empty(), "{}", metric.name);
        }
    }

    #[test]
    fn no_metric_is_split_by_an_id() {
        for metric in metric::ALL {
            for attribute in metric.attributes {
                assert!(
                    !attribute.ends_with(".id"),
                    "{} by {attribute}",
                    metric.name
                );
            }
        }
    }
}
