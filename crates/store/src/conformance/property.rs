//! Any interleaving of changes leaves a store as it leaves a model in memory.
//!
//! Changes come in groups. Those of a group are decided on what stood before it, as by callers who
//! read at the same time, and are given to the store together: whatever they share, they fight
//! over. Between groups everything that can be read is compared, and now and then the store is
//! closed and opened again.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use verilane_core::{
    AuditAction, Change, EventKind, Fact, JobKind, JobWrite, LookupKind, Purge, Reason, Revision,
    SeenWrite, Sequence, Slot, SlotHolder, SlotId, SlotWrite, State, Timestamp, Verification,
    VerificationId,
};

use super::model::Model;
use super::sample::{
    at, audit, claim, create, digest, job, request, row, seen, slot, status, step,
};
use super::{StoreUnderTest, open};
use crate::{CommitError, ListQuery, Store};

/// One change, by what it does to a handful of verifications, slots and request ids.
#[derive(Clone, Copy, Debug)]
enum Act {
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

fn act() -> impl Strategy<Value = Act> {
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
        2 => (who.clone(), slot, prop::bool::weighted(0.3))
            .prop_map(|(who, slot, wrong)| Act::Take { who, slot, wrong }),
        3 => (who, 0..2_u8, 0..4_u8, 0..20_u8)
            .prop_map(|(who, kind, what, time)| Act::Job { who, kind, what, time }),
        2 => (0..12_u8).prop_map(|back| Act::Repeat { back }),
        1 => (0..16_u8, 0..6_u8, 1..4_u8)
            .prop_map(|(what, age, at_most)| Act::Purge { what, age, at_most }),
    ]
}

/// A group of acts, and whether the store is opened anew after it.
type Group = (Vec<Act>, bool);

/// What the acts speak of.
#[derive(Default)]
struct World {
    model: Model,
    names: BTreeMap<u8, VerificationId>,
    given: Vec<Change>,
    group: u64,
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

    fn decide(&mut self, act: Act) -> Change {
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
            _ => JobWrite::Drop(key),
        }];
        change
    }
}

/// Whatever changes come, together or one after the other, a store holds what the model holds.
pub fn any_interleaving_of_changes_agrees_with_a_model_in_memory<P: StoreUnderTest>(
    make: impl Fn() -> P,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let config = Config {
        cases: 32,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let group = (
        prop::collection::vec(act(), 1..9),
        prop::bool::weighted(0.1),
    );
    let groups = prop::collection::vec(group, 1..9);
    let outcome = TestRunner::new(config).run(&groups, |groups| {
        let place = make();
        runtime.block_on(play(place, groups));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

async fn play(place: impl StoreUnderTest, groups: Vec<Group>) {
    let mut store = open(&place).await;
    let mut world = World::default();
    for (acts, reopen) in groups {
        world.group += 1;
        let names = world.names.clone();
        let changes: Vec<_> = acts.into_iter().map(|act| world.decide(act)).collect();
        let outcomes = join_all(changes.iter().cloned().map(|c| store.commit(c))).await;
        for (change, outcome) in changes.iter().zip(outcomes) {
            match (world.model.commit(change), outcome) {
                (Ok(expected), Ok(committed)) => assert_eq!(committed, expected),
                (Err(possible), Err(CommitError::Conflict(found))) => {
                    assert!(possible.contains(&found), "{found:?} of {possible:?}");
                }
                (expected, found) => panic!("{found:?}, not {expected:?}"),
            }
        }
        world.settle(names);
        if reopen {
            place.close(store).await;
            store = open(&place).await;
            // A store may forget leases when it is opened; the model leaves that open.
            compare(&world, &*store, false).await;
            world.release(&*store).await;
        }
        compare(&world, &*store, true).await;
    }
}

impl World {
    /// Names mean what stands: a creation that did not hold leaves a name to whoever had it.
    fn settle(&mut self, before: BTreeMap<u8, VerificationId>) {
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
    async fn release(&mut self, store: &dyn Store) {
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

async fn compare(world: &World, store: &dyn Store, with_jobs: bool) {
    let model = &world.model;
    let head = store.head().await.unwrap();
    assert_eq!(head.last, Sequence(model.log.len() as u64));
    assert_eq!(head.purged_to, Sequence(model.purged as u64));
    let events = store.events(Sequence(0), 10_000).await.unwrap();
    assert_eq!(events, model.events());
    assert_eq!(store.audit(1, 10_000).await.unwrap(), model.audit);
    for (id, kept) in &model.kept {
        let loaded = store.load(*id).await.unwrap().unwrap();
        assert_eq!(loaded.verification, kept.row);
        let noted: Vec<_> = kept.seen.iter().cloned().collect();
        assert_eq!(loaded.seen, noted);
        let claims: Vec<_> = kept.claims.values().cloned().collect();
        assert_eq!(store.claims(*id).await.unwrap(), claims);
        let of = store.events_of(*id, Revision(0), 10_000).await.unwrap();
        let own = model.events().iter().filter(|e| e.body.verification == *id);
        assert_eq!(of, own.cloned().collect::<Vec<_>>());
    }
    for change in &world.given {
        let expected = model.changes.get(&change.id).map(|(_, c)| c.clone());
        assert_eq!(store.outcome(change.id).await.unwrap(), expected);
        if let Some(record) = &change.idempotency {
            let stands = model.requests.get(&record.key).cloned();
            assert_eq!(store.idempotency(record.key).await.unwrap(), stands);
        }
    }
    for which in 0..3_u8 {
        let key = digest([which; 16], 1);
        let stands = model.slots.get(&key).cloned();
        assert_eq!(store.slot(key).await.unwrap(), stands);
    }
    for query in queries() {
        let listed = store.list(&query).await.unwrap();
        let mut expected: Vec<_> = model
            .kept
            .values()
            .filter(|kept| {
                query.lookups.iter().all(|l| kept.lookups.contains(l))
                    && (query.states.is_empty() || query.states.contains(&kept.row.state().0))
            })
            .collect();
        expected.sort_by_key(|k| std::cmp::Reverse((k.row.create_time, k.row.id)));
        assert_eq!(listed.len(), expected.len());
        for (listed, expected) in listed.iter().zip(expected) {
            assert_eq!(listed.verification, expected.row);
            assert_eq!(listed.last_sequence, expected.last);
        }
    }
    if with_jobs {
        compare_jobs(model, store).await;
    }
}

fn queries() -> Vec<ListQuery> {
    let all = ListQuery {
        limit: 10_000,
        ..ListQuery::default()
    };
    let by_lookup = (0..4_u8).map(|who| ListQuery {
        lookups: vec![(LookupKind::SubjectRef, digest([who; 16], 4))],
        ..all.clone()
    });
    let by_state = State::ALL.map(|state| ListQuery {
        states: vec![state],
        ..all.clone()
    });
    by_lookup.chain(by_state).chain([all.clone()]).collect()
}

async fn compare_jobs(model: &Model, store: &dyn Store) {
    let next = model.jobs.values().map(super::model::Standing::ready).min();
    assert_eq!(store.next_due().await.unwrap(), next);
    for now in [at(0), at(30), at(60), at(1 << 20)] {
        let due = store.due_jobs(now, 10_000).await.unwrap();
        let ready = |job: &verilane_core::Job| model.jobs[&job.key].ready();
        assert!(due.is_sorted_by_key(ready));
        let mut found: Vec<_> = due.into_iter().map(|j| (j.key, j.due, j.tries)).collect();
        found.sort_unstable();
        let expected: Vec<_> = model
            .jobs
            .iter()
            .filter(|(_, standing)| standing.ready() <= now)
            .map(|(key, standing)| (*key, standing.due, standing.tries))
            .collect();
        assert_eq!(found, expected);
    }
}
