//! The points at which the binary can be told to kill itself, and which provider brings it there: each
//! is met by the crash test of one of them.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

/// A point, as the configuration names it.
pub type Point = &'static str;

/// Who brings a server to a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brings {
    /// A connector, that calls.
    Connector,
    /// A Civic Pass, that is looked at.
    CivicPass,
    /// Civic SIP, that exchanges codes.
    CivicSip,
}

/// Every point that a provider brings a server to. The binary names all that there are when it is told
/// one that it does not know.
pub fn points(by: Brings) -> Vec<Point> {
    let asked = Command::new(env!("CARGO_BIN_EXE_verilane"))
        .arg("dev")
        .env("VERILANE__DEV__CRASH_AT", "?")
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    let (_, names) = said.split_once("POINT one of: ").unwrap();
    let names = names.lines().next().unwrap().split(", ");
    let names = names.map(|name| &*String::leak(name.trim().to_owned()));
    names.filter(|name| brings(name).contains(&by)).collect()
}

/// Who brings a server to a point. Finds fault with one that nobody has planned for.
fn brings(point: &str) -> &'static [Brings] {
    use Brings::{CivicPass, CivicSip, Connector};
    match point {
        "before-commit" | "after-commit" | "evidence-written" => &[Connector, CivicPass, CivicSip],
        "intent-written" | "provider-answered" => &[Connector, CivicPass],
        // Its message is the news itself.
        "callback-committed" => &[Connector, CivicSip],
        // It keeps a history; or it can be asked for more, or again.
        "history-asked"
        | "history-answered"
        | "history-merged"
        | "availability-answered"
        | "retry-intent-written"
        | "retry-answered"
        | "revalidation-asked"
        | "revalidation-answered" => &[Connector],
        // It is looked at; what it has comes piece by piece; and it waits for a decision.
        "look-asked"
        | "look-answered"
        | "evidence-chunk-written"
        | "decision-asked"
        | "decision-sent" => &[CivicPass],
        // It spends a code.
        "code-bound" | "exchange-asked" | "exchange-answered" | "exchange-kept"
        | "exchange-read" => &[CivicSip],
        _ => panic!("nobody has planned a kill at {point}"),
    }
}

/// How often a server has killed itself at each point.
#[derive(Default)]
pub struct Met(BTreeMap<Point, usize>);

impl Met {
    /// Notes how a server has ended by itself: at its point and no other, since it died by SIGKILL
    /// and nobody else sends that.
    pub fn note(&mut self, point: Option<Point>, status: ExitStatus, log: impl FnOnce() -> String) {
        const SIGKILL: i32 = 9;
        assert_eq!(status.signal(), Some(SIGKILL), "{status:?}\n{}", log());
        let Some(point) = point else {
            panic!("{status:?} by itself\n{}", log());
        };
        *self.0.entry(point).or_default() += 1;
    }

    /// Finds fault with a point that no server came to; how often each was met.
    pub fn each(&self, points: &[Point]) -> Vec<(Point, usize)> {
        let times = |point: &Point| self.0.get(point).copied().unwrap_or_default();
        let met: Vec<_> = points.iter().map(|at| (*at, times(at))).collect();
        assert!(met.iter().all(|(_, times)| *times > 0), "{met:?}");
        met
    }
}
