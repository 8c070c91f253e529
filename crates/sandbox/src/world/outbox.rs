//! What goes out, in which order, and what is tried again.
//!
//! Each request has a lane: its bundles go out one after the other, each once the one before was
//! answered. Faults come in when a callback is put into the lane: forgeries before it, duplicates
//! after or beside it, a shuffle of whole windows, a delay, a repetition; and when it leaves it. Only
//! a genuine callback is tried again, after the configured gaps, and its retries pass through the
//! same lane.

use std::time::Duration;

use openssl::error::ErrorStack;
use verilane_core::Timestamp;

use super::content::{Content, key, letter, writing};
use super::{Due, World};
use crate::downtime::Downtime;
use crate::keys::Keys;
use crate::ledger::{Answer, CallbackKind, Failure, Parcel};
use crate::request::{Bundle, Request};
use crate::scenario::{CallbackTrouble, Faults, RetrySigning};
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
    /// Puts the callback of a status into the request's lane. PENDING has none. After the `last`
    /// one, nothing is waited for.
    pub(super) fn post_status(
        &mut self,
        number: u64,
        status: Status,
        last: bool,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        if status == Status::Pending {
            return Ok(());
        }
        let flush = last && status != Status::CallbackSucceed;
        let content = Content {
            kind: CallbackKind::Status,
            status: Some(status),
            error: None,
        };
        self.post(number, content, flush, now)
    }

    /// Puts the data callback into the request's lane, for the first time.
    pub(super) fn post_data(&mut self, number: u64, now: Timestamp) -> Result<(), ErrorStack> {
        let content = Content {
            kind: CallbackKind::Data,
            status: None,
            error: None,
        };
        self.post(number, content, true, now)
    }

    /// Puts a failure callback into the request's lane.
    pub(super) fn post_failure(
        &mut self,
        number: u64,
        status: Status,
        error: String,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        let content = Content {
            kind: CallbackKind::Failure,
            status: Some(status),
            error: Some(error),
        };
        self.post(number, content, true, now)
    }

    fn post(
        &mut self,
        number: u64,
        content: Content,
        flush: bool,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        let Some(request) = self.requests.get(&number).filter(|r| !r.planted) else {
            return Ok(());
        };
        let scenario = self.scenario_of(&request.user.core_id);
        let faults = scenario.faults.clone();
        let letter = letter(request, &content, scenario, now);
        let keys = self.keys_for(request);
        let (key, writing) = (key(keys, content.kind), writing(scenario, content.kind));
        let genuine = Parcel {
            request: number,
            kind: content.kind,
            status: content.status,
            created_at: now,
            attempt: 1,
            duplicate: false,
            forged: None,
            replay_of: None,
            trouble: None,
            error: content.error,
            url: match content.kind {
                CallbackKind::Status => request.status_url.clone(),
                CallbackKind::Data | CallbackKind::Failure => request.data_url.clone(),
            },
            sealed: letter.seal(key, &writing)?,
        };
        let mut bundles = Vec::new();
        for forgery in &faults.forge {
            bundles.push(vec![Parcel {
                forged: Some(*forgery),
                sealed: letter.forge(&keys.forger, key, *forgery, &writing)?,
                ..genuine.clone()
            }]);
        }
        let (genuine, late, again) = self.troubled(genuine);
        if let Some(after) = again {
            let copy = Parcel {
                duplicate: true,
                trouble: None,
                ..genuine.clone()
            };
            self.schedule(now + after, Due::Later(vec![copy]));
        }
        match late {
            Some(after) => {
                for bundle in with_duplicates(genuine, &faults) {
                    self.schedule(now + after, Due::Later(bundle));
                }
            }
            None => bundles.extend(with_duplicates(genuine, &faults)),
        }
        self.gather(number, bundles, faults.reorder_window, flush);
        Ok(())
    }

    /// A genuine parcel with what is to happen to it when it is sent, how long it is to be kept,
    /// and after how long it is to be repeated.
    fn troubled(&self, parcel: Parcel) -> (Parcel, Option<Duration>, Option<Duration>) {
        let (mut at_sending, mut late, mut again) = (None, None, None);
        let request = self.requests.get(&parcel.request);
        let troubles = request.map(|request| self.callback_troubles(request, &parcel));
        for trouble in troubles.unwrap_or_default() {
            match trouble {
                CallbackTrouble::Late { seconds } => {
                    late = late.or(Some(Duration::from_secs(seconds)));
                }
                CallbackTrouble::Replayed { seconds } => {
                    again = again.or(Some(Duration::from_secs(seconds)));
                }
                other => at_sending = at_sending.or(Some(other)),
            }
        }
        let parcel = Parcel {
            trouble: at_sending,
            ..parcel
        };
        (parcel, late, again)
    }

    /// Puts what was delayed, or is repeated, into its lane.
    pub(super) fn post_late(&mut self, bundle: Bundle) {
        let Some(number) = bundle.first().map(|parcel| parcel.request) else {
            return;
        };
        if let Some(request) = self.requests.get_mut(&number) {
            request.lane.push_back(bundle);
        }
        self.queue(number);
    }

    /// Puts bundles into the lane, or into the window until that is full.
    fn gather(&mut self, number: u64, bundles: Vec<Bundle>, window: u8, flush: bool) {
        let Some(request) = self.requests.get_mut(&number) else {
            return;
        };
        let mut draw = {
            let about = (&request.id, request.history.len());
            self.seed.draw(&format!("shuffle/{}/{}", about.0, about.1))
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
                let content = Content {
                    kind: parcel.kind,
                    status: parcel.status,
                    error: parcel.error.clone(),
                };
                let key = key(self.keys_for(request), parcel.kind);
                let letter = letter(request, &content, scenario, now);
                letter.seal(key, &writing(scenario, parcel.kind))?
            }
        };
        let parcel = Parcel {
            attempt: parcel.attempt.saturating_add(1),
            sealed,
            ..parcel
        };
        let (parcel, late, again) = self.troubled(parcel);
        if let Some(after) = again {
            let copy = Parcel {
                duplicate: true,
                trouble: None,
                ..parcel.clone()
            };
            self.schedule(now + after, Due::Later(vec![copy]));
        }
        match late {
            Some(after) => self.schedule(now + after, Due::Later(vec![parcel])),
            None => self.post_late(vec![parcel]),
        }
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
        while !self.held && self.down == Downtime::Up && taken.len() < room {
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
        if let Some(CallbackTrouble::DiesBefore { seconds }) = parcel.trouble {
            self.go_down(seconds, now);
        }
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
        let answer = self.heard(&parcel, answer, now);
        let is_genuine = parcel.forged.is_none() && parcel.replay_of.is_none();
        if !is_genuine || parcel.duplicate {
            return Ok(());
        }
        self.settle(parcel, answer, now)
    }

    /// What the connector makes of an answer: not always what was answered.
    fn heard(&mut self, parcel: &Parcel, answer: Answer, now: Timestamp) -> Answer {
        match parcel.trouble {
            Some(CallbackTrouble::Lost) => Answer::Http(200),
            Some(CallbackTrouble::Unheard) => Answer::None(Failure::Broken),
            Some(CallbackTrouble::DiesAfter { seconds }) => {
                self.go_down(seconds, now);
                Answer::None(Failure::Broken)
            }
            // Nobody was there to hear it.
            _ if self.is_down(now) => Answer::None(Failure::Broken),
            _ => answer,
        }
    }

    /// Decides what follows from the answer to a genuine callback.
    fn settle(&mut self, parcel: Parcel, answer: Answer, now: Timestamp) -> Result<(), ErrorStack> {
        let (number, kind, attempt) = (parcel.request, parcel.kind, parcel.attempt);
        if answer == Answer::Http(200) {
            return match kind {
                CallbackKind::Status | CallbackKind::Failure => Ok(()),
                CallbackKind::Data => self.data_taken(number, now),
            };
        }
        let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let gap = self.topics.get(place).map(|count| self.unit.times(*count));
        if let Some(gap) = gap {
            self.schedule(now + gap, Due::Retry(Box::new(parcel)));
        }
        match kind {
            CallbackKind::Status | CallbackKind::Failure => Ok(()),
            CallbackKind::Data => self.data_refused(number, attempt, gap.is_none(), now),
        }
    }

    /// The keys that a request's callbacks are signed with now.
    pub(super) fn keys_for(&self, request: &Request) -> &Keys {
        let rotate_at = self.scenario_of(&request.user.core_id).rotate_at;
        let is_changed = rotate_at.is_some_and(|status| request.has_reached(status));
        self.keys(is_changed)
    }
}

fn with_duplicates(genuine: Parcel, faults: &Faults) -> Vec<Bundle> {
    let copies = (0..faults.duplicates).map(|_| Parcel {
        duplicate: true,
        trouble: None,
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
