//! What goes out, in which order, and what is tried again.
//!
//! Each request has a lane: its bundles go out one after the other, each once the one before was
//! answered. Faults come in when a callback is put into the lane: forgeries before it, duplicates
//! after or beside it, a shuffle of whole windows. Only a genuine callback is tried again, after the
//! configured gaps, and its retries pass through the same lane.

use openssl::error::ErrorStack;
use verilane_core::Timestamp;

use super::{DEADLINE, Due, World};
use crate::keys::KeyPair;
use crate::ledger::{Answer, CallbackKind, Parcel};
use crate::letter::{Info, Letter, StatusContent};
use crate::request::{Bundle, Request};
use crate::scenario::{DataShape, Faults, RetrySigning, Scenario};
use crate::status::Status;

/// A parcel that has left the world and whose answer is awaited.
#[derive(Debug)]
pub struct Outgoing {
    /// Its number in the ledger.
    pub delivery: u64,
    /// What it is.
    pub parcel: Parcel,
    /// Whether its lane waits for the answer.
    from_lane: bool,
}

impl World {
    /// Puts the callback of a status into the request's lane. PENDING has none.
    pub(super) fn post_status(
        &mut self,
        number: u64,
        status: Status,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        if status == Status::Pending {
            return Ok(());
        }
        let flush = matches!(status, Status::CallbackFailed | Status::FinishSuccess);
        self.post(number, CallbackKind::Status, Some(status), flush, now)
    }

    /// Puts the data callback into the request's lane, for the first time.
    pub(super) fn post_data(&mut self, number: u64, now: Timestamp) -> Result<(), ErrorStack> {
        self.post(number, CallbackKind::Data, None, true, now)
    }

    fn post(
        &mut self,
        number: u64,
        kind: CallbackKind,
        status: Option<Status>,
        flush: bool,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        let Some(request) = self.requests.get(&number) else {
            return Ok(());
        };
        let scenario = self.scenario_of(&request.user.core_id);
        let faults = scenario.faults.clone();
        let letter = letter(request, status, now);
        let key = self.key(kind);
        let shape = shape(scenario, kind);
        let genuine = Parcel {
            request: number,
            kind,
            status,
            created_at: now,
            attempt: 1,
            duplicate: false,
            forged: None,
            replay_of: None,
            url: match kind {
                CallbackKind::Status => request.status_url.clone(),
                CallbackKind::Data => request.data_url.clone(),
            },
            sealed: letter.seal(key, shape)?,
        };
        let mut bundles = Vec::new();
        for forgery in &faults.forge {
            bundles.push(vec![Parcel {
                forged: Some(*forgery),
                sealed: letter.forge(&self.keys, key, *forgery, shape)?,
                ..genuine.clone()
            }]);
        }
        bundles.extend(with_duplicates(genuine, &faults));
        self.gather(number, bundles, faults.reorder_window, flush);
        Ok(())
    }

    /// Puts bundles into the lane, or into the window until that is full.
    fn gather(&mut self, number: u64, bundles: Vec<Bundle>, window: u8, flush: bool) {
        let order = self.count();
        let mut draw = self.seed.draw(&format!("shuffle/{order}"));
        let Some(request) = self.requests.get_mut(&number) else {
            return;
        };
        request.window.extend(bundles);
        let gathered = request
            .window
            .iter()
            .flatten()
            .filter(|parcel| parcel.forged.is_none() && !parcel.duplicate)
            .count();
        if flush || gathered >= usize::from(window) {
            if window > 1 {
                draw.shuffle(&mut request.window);
            }
            request.lane.extend(request.window.drain(..));
        }
        self.queue(number);
    }

    /// Puts a callback that was not taken into the lane again.
    pub(super) fn post_again(&mut self, parcel: Parcel, now: Timestamp) -> Result<(), ErrorStack> {
        let number = parcel.request;
        let Some(request) = self.requests.get(&number) else {
            return Ok(());
        };
        let scenario = self.scenario_of(&request.user.core_id);
        let sealed = match scenario.retry_signing {
            RetrySigning::Verbatim => parcel.sealed,
            RetrySigning::Anew => {
                let letter = letter(request, parcel.status, now);
                letter.seal(self.key(parcel.kind), shape(scenario, parcel.kind))?
            }
        };
        let bundle = vec![Parcel {
            attempt: parcel.attempt.saturating_add(1),
            sealed,
            ..parcel
        }];
        if let Some(request) = self.requests.get_mut(&number) {
            request.lane.push_back(bundle);
        }
        self.queue(number);
        Ok(())
    }

    /// Lets a request with something to send wait for its turn.
    pub(super) fn queue(&mut self, number: u64) {
        if let Some(request) = self.requests.get_mut(&number)
            && !request.queued
            && request.can_send()
        {
            request.queued = true;
            self.ready.push_back(number);
        }
    }

    /// Takes what is to be sent now: whole bundles, as long as less than `room` is taken.
    pub fn take_ready(&mut self, room: usize, now: Timestamp) -> Vec<Outgoing> {
        let mut taken = Vec::new();
        while !self.held && taken.len() < room {
            let Some(number) = self.ready.pop_front() else {
                break;
            };
            let Some(request) = self.requests.get_mut(&number) else {
                continue;
            };
            request.queued = false;
            if !request.can_send() {
                continue;
            }
            let bundle = request.lane.pop_front().unwrap_or_default();
            request.on_the_wire = bundle.len();
            for parcel in bundle {
                taken.push(self.dispatch(parcel, true, now));
            }
        }
        taken
    }

    /// Enters a parcel into the ledger and hands it out.
    pub(super) fn dispatch(&mut self, parcel: Parcel, from_lane: bool, now: Timestamp) -> Outgoing {
        let request = self.requests.get(&parcel.request);
        let id = request.map_or("", |request| request.id.as_str());
        let delivery = self.ledger.open(id, parcel.clone(), now);
        self.in_flight += 1;
        Outgoing {
            delivery,
            parcel,
            from_lane,
        }
    }

    /// Takes in what a parcel was answered.
    pub fn delivered(
        &mut self,
        outgoing: Outgoing,
        answer: Answer,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        let parcel = outgoing.parcel;
        self.ledger.close(outgoing.delivery, answer, now);
        self.in_flight = self.in_flight.saturating_sub(1);
        if outgoing.from_lane {
            if let Some(request) = self.requests.get_mut(&parcel.request) {
                request.on_the_wire = request.on_the_wire.saturating_sub(1);
            }
            self.queue(parcel.request);
        }
        let is_genuine = parcel.forged.is_none() && parcel.replay_of.is_none();
        if !is_genuine || parcel.duplicate {
            return Ok(());
        }
        self.settle(parcel, answer, now)
    }

    /// Decides what follows from the answer to a genuine callback.
    fn settle(&mut self, parcel: Parcel, answer: Answer, now: Timestamp) -> Result<(), ErrorStack> {
        let (number, kind, attempt) = (parcel.request, parcel.kind, parcel.attempt);
        if answer == Answer::Http(200) {
            return match kind {
                CallbackKind::Status => Ok(()),
                CallbackKind::Data => self.data_taken(number, now),
            };
        }
        let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let gap = self.topics.get(place).map(|count| self.unit.times(*count));
        if let Some(gap) = gap {
            self.schedule(now + gap, Due::Retry(Box::new(parcel)));
        }
        match kind {
            CallbackKind::Status => Ok(()),
            CallbackKind::Data => self.data_refused(number, attempt, gap.is_none(), now),
        }
    }

    /// The key that a kind of callback is signed with.
    pub(super) const fn key(&self, kind: CallbackKind) -> &KeyPair {
        match kind {
            CallbackKind::Status => &self.keys.status,
            CallbackKind::Data => &self.keys.data,
        }
    }
}

/// What a callback of a request says if it is signed at `now`: of a status, or of the data.
pub(super) fn letter(request: &Request, status: Option<Status>, now: Timestamp) -> Letter {
    let deadline = (now + DEADLINE).as_secs();
    let user = &request.user;
    match status {
        Some(status) => Letter::status(&StatusContent {
            user: &user.core_id,
            items: &request.items,
            status: status.as_str(),
            expiration: request.expiration,
            deadline,
            tx_hash: request.tx_hash(status),
        }),
        None => {
            let infos: Vec<Info> = request
                .items
                .iter()
                .filter_map(|field| {
                    Some(Info {
                        field: field.clone(),
                        value: user.value(field)?,
                        pepper: user.pepper(field)?,
                    })
                })
                .collect();
            Letter::data(&user.core_id, &infos, deadline, request.expiration)
        }
    }
}

/// The shape of a kind of callback: statuses are always JSON.
pub(super) const fn shape(scenario: &Scenario, kind: CallbackKind) -> DataShape {
    match kind {
        CallbackKind::Status => DataShape::Json,
        CallbackKind::Data => scenario.data_shape,
    }
}

fn with_duplicates(genuine: Parcel, faults: &Faults) -> Vec<Bundle> {
    let copies = (0..faults.duplicates).map(|_| Parcel {
        duplicate: true,
        ..genuine.clone()
    });
    let copies: Vec<Parcel> = copies.collect();
    let all = std::iter::once(genuine).chain(copies);
    if faults.duplicates_at_once {
        vec![all.collect()]
    } else {
        all.map(|parcel| vec![parcel]).collect()
    }
}
