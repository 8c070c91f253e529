//! Which faults strike: by what a scenario says, and by draws that depend on the seed and on what
//! is struck alone, so that other users' doings don't change them.

use verilane_core::Timestamp;

use super::World;
use crate::ledger::{CallbackKind, Parcel};
use crate::request::Request;
use crate::scenario::{AnswerTrouble, CallbackTrouble, Endpoint};

impl World {
    /// Whether a chance of one in `one_in` comes true.
    fn strikes(&self, one_in: u32, label: &str) -> bool {
        let sides = usize::try_from(one_in).unwrap_or(usize::MAX);
        sides <= 1 || self.seed.draw(label).below(sides) == 0
    }

    /// What happens to a call of an endpoint about a user.
    pub fn answer_trouble(&mut self, endpoint: Endpoint, core_id: &str) -> Option<AnswerTrouble> {
        let rules = self.scenario_of(core_id).answers.clone();
        let mut found = None;
        for (place, rule) in rules.into_iter().enumerate() {
            if rule.endpoint.is_some_and(|only| only != endpoint) {
                continue;
            }
            let calls = self.calls.entry((core_id.to_owned(), place)).or_default();
            *calls += 1;
            let nth = *calls;
            if found.is_none()
                && rule.is_for(nth)
                && self.strikes(rule.one_in, &format!("answer/{core_id}/{place}/{nth}"))
            {
                found = Some(rule.does);
            }
        }
        found
    }

    /// Counts the calls of a user anew; of all users if none is said.
    pub(super) fn forget_calls(&mut self, core_id: Option<&str>) {
        match core_id {
            Some(only) => self.calls.retain(|(core_id, _), _| core_id != only),
            None => self.calls.clear(),
        }
    }

    /// What happens to a genuine callback.
    pub(super) fn callback_troubles(
        &self,
        request: &Request,
        parcel: &Parcel,
    ) -> Vec<CallbackTrouble> {
        let rules = self
            .scenario_of(&request.user.core_id)
            .faults
            .callbacks
            .iter();
        rules
            .enumerate()
            .filter(|(_, rule)| rule.is_for(parcel.kind, parcel.status, parcel.attempt))
            .filter(|(place, rule)| {
                let about = about(parcel.kind, parcel);
                let label = format!("callback/{}/{place}/{about}", request.id);
                self.strikes(rule.one_in, &label)
            })
            .map(|(_, rule)| rule.does)
            .collect()
    }
}

/// What tells a try of a callback from all others of its request.
fn about(kind: CallbackKind, parcel: &Parcel) -> String {
    let status = parcel.status.map_or("", |status| status.as_str());
    let at = Timestamp::as_millis(parcel.created_at);
    format!("{kind:?}/{status}/{at}/{}", parcel.attempt)
}
