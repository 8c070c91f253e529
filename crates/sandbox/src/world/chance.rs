//! Which faults strike: by what a scenario says, and by draws that depend on the seed and on what
//! is struck alone, so that other users' doings don't change them.

use verilane_core::Timestamp;

use super::World;
use crate::ledger::{CallbackKind, Parcel};
use crate::request::Request;
use crate::scenario::{AnswerTrouble, CallbackTrouble, Endpoint};

impl World {
    /// What happens to a call of an endpoint about a user.
    pub fn answer_trouble(&mut self, endpoint: Endpoint, core_id: &str) -> Option<AnswerTrouble> {
        let rules = self.scenario_of(core_id).answers.clone();
        self.calls.trouble(&rules, endpoint, core_id, self.seed)
    }

    /// Counts the calls of a user anew; of all users if none is said.
    pub(super) fn forget_calls(&mut self, core_id: Option<&str>) {
        self.calls.forget(core_id);
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
                self.seed.strikes(rule.one_in, &label)
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
