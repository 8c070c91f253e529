//! When the server is killed: at every named point that an exchange brings it to, while Civic works on a
//! call, and at drawn moments, all of it from one seed.

use super::harness::{Draw, Point};

/// One kill.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, when it comes to a point for the n-th time.
    At(Point, u64),
    /// From outside, as soon as so many more calls have come to Civic.
    AfterCalls(u64),
    /// From outside, once the watcher has seen so many more events.
    AfterEvents(usize),
}

/// Up to which occurrence a kill is drawn. Commits come in crowds, the rest with each exchange.
fn most(point: Point) -> u64 {
    match point {
        "before-commit" | "after-commit" => 60,
        "evidence-written" => 8,
        "code-bound" | "exchange-asked" | "exchange-answered" => 6,
        "exchange-kept" | "exchange-read" | "callback-committed" => 4,
        _ => panic!("nobody has said how often {point} comes"),
    }
}

/// How many kills come at drawn moments of each kind.
const DRAWN: usize = 4;

/// All kills, in a drawn order: at each point twice.
pub fn plan(points: &[Point], draw: &mut Draw) -> Vec<Kill> {
    let mut plan: Vec<Kill> = Vec::new();
    for point in points.iter().chain(points) {
        plan.push(Kill::At(point, draw.within(1, most(point))));
    }
    for _ in 0..DRAWN {
        plan.push(Kill::AfterCalls(draw.within(1, 20)));
        let events = usize::try_from(draw.within(1, 60)).unwrap();
        plan.push(Kill::AfterEvents(events));
    }
    for last in (1..plan.len()).rev() {
        let other = usize::try_from(draw.within(0, last as u64)).unwrap();
        plan.swap(last, other);
    }
    plan
}
