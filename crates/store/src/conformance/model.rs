//! What a store should do, written as plainly as it can be: collections in memory, one change at a
//! time.

use std::collections::{BTreeMap, BTreeSet};

use verilane_core::{
    AUDIT_GENESIS, AuditHash, AuditRecord, BlindIndex, Change, ChangeId, Committed, Event,
    IdempotencyRecord, JobKey, JobWrite, LookupKind, Purge, SeenWrite, Sequence, Slot, SlotWrite,
    StoredClaim, Timestamp, Verification, VerificationId, audit_link,
};

use crate::Conflict;

/// A verification and what is kept with it.
pub(super) struct Kept {
    pub(super) row: Verification,
    pub(super) last: Sequence,
    pub(super) lookups: BTreeSet<(LookupKind, BlindIndex)>,
    pub(super) seen: BTreeSet<(u32, String)>,
    pub(super) claims: BTreeMap<String, StoredClaim>,
}

/// A job, and whose lease keeps it from being ready.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Standing {
    pub(super) due: Timestamp,
    pub(super) leased: Option<Timestamp>,
    pub(super) tries: u32,
}

impl Standing {
    pub(super) fn ready(&self) -> Timestamp {
        self.leased.map_or(self.due, |until| until.max(self.due))
    }
}

/// A store in memory.
#[derive(Default)]
pub(super) struct Model {
    pub(super) log: Vec<Event>,
    pub(super) purged: usize,
    pub(super) kept: BTreeMap<VerificationId, Kept>,
    pub(super) slots: BTreeMap<BlindIndex, Slot>,
    pub(super) requests: BTreeMap<BlindIndex, IdempotencyRecord>,
    pub(super) jobs: BTreeMap<JobKey, Standing>,
    pub(super) audit: Vec<(AuditHash, AuditRecord)>,
    pub(super) changes: BTreeMap<ChangeId, (Timestamp, Committed)>,
}

impl Model {
    /// What stands of the log.
    pub(super) fn events(&self) -> &[Event] {
        &self.log[self.purged..]
    }

    /// Commits a change that makes sense, or says everything that speaks against it.
    pub(super) fn commit(&mut self, change: &Change) -> Result<Committed, Vec<Conflict>> {
        if let Some((_, first)) = self.changes.get(&change.id) {
            return Ok(first.clone());
        }
        let conflicts = self.conflicts(change);
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        let mut committed = Committed::default();
        for body in &change.events {
            let sequence = Sequence(self.log.len() as u64 + 1);
            committed.sequences.push(sequence);
            let body = body.clone();
            self.log.push(Event { sequence, body });
        }
        self.write(change);
        // Before the purge: a change can purge itself of the list, if it is old enough.
        self.changes
            .insert(change.id, (change.time, committed.clone()));
        if let Some(purge) = &change.purge {
            committed.purge_unfinished = self.purge(purge);
            self.changes
                .insert(change.id, (change.time, committed.clone()));
        }
        Ok(committed)
    }

    fn conflicts(&self, change: &Change) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        if let Some(write) = &change.verification {
            let stands = self.kept.get(&write.row.id).map(|kept| kept.row.revision);
            if stands != write.expected {
                conflicts.push(Conflict::Revision);
            }
        }
        if let Some(record) = &change.idempotency {
            let stands = self.requests.get(&record.key);
            if stands.is_some_and(|stands| stands.expire_time > change.time) {
                conflicts.push(Conflict::RequestId);
            }
        }
        let slot_holds = match &change.slot {
            None => true,
            Some(SlotWrite::Make(slot)) => !self.slots.contains_key(&slot.key),
            Some(SlotWrite::Take { expected, slot }) => self
                .slots
                .get(&slot.key)
                .is_some_and(|stands| stands.holder == *expected),
        };
        if !slot_holds {
            conflicts.push(Conflict::Slot);
        }
        for seen in &change.seen {
            if let SeenWrite::First(key) = seen
                && let Some(kept) = self.kept.get(&key.verification)
                && kept.seen.contains(&(key.attempt, key.identity.clone()))
            {
                conflicts.push(Conflict::Seen);
            }
        }
        for job in &change.jobs {
            if let JobWrite::Lease { key, .. } = job
                && !self.jobs.contains_key(key)
            {
                conflicts.push(Conflict::Job);
            }
        }
        conflicts
    }

    fn write(&mut self, change: &Change) {
        if let Some(write) = &change.verification {
            let last = Sequence(self.log.len() as u64);
            let kept = self.kept.entry(write.row.id).or_insert_with(|| Kept {
                row: write.row.clone(),
                last,
                lookups: BTreeSet::new(),
                seen: BTreeSet::new(),
                claims: BTreeMap::new(),
            });
            kept.row = write.row.clone();
            kept.last = last;
            if change.forget {
                kept.claims.clear();
                kept.lookups
                    .retain(|(kind, _)| *kind != LookupKind::Subject);
            }
            if let Some(subjects) = &change.subjects {
                let subject = LookupKind::Subject;
                kept.lookups.retain(|(kind, _)| *kind != subject);
                let subjects = subjects.iter().map(|digest| (subject, *digest));
                kept.lookups.extend(subjects);
            }
            kept.lookups.extend(change.indexes.iter().copied());
        }
        for seen in &change.seen {
            if let SeenWrite::First(key) = seen
                && let Some(kept) = self.kept.get_mut(&key.verification)
            {
                kept.seen.insert((key.attempt, key.identity.clone()));
            }
        }
        for claim in &change.claims {
            if let Some(kept) = self.kept.get_mut(&claim.verification) {
                kept.claims.insert(claim.field.clone(), claim.clone());
            }
        }
        if let Some(SlotWrite::Make(slot) | SlotWrite::Take { slot, .. }) = &change.slot {
            self.slots.insert(slot.key, slot.clone());
        }
        if let Some(record) = &change.idempotency {
            self.requests.insert(record.key, record.clone());
        }
        for job in &change.jobs {
            self.job(job);
        }
        for record in &change.audit {
            let before = self.audit.last().map_or(AUDIT_GENESIS, |(link, _)| *link);
            let number = self.audit.len() as u64 + 1;
            let link = audit_link(&before, number, &record.digest());
            self.audit.push((link, record.clone()));
        }
    }

    fn job(&mut self, write: &JobWrite) {
        match write {
            JobWrite::Schedule {
                key,
                due,
                leased_until,
            } => {
                let standing = Standing {
                    due: *due,
                    leased: *leased_until,
                    tries: u32::from(leased_until.is_some()),
                };
                self.jobs.insert(*key, standing);
            }
            JobWrite::Lease { key, until } => {
                if let Some(standing) = self.jobs.get_mut(key) {
                    standing.leased = Some(*until);
                    standing.tries += 1;
                }
            }
            JobWrite::Postpone { key, due } => {
                if let Some(standing) = self.jobs.get_mut(key) {
                    standing.leased = None;
                    standing.due = *due;
                }
            }
            JobWrite::Hasten { key, due } => {
                let made = Standing {
                    due: *due,
                    leased: None,
                    tries: 0,
                };
                let standing = self.jobs.entry(*key).or_insert(made);
                standing.due = standing.due.min(*due);
            }
            JobWrite::Drop(key) => {
                self.jobs.remove(key);
            }
        }
    }

    fn purge(&mut self, purge: &Purge) -> bool {
        let most = purge.at_most as usize;
        let mut more = false;
        if let Some(before) = purge.events_before {
            let old = self
                .events()
                .iter()
                .take_while(|event| event.body.commit_time < before)
                .count();
            self.purged += old.min(most);
            more |= old > most;
        }
        if let Some(before) = purge.changes_before {
            let old = self.changes.iter().filter(|(_, (time, _))| *time < before);
            let ids: Vec<_> = old.map(|(id, _)| *id).collect();
            more |= forget(ids, most, |id| {
                self.changes.remove(&id);
            });
        }
        if let Some(before) = purge.idempotency_before {
            let mut old: Vec<_> = self
                .requests
                .values()
                .filter(|record| record.expire_time < before)
                .map(|record| (record.expire_time, record.key))
                .collect();
            old.sort_unstable();
            more |= forget(old, most, |(_, key)| {
                self.requests.remove(&key);
            });
        }
        if let Some(before) = purge.slots_before {
            let mut old: Vec<_> = self
                .slots
                .values()
                .filter(|slot| slot.keep_until < before)
                .map(|slot| (slot.keep_until, slot.key))
                .collect();
            old.sort_unstable();
            more |= forget(old, most, |(_, key)| {
                self.slots.remove(&key);
            });
        }
        more
    }
}

/// Forgets the first of what is old. Whether more is left.
fn forget<T>(old: Vec<T>, most: usize, each: impl FnMut(T)) -> bool {
    let more = old.len() > most;
    old.into_iter().take(most).for_each(each);
    more
}
