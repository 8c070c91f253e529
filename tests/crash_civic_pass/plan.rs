//! When the server is killed: at every named point that a Civic Pass brings it to, on both sides of each
//! call of Civic's, and at drawn moments, all of it from one seed.
//!
//! What a plug-in asks for by itself, an access token, no point of the engine's stands beside, and no hook
//! in the plug-in does: of a token nothing is durable, so all that a crash can part is what Civic has done
//! from what the service knows of it, and that is decided on the wire.

use verilane_sandbox::{CallSide, CallStop, CivicPassEndpoint};

use super::harness::{Draw, Point};

/// One kill.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, when it comes to a point for the n-th time.
    At(Point, u64),
    /// From outside, while a call of Civic's stands on a side of its effect.
    Standing(CallStop),
    /// From outside, once the watcher has seen so many more events.
    AfterEvents(usize),
}

/// Every endpoint of Civic's that the service calls.
const ENDPOINTS: [CivicPassEndpoint; 5] = [
    CivicPassEndpoint::Token,
    CivicPassEndpoint::Request,
    CivicPassEndpoint::Evidence,
    CivicPassEndpoint::Storage,
    CivicPassEndpoint::Decision,
];

impl Kill {
    /// While the next call of an endpoint stands.
    pub const fn standing(endpoint: CivicPassEndpoint, side: CallSide) -> Self {
        Self::Standing(CallStop { endpoint, side })
    }

    /// From outside, at a drawn moment.
    pub fn drawn(draw: &mut Draw) -> Self {
        Self::AfterEvents(usize::try_from(draw.within(1, 40)).unwrap())
    }
}

/// Up to which occurrence a kill is drawn. Commits, looks and bytes come in crowds, the rest with each
/// verification.
fn most(point: Point) -> u64 {
    match point {
        "before-commit" | "after-commit" => 60,
        "look-asked" | "look-answered" => 20,
        "evidence-chunk-written" => 90,
        "evidence-written" => 6,
        "decision-asked" | "decision-sent" | "intent-written" | "provider-answered" => 2,
        _ => panic!("nobody has said how often {point} comes"),
    }
}

/// How many kills come at drawn moments.
const DRAWN: usize = 4;

/// All kills, in a drawn order: at each point once, each call on both sides.
pub fn plan(points: &[Point], draw: &mut Draw) -> Vec<Kill> {
    let mut plan: Vec<Kill> = Vec::new();
    for point in points {
        plan.push(Kill::At(point, draw.within(1, most(point))));
    }
    for endpoint in ENDPOINTS {
        plan.push(Kill::standing(endpoint, CallSide::Before));
        plan.push(Kill::standing(endpoint, CallSide::After));
    }
    plan.extend((0..DRAWN).map(|_| Kill::drawn(draw)));
    for last in (1..plan.len()).rev() {
        let other = usize::try_from(draw.within(0, last as u64)).unwrap();
        plan.swap(last, other);
    }
    plan
}
