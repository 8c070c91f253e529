//! Decisions that had taken effect when a server was killed that had not heard so: told again by the
//! next one, to no effect.

use std::collections::BTreeMap;

use verilane_sandbox::{CivicPassEndpoint, CivicPassHandle, PiiRequestView, TurnOrigin};

use super::harness::{Watcher, has_ended};
use super::load::Made;

/// How often the partner's decision has taken effect.
pub fn decisions(request: &PiiRequestView) -> usize {
    let turns = request.turns.iter();
    turns
        .filter(|turn| turn.origin == TurnOrigin::Partner)
        .count()
}

/// What was left undone at each start: a request, and the last call of it by then.
#[derive(Default)]
pub struct Repeats(Vec<(String, u64)>);

impl Repeats {
    /// Notes what Civic knows and no watcher does, and has nothing more go wrong with it, so that telling
    /// it again comes through. There is no server now.
    pub fn note(
        &mut self,
        civic: &CivicPassHandle,
        made: &BTreeMap<String, Made>,
        watcher: &Watcher,
    ) {
        for (id, made) in made.iter().filter(|(_, made)| made.fate.is_told()) {
            let is_open = watcher.state(id).is_none_or(|state| !has_ended(state));
            if is_open && decisions(&civic.request(&made.request).unwrap()) > 0 {
                let calls = civic.calls(0, Some(&made.request));
                let last = calls.last().map_or(0, |call| call.number);
                self.0.push((made.request.clone(), last));
                let mut scenario = made.fate.scenario();
                scenario.answers.clear();
                civic.set_request_scenario(&made.request, scenario).unwrap();
            }
        }
    }

    /// How many of them were told again, and answered well.
    pub fn seen(&self, civic: &CivicPassHandle) -> usize {
        let is_repeated = |(request, last): &&(String, u64)| {
            let mut calls = civic.calls(*last, Some(request)).into_iter();
            calls.any(|call| call.endpoint == CivicPassEndpoint::Decision && call.code == Some(200))
        };
        self.0.iter().filter(is_repeated).count()
    }
}
