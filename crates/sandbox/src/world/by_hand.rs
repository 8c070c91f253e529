//! What the control API asks of the world: looking, accepting, forging, replaying, holding.

use std::sync::Arc;

use bytes::Bytes;
use openssl::error::ErrorStack;
use serde::{Deserialize, Serialize};
use verilane_core::Timestamp;

use super::content::{Content, key, letter, writing};
use super::{Outgoing, World};
use crate::downtime::Downtime;
use crate::ican;
use crate::keys::Keys;
use crate::ledger::{CallbackKind, Parcel};
use crate::letter::Writing;
use crate::request::{DataDelivery, Request, RequestView};
use crate::scenario::{DataShape, Forgery, Scenario};
use crate::status::Status;
use crate::users::SandboxUser;

/// Why the control API refuses. Retrying helps where it says so.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such user.
    #[error("there is no such user")]
    UnknownUser,
    /// No such request, or none any more.
    #[error("there is no such request")]
    UnknownRequest,
    /// No such delivery, or none any more.
    #[error("there is no such delivery")]
    UnknownDelivery,
    /// No such evidence.
    #[error("there is no such evidence")]
    UnknownEvidence,
    /// No such status.
    #[error("there is no such status")]
    UnknownStatus,
    /// No such scenario.
    #[error("there is no such scenario")]
    UnknownScenario,
    /// The connector has no data of that request, or has it no more.
    #[error("the connector keeps no data of this request")]
    NoData,
    /// The request was accepted before, or its QR code has lapsed.
    #[error("the request can no longer be accepted")]
    NotAcceptable,
    /// The order is not what this call takes.
    #[error("the order is malformed: {0}")]
    Malformed(String),
    /// What was waited for has not happened in time. Retrying helps.
    #[error("what was waited for has not happened")]
    NotYet,
    /// OpenSSL failed. Retrying does not help.
    #[error("the sandbox cannot sign")]
    Sign(#[from] ErrorStack),
}

/// An order to forge a callback.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ForgeOrder {
    /// How.
    pub forgery: Forgery,
    /// Which callback is imitated: the one that brings the data, or (if `false`) the one that
    /// tells of the status.
    #[serde(default)]
    pub data: bool,
    /// The status told of; the request's newest if left out, `ACCEPTED` if that is `PENDING`.
    #[serde(default)]
    pub status: Option<Status>,
}

/// Whether anything goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Idleness {
    /// Nothing is on the wire, nothing is about to be sent, nothing is due at the clock's time.
    /// What is held back does not count.
    pub idle: bool,
    /// Besides, nothing is scheduled, gathered, or held back: nothing will happen any more unless
    /// somebody asks for it.
    pub finished: bool,
    /// When something happens next by itself, in Unix milliseconds.
    pub next_due_ms: Option<i64>,
}

impl World {
    /// Whether anything goes on at `now`.
    pub fn idleness(&self, now: Timestamp) -> Idleness {
        let due = self.next_due();
        let sending = !self.held && self.down == Downtime::Up && !self.ready.is_empty();
        let idle = self.in_flight == 0 && !sending && due.is_none_or(|at| at > now);
        Idleness {
            idle,
            finished: idle && due.is_none() && !self.requests.values().any(Request::has_mail),
            next_due_ms: due.map(Timestamp::as_millis),
        }
    }

    /// The user of a Core ID, in any spelling, or of a name.
    pub fn user(&self, who: &str) -> Result<&Arc<SandboxUser>, ControlError> {
        let canonical = ican::canonical(who);
        let who = canonical.as_deref().unwrap_or(who);
        self.roster.find(who).ok_or(ControlError::UnknownUser)
    }

    /// Sees to it that there are `count` users in all.
    pub fn grow_roster(&mut self, count: u32) {
        self.roster.grow_to(count);
    }

    fn number(&self, id: &str) -> Result<u64, ControlError> {
        let number = self.numbers.get(id).copied();
        number.ok_or(ControlError::UnknownRequest)
    }

    fn request(&self, id: &str) -> Result<(u64, &Request), ControlError> {
        let number = self.number(id)?;
        let request = self.requests.get(&number);
        request
            .map(|request| (number, request))
            .ok_or(ControlError::UnknownRequest)
    }

    /// All requests, oldest first, of one user or of all.
    pub fn views(&self, core_id: Option<&str>) -> Vec<RequestView> {
        self.requests
            .values()
            .filter(|request| core_id.is_none_or(|id| request.user.core_id == id))
            .map(Request::view)
            .collect()
    }

    /// One request.
    pub fn view(&self, id: &str) -> Result<RequestView, ControlError> {
        self.request(id).map(|(_, request)| request.view())
    }

    /// Whether a request has come to a status.
    pub fn has_reached(&self, id: &str, status: Status) -> Result<bool, ControlError> {
        self.request(id)
            .map(|(_, request)| request.has_reached(status))
    }

    /// The user accepts a request now, whatever the scenario says.
    pub fn accept(&mut self, id: &str, now: Timestamp) -> Result<(), ControlError> {
        let (number, request) = self.request(id)?;
        if request.status() != Status::Pending || request.has_lapsed(now) {
            return Err(ControlError::NotAcceptable);
        }
        Ok(self.reach(number, Status::Accepted, now)?)
    }

    /// The scenario for users without one of their own.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Sets the scenario for users without one of their own. It counts for what happens from now
    /// on; when an open request is accepted is already settled.
    pub fn set_scenario(&mut self, scenario: Scenario) {
        self.scenario = scenario;
        self.forget_calls(None);
    }

    /// Gives a user a scenario of their own, or takes it away.
    pub fn set_own_scenario(
        &mut self,
        who: &str,
        scenario: Option<Scenario>,
    ) -> Result<(), ControlError> {
        let core_id = self.user(who)?.core_id.clone();
        self.forget_calls(Some(&core_id));
        match scenario {
            Some(scenario) => self.own_scenarios.insert(core_id, scenario),
            None => self.own_scenarios.remove(&core_id),
        };
        Ok(())
    }

    /// Holds callbacks back, of one request or of all.
    pub fn hold(&mut self, id: Option<&str>) -> Result<(), ControlError> {
        match id {
            None => self.held = true,
            Some(id) => {
                let number = self.number(id)?;
                if let Some(request) = self.requests.get_mut(&number) {
                    request.held = true;
                }
            }
        }
        Ok(())
    }

    /// Lets callbacks go again. Those of all: also those of requests held one by one.
    pub fn release(&mut self, id: Option<&str>) -> Result<(), ControlError> {
        let numbers: Vec<u64> = match id {
            Some(id) => vec![self.number(id)?],
            None => {
                self.held = false;
                self.requests.keys().copied().collect()
            }
        };
        for number in numbers {
            if let Some(request) = self.requests.get_mut(&number) {
                request.held = false;
            }
            self.queue(number);
        }
        Ok(())
    }

    /// A forged callback for a request, to be sent at once, past its lane.
    pub fn forge(
        &mut self,
        id: &str,
        order: ForgeOrder,
        now: Timestamp,
    ) -> Result<Outgoing, ControlError> {
        let (number, request) = self.request(id)?;
        let (kind, status, url) = if order.data {
            (CallbackKind::Data, None, &request.data_url)
        } else {
            let newest = Some(request.status()).filter(|status| *status != Status::Pending);
            let status = order.status.or(newest).unwrap_or(Status::Accepted);
            (CallbackKind::Status, Some(status), &request.status_url)
        };
        let content = Content {
            kind,
            status,
            error: None,
        };
        let scenario = self.scenario_of(&request.user.core_id);
        let writing = writing(scenario, kind);
        let keys = self.keys_for(request);
        let letter = letter(request, &content, scenario, now);
        let sealed = letter.forge(&keys.forger, key(keys, kind), order.forgery, &writing)?;
        let parcel = Parcel {
            request: number,
            kind,
            status,
            created_at: now,
            attempt: 1,
            duplicate: false,
            forged: Some(order.forgery),
            replay_of: None,
            trouble: None,
            error: None,
            url: url.clone(),
            sealed,
        };
        Ok(self.dispatch(parcel, false, now))
    }

    /// An earlier delivery, to be sent again at once, byte for byte, past its lane.
    pub fn replay(&mut self, delivery: u64, now: Timestamp) -> Result<Outgoing, ControlError> {
        let parcel = self.ledger.parcel(delivery).cloned();
        let parcel = Parcel {
            replay_of: Some(delivery),
            trouble: None,
            ..parcel.ok_or(ControlError::UnknownDelivery)?
        };
        Ok(self.dispatch(parcel, false, now))
    }

    /// The keys in use, or those that follow them.
    pub const fn keys(&self, next: bool) -> &Keys {
        if next { &self.next_keys } else { &self.keys }
    }

    /// From now on callbacks are signed with the next keys.
    pub fn rotate(&mut self) -> Result<(), ErrorStack> {
        self.generation = self.generation.saturating_add(1);
        let after = Keys::derive(self.seed, self.generation.saturating_add(1))?;
        self.keys = std::mem::replace(&mut self.next_keys, after);
        Ok(())
    }

    /// The data that the connector keeps of a request, as an export by hand brings it: the JSON of
    /// the data callback, signed now or without a signature.
    pub fn export(&self, id: &str, signed: bool, now: Timestamp) -> Result<Bytes, ControlError> {
        let (_, request) = self.request(id)?;
        let is_kept = request.has_reached(Status::Confirmed)
            && !request.planted
            && request.data != DataDelivery::Delivered;
        if !is_kept {
            return Err(ControlError::NoData);
        }
        let content = Content {
            kind: CallbackKind::Data,
            status: None,
            error: None,
        };
        let scenario = self.scenario_of(&request.user.core_id);
        let letter = letter(request, &content, scenario, now);
        if !signed {
            return Ok(letter.unsigned().into());
        }
        let writing = Writing {
            shape: DataShape::Json,
            ..writing(scenario, CallbackKind::Data)
        };
        Ok(letter.seal(&self.keys_for(request).data, &writing)?.body)
    }
}
