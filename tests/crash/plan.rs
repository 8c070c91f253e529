//! When the server is killed: at every named point and at drawn moments, all of it from one seed.

use super::harness::{Draw, Point};

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
        _ => panic!("nobody has said how often {point} comes"),
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
