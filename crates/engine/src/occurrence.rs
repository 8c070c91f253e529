//! Reports that an attempt can come to more than once: which occurrence one is about, and which of
//! them the log has.
//!
//! The provider's history has every occurrence under its own time. A callback can be signed anew
//! when it is repeated, and then has a later time than what it tells of, so it is about the newest
//! occurrence by its time, and only the history can say which that is.
//!
//! Invariant: whatever is noted in the time from one occurrence to the next is that occurrence, so
//! each becomes one event, under which of its callbacks' times ever.

use verilane_core::{AttemptNumber, Timestamp};
use verilane_provider::{HistoryEntry, StatusReport};

/// Identities noted so far, with the attempt that each belongs to.
type Seen = [(AttemptNumber, String)];

/// What stands in a key between what recurs and the time of it.
const AT: char = '@';

/// What is noted of a report, so that it is known when it comes again.
pub(crate) fn key(report: &StatusReport) -> String {
    let of_kind = |time| key_at(&report.identity, time);
    report
        .occurrence
        .map_or_else(|| report.identity.clone(), of_kind)
}

fn key_at(kind: &str, time: Timestamp) -> String {
    format!("{kind}{AT}{}", time.as_micros())
}

fn time_of(kind: &str, key: &str) -> Option<Timestamp> {
    let time = key.strip_prefix(kind)?.strip_prefix(AT)?;
    time.parse().ok().map(Timestamp::from_micros)
}

/// The times under which reports of this kind are noted.
fn noted<'a>(
    seen: &'a Seen,
    attempt: AttemptNumber,
    kind: &'a str,
) -> impl Iterator<Item = Timestamp> + 'a {
    let own = seen.iter().filter(move |(of, _)| *of == attempt);
    own.filter_map(move |(_, key)| time_of(kind, key))
}

/// Whether a report is one of a kind that the attempt came to before, so that it can be a repeat
/// under another time.
pub(crate) fn may_repeat(seen: &Seen, attempt: AttemptNumber, report: &StatusReport) -> bool {
    report.occurrence.is_some() && noted(seen, attempt, &report.identity).next().is_some()
}

/// Whether an entry of an attempt's history is in the log.
pub(crate) fn is_noted(
    seen: &Seen,
    attempt: AttemptNumber,
    entry: &StatusReport,
    history: &[HistoryEntry],
) -> bool {
    match entry.occurrence {
        None => seen
            .iter()
            .any(|(of, key)| *of == attempt && *key == entry.identity),
        Some(time) => {
            let span = Span::at(history, &entry.identity, time);
            let mut noted = noted(seen, attempt, &entry.identity);
            span.is_some_and(|span| noted.any(|time| span.has(time)))
        }
    }
}

/// What a report is noted as, under a time that may be another, by an attempt's history that the
/// log has. None if neither knows of it.
pub(crate) fn noted_as(
    seen: &Seen,
    attempt: AttemptNumber,
    report: &StatusReport,
    history: &[HistoryEntry],
) -> Option<String> {
    let kind = &report.identity;
    let time = report.occurrence?;
    let mut noted = noted(seen, attempt, kind);
    let known = match Span::at(history, kind, time) {
        Some(span) => noted.find(|noted| span.has(*noted)),
        // The provider has forgotten what this is about, and the log may have not.
        None => noted.filter(|noted| *noted <= time).max(),
    };
    known.map(|known| key_at(kind, known))
}

/// Whether a history has what a report tells, whatever attempt that is about.
pub(crate) fn stands(report: &StatusReport, history: &[HistoryEntry]) -> bool {
    let kind = &report.identity;
    match report.occurrence {
        None => history.iter().any(|entry| entry.report.identity == *kind),
        Some(time) => Span::at(history, kind, time).is_some(),
    }
}

/// The time from one occurrence to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Span {
    /// That of the newest occurrence at a time.
    fn at(history: &[HistoryEntry], kind: &str, time: Timestamp) -> Option<Self> {
        let of_kind = history.iter().filter(|entry| entry.report.identity == kind);
        let times = of_kind.filter_map(|entry| entry.report.occurrence);
        Some(Self {
            from: times.clone().filter(|from| *from <= time).max()?,
            to: times.filter(|to| *to > time).min(),
        })
    }

    fn has(self, time: Timestamp) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < to)
    }
}

#[cfg(test)]
mod tests;
