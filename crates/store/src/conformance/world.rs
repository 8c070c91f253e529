//! Acts on a handful of verifications, slots and request ids, and the changes that callers would
//! make of them, given what stands.

use std::collections::BTreeMap;

use proptest::prelude::*;
use verilane_core::{
    AuditAction, Change, EventKind, Fact, JobKind, JobWrite, LookupKind, Purge, Reason, SeenWrite,
    Slot, SlotHolder, SlotId, SlotWrite, Timestamp, Verification, VerificationId,
};

use super::model::Model;
use super::sample::{
    at, audit, claim, create, digest, job, request, row, seen, slot, status, step,
};
use crate::Store;

/// One change, by what it does to a handful of verifications, slots and request ids.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Creates verification `who` over `slot`, under `request`.
    Create {
        who: u8,
        slot: u8,
        request: Option<u8>,
    },
    /// Takes `who` further, if `stale` with an expectation that is out of date.
    Step { who: u8, stale: bool, fact: u8 },
    /// Notes one of a few identities, or counts it.
    Seen { who: u8, identity: u8, again: bool },
    /// Two events at once, with claims and a read in the audit chain.
    Data { who: u8, field: u8 },
    /// Forgets what was kept of `who`.
    Forget { who: u8 },
    /// Takes `slot` from whoever holds it, or, if `wrong`, from somebody else.
    Take { who: u8, slot: u8, wrong: bool },
    /// Does something with a job.
    Job {
        who: u8,
        kind: u8,
        what: u8,
        time: u8,
    },
    /// Gives an earlier change again.
    Repeat { back: u8 },
    /// Removes what is older than `age` groups.
    Purge { what: u8, age: u8, at_most: u8 },
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let who = 0..4_u8;
    let slot = 0..3_u8;
    prop_oneof![
        3 => (who.clone(), slot.clone(), prop::option::of(0..3_u8))
            .prop_map(|(who, slot, request)| Act::Create { who, slot, request }),
        4 => (who.clone(), prop::bool::weighted(0.2), 0..6_u8)
            .prop_map(|(who, stale, fact)| Act::Step { who, stale, fact }),
        3 => (who.clone(), 0..3_u8, any::<bool>())
            .prop_map(|(who, identity, again)| Act::Seen { who, identity, again }),
        2 => (who.clone(), 0..3_u8).prop_map(|(who, field)| Act::Data { who, field }),
        1 => who.clone().prop_map(|who| Act::Forget { who }),
        2 => (who.clone(), slot, prop::bool::weighted(0.3))
            .prop_map(|(who, slot, wrong)| Act::Take { who, slot, wrong }),
        3 => (who, 0..2_u8, 0..5_u8, 0..20_u8)
            .prop_map(|(who, kind, what, time)| Act::Job { who, kind, what, time }),
        2 => (0..12_u8).prop_map(|back| Act::Repeat { back }),
        1 => (0..16_u8, 0..6_u8, 1..4_u8)
            .prop_map(|(what, age, at_most)| Act::Purge { what, age, at_most }),
    ]
}

/// What the acts speak of.
#[derive(Default)]
pub(super) struct World {
    pub(super) model: Model,
    pub(super) names: BTreeMap<u8, VerificationId>,
    pub(super) given: Vec<Change>,
    pub(super) group: u64,
    made: u64,
}

impl World {
    fn now(&self) -> Timestamp {
        at(self.group * 10)
    }

    /// A time unlike any other, about now, so that nothing is purged in a random order.
    fn own_time(&mut self) -> Timestamp {
        self.made += 1;
        at(self.group * 10 + self.made % 10) + std::time::Duration::from_micros(self.made)
    }

    fn row(&self, who: u8) -> Verification {
        self.names
            .get(&who)
            .and_then(|id| self.model.kept.get(id))
            .map_or_else(|| row(&create(self.now())), |kept| kept.row.clone())
    }

    fn slot(&mut self, which: u8, holder: VerificationId) -> Slot {
        let id = SlotId::from_bytes([which; 16]);
        let mut slot = slot(holder, self.now());
        slot.id = id;
        slot.key = digest([which; 16], 1);
        slot.status_path = digest([which; 16], 2);
        slot.data_path = digest([which; 16], 3);
        slot.keep_until = self.own_time();
        slot
    }

    pub(super) fn decide(&mut self, act: Act) -> Change {
        let mut change = match act {
            Act::Create { who, slot, request } => self.create(who, slot, request),
            Act::Step { who, stale, fact } => self.step(who, stale, fact),
            Act::Seen {
                who,
                identity,
                again,
            } => {
                let row = self.row(who);
                let word = ["PENDING", "ACCEPTED", "CONFIRMED"][usize::from(identity)];
                if again && self.model.kept.contains_key(&row.id) {
                    let mut change = Change::new(self.now());
                    change.seen = vec![SeenWrite::Again(seen(&row, word))];
                    change
                } else {
                    status(&row, word)
                }
            }
            Act::Data { who, field } => self.data(who, field),
            Act::Forget { who } => {
                let mut change = self.step(who, false, 9);
                change.forget = true;
                change
            }
            Act::Take { who, slot, wrong } => {
                let mut change = self.step(who, false, 9);
                let slot = self.slot(slot, row(&change).id);
                let stands = self.model.slots.get(&slot.key).map(|slot| slot.holder);
                let stranger = SlotHolder {
                    verification: VerificationId::from_bytes([0; 16]),
                    attempt: 3,
                };
                let expected = stands.filter(|_| !wrong).unwrap_or(stranger);
                change.slot = Some(SlotWrite::Take { expected, slot });
                change
            }
            Act::Job {
                who,
                kind,
                what,
                time,
            } => self.job(who, kind, what, time),
            Act::Repeat { back } => {
                let place = self.given.len().checked_sub(1 + usize::from(back));
                match place.and_then(|place| self.given.get(place)) {
                    Some(change) => return change.clone(),
                    None => Change::new(self.now()),
                }
            }
            Act::Purge { what, age, at_most } => {
                let before = at((self.group * 10).saturating_sub(u64::from(age) * 10));
                let some = |bit: u8| (what & bit != 0).then_some(before);
                let mut change = Change::new(self.now());
                change.purge = Some(Purge {
                    events_before: some(1),
                    changes_before: some(2),
                    idempotency_before: some(4),
                    slots_before: some(8),
                    orphan_chunks_before: None,
                    at_most: u32::from(at_most),
                });
                change
            }
        };
        change.time = self.now();
        self.given.push(change.clone());
        change
    }

    fn create(&mut self, who: u8, slot: u8, remembered: Option<u8>) -> Change {
        let mut change = create(self.now());
        let id = row(&change).id;
        let slot = self.slot(slot, id);
        let write = change.verification.as_mut().unwrap();
        write.row.attempts[0].slot = slot.id;
        change.slot = Some(SlotWrite::Make(slot));
        change
            .indexes
            .push((LookupKind::SubjectRef, digest([who; 16], 4)));
        change
            .indexes
            .push((LookupKind::Subject, digest([who; 16], 5)));
        change.idempotency = remembered.map(|salt| {
            let until = self.own_time();
            request(&row(&change), salt, until)
        });
        // The newest one of this name is meant from now on, if it holds or not.
        self.names.insert(who, id);
        change
    }

    fn step(&mut self, who: u8, stale: bool, fact: u8) -> Change {
        let before = self.row(who);
        let mut change = step(&before, EventKind::ProviderStatus, |row| {
            let attempt = row.attempts.last_mut().unwrap();
            let facts = [
                Fact::Accepted,
                Fact::Confirmed,
                Fact::DataComplete,
                Fact::Failed(Reason::ProviderFailed),
                Fact::Expired(Reason::ActionExpired),
                Fact::Cancelled,
            ];
            if let Some(fact) = facts.get(usize::from(fact)) {
                attempt.facts = attempt.facts.with(*fact);
            }
        });
        let body = &mut change.events[0];
        body.commit_time = self.now();
        if stale {
            let write = change.verification.as_mut().unwrap();
            write.expected = Some(before.revision.next());
            write.row.revision = before.revision.next().next();
            change.events[0].revision = write.row.revision;
        }
        change
    }

    fn data(&mut self, who: u8, field: u8) -> Change {
        let before = self.row(who);
        let mut change = step(&before, EventKind::DataReceived, |_| {});
        let between = row(&change);
        let second = step(&between, EventKind::ProviderStatus, |row| {
            row.claims[0].status = verilane_core::ClaimStatus::Granted;
        });
        let last = row(&second);
        change.events.extend(second.events);
        change.verification.as_mut().unwrap().row = last.clone();
        let name = ["SH_EMAIL", "P_FULL_NAME", "P_GENDER"][usize::from(field)];
        change.claims = vec![claim(&last, name, &format!("{}", last.revision.0))];
        // Who is found by it changes with some.
        change.subjects = (field > 0).then(|| vec![digest([field; 16], 5)]);
        change.audit = vec![audit(&last, AuditAction::ClaimsRead, &["email"])];
        change
    }

    fn job(&mut self, who: u8, kind: u8, what: u8, time: u8) -> Change {
        let kind = [JobKind::ExpireAction, JobKind::Purge][usize::from(kind)];
        let mut key = job(&self.row(who), kind);
        if kind == JobKind::Purge {
            key.about = None;
        }
        let time = at(u64::from(time) * 5);
        let mut change = Change::new(self.now());
        change.jobs = vec![match what {
            0 => JobWrite::Schedule {
                key,
                due: time,
                leased_until: None,
            },
            1 => JobWrite::Lease { key, until: time },
            2 => JobWrite::Postpone { key, due: time },
            3 => JobWrite::Hasten { key, due: time },
            _ => JobWrite::Drop(key),
        }];
        change
    }
}

impl World {
    /// Names mean what stands: a creation that did not hold leaves a name to whoever had it.
    pub(super) fn settle(&mut self, before: BTreeMap<u8, VerificationId>) {
        let kept = &self.model.kept;
        for (who, id) in &mut self.names {
            if !kept.contains_key(id)
                && let Some(earlier) = before.get(who)
            {
                *id = *earlier;
            }
        }
    }

    /// Frees every job, in the model and in the store.
    pub(super) async fn release(&mut self, store: &dyn Store) {
        let mut change = Change::new(self.now());
        change.jobs = self
            .model
            .jobs
            .iter()
            .map(|(key, standing)| JobWrite::Postpone {
                key: *key,
                due: standing.due,
            })
            .collect();
        let committed = store.commit(change.clone()).await.unwrap();
        assert_eq!(self.model.commit(&change), Ok(committed));
    }
}
