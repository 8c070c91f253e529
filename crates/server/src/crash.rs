//! Points at which a `dev` configuration has the process die, to show what survives.
//!
//! Death is by SIGKILL to ourselves: no destructor runs, no buffer is flushed, nobody is told. That
//! is what a crash test wants to prove harmless.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use verilane_engine::{CrashPoint, CrashPoints};
use verilane_store_sqlite::{CommitHook, CommitMoment};

/// A named point: a step of the engine, or a moment of the store's commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Between two steps of a use case.
    Step(CrashPoint),
    /// A batch of changes is written and not durable.
    BeforeCommit,
    /// A batch is durable, and nobody knows it yet: a callback in it was not answered.
    AfterCommit,
}

const POINTS: usize = CrashPoint::ALL.len() + 2;

impl Point {
    fn all() -> impl Iterator<Item = Self> {
        let steps = CrashPoint::ALL.into_iter().map(Self::Step);
        steps.chain([Self::BeforeCommit, Self::AfterCommit])
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Step(step) => step.name(),
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
        }
    }
}

/// The n-th time that a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    point: Point,
    /// From 1.
    nth: u64,
}

impl FromStr for CrashAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
            let point = Point::all().find(|point| point.name() == name)?;
            let nth = nth.parse().ok().filter(|nth| *nth > 0)?;
            Some(Self { point, nth })
        };
        parsed().ok_or_else(|| {
            let names: Vec<_> = Point::all().map(Point::name).collect();
            format!(
                "must be POINT or POINT:N with POINT one of: {}",
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for CrashAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.point.name(), self.nth)
    }
}

/// Counts how often points are reached, and ends the process at those that were asked for.
#[derive(Debug)]
pub struct Crasher {
    asked: Vec<CrashAt>,
    reached: [AtomicU64; POINTS],
}

impl Crasher {
    /// None if no point was asked for.
    pub fn new(asked: &[CrashAt]) -> Option<Arc<Self>> {
        (!asked.is_empty()).then(|| {
            Arc::new(Self {
                asked: asked.to_vec(),
                reached: Default::default(),
            })
        })
    }

    /// What a store calls.
    pub fn commit_hook(self: &Arc<Self>) -> CommitHook {
        let crasher = Arc::clone(self);
        Arc::new(move |moment| {
            crasher.pass(match moment {
                CommitMoment::BeforeCommit => Point::BeforeCommit,
                CommitMoment::AfterCommit => Point::AfterCommit,
            });
        })
    }

    fn pass(&self, point: Point) {
        if self.is_due(point) {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }

    fn is_due(&self, point: Point) -> bool {
        let counter = Point::all()
            .zip(&self.reached)
            .find(|(known, _)| *known == point);
        let count = counter.map_or(0, |(_, counter)| {
            counter.fetch_add(1, Ordering::Relaxed) + 1
        });
        self.asked.contains(&CrashAt { point, nth: count })
    }
}

impl CrashPoints for Crasher {
    fn reached(&self, point: CrashPoint) {
        self.pass(Point::Step(point));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_written_with_or_without_its_number() {
        for (text, shown) in [
            ("intent-written", "intent-written:1"),
            ("history-answered:2", "history-answered:2"),
            ("after-commit:12", "after-commit:12"),
        ] {
            assert_eq!(text.parse::<CrashAt>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            "commit",
            "after-commit:0",
            "after-commit:x",
            "after-commit:",
        ] {
            assert!(wrong.parse::<CrashAt>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Point::all().map(Point::name).collect();
        assert_eq!(names.len(), POINTS);
    }

    #[test]
    fn only_the_nth_time_at_the_point_that_was_asked_for_is_due() {
        let asked = ["before-commit:2".parse().unwrap()];
        let crasher = Crasher::new(&asked).unwrap();
        assert!(!crasher.is_due(Point::BeforeCommit));
        assert!(!crasher.is_due(Point::AfterCommit));
        assert!(!crasher.is_due(Point::AfterCommit));
        assert!(crasher.is_due(Point::BeforeCommit));
        assert!(!crasher.is_due(Point::BeforeCommit));
        assert!(Crasher::new(&[]).is_none());
    }
}
