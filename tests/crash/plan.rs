//! When the server is killed: at every named point and at drawn moments, all of it from one seed.

use std::process::Command;

use super::harness::Draw;

/// A point at which the server can be told to kill itself, as the configuration names it.
pub type Point = &'static str;

/// Points at what the connector has none of: it calls, and is not looked at; what it brings fits in
/// one message; and nobody decides about it.
const OF_OTHERS: [Point; 5] = [
    "look-asked",
    "look-answered",
    "evidence-chunk-written",
    "decision-asked",
    "decision-sent",
];

/// Every point that a connection to a connector comes to. The binary names all that there are when
/// it is told one that it does not know; finds fault with one that nobody has planned for.
pub fn points() -> Vec<Point> {
    let asked = Command::new(env!("CARGO_BIN_EXE_verilane"))
        .arg("dev")
        .env("VERILANE__DEV__CRASH_AT", "?")
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    let (_, names) = said.split_once("POINT one of: ").unwrap();
    let names = names.lines().next().unwrap().split(", ");
    let names = names.map(|name| &*String::leak(name.trim().to_owned()));
    let points: Vec<Point> = names.filter(|name| !OF_OTHERS.contains(name)).collect();
    for point in &points {
        most(point);
    }
    points
}

/// One kill.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, when it comes to a point for the n-th time.
    At(Point, u64),
    /// From outside, once the connector has sent so many more callbacks.
    AfterCallbacks(usize),
    /// From outside, once the watcher has seen so many more events.
    AfterEvents(usize),
}

impl Kill {
    /// At a point, at a drawn occurrence.
    pub fn at(point: Point, draw: &mut Draw) -> Self {
        Self::At(point, draw.within(1, most(point)))
    }

    /// From outside, at a drawn moment.
    pub fn drawn(draw: &mut Draw) -> Self {
        let count = usize::try_from(draw.within(1, 150)).unwrap();
        match draw.within(0, 1) {
            0 => Self::AfterCallbacks(count),
            _ => Self::AfterEvents(count),
        }
    }
}

/// Up to which occurrence a kill is drawn. Commits and evidence come with every callback, starts
/// with every verification; the rest is rarer.
fn most(point: Point) -> u64 {
    match point {
        "before-commit" | "after-commit" | "evidence-written" | "callback-committed" => 60,
        "availability-answered" | "intent-written" | "provider-answered" => 6,
        "history-asked" | "history-answered" => 8,
        "history-merged" => 3,
        "retry-intent-written"
        | "retry-answered"
        | "revalidation-asked"
        | "revalidation-answered" => 1,
        _ => panic!("nobody has planned a kill at {point}"),
    }
}

/// Whether what a kill at a point leaves behind looks otherwise than without one.
pub fn is_seen(point: Point) -> bool {
    ["intent-written", "before-commit", "callback-committed"].contains(&point)
}

/// How many kills come at drawn moments, besides those that let a server live until it was seen what
/// the one before it has left.
const DRAWN: usize = 6;

/// All kills, in a drawn order: at each point once.
pub fn plan(points: &[Point], draw: &mut Draw) -> Vec<Kill> {
    let mut plan: Vec<Vec<Kill>> = Vec::new();
    for point in points {
        plan.push(seen(point, draw));
    }
    plan.extend((0..DRAWN).map(|_| vec![Kill::drawn(draw)]));
    for last in (1..plan.len()).rev() {
        let other = usize::try_from(draw.within(0, last as u64)).unwrap();
        plan.swap(last, other);
    }
    plan.concat()
}

/// A kill at a point, and what follows so that it is seen, in order.
pub fn seen(point: Point, draw: &mut Draw) -> Vec<Kill> {
    let mut kills = vec![Kill::at(point, draw)];
    if is_seen(point) {
        kills.push(Kill::drawn(draw));
    }
    kills
}
