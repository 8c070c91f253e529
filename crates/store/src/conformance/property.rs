//! Any interleaving of changes leaves a store as it leaves a model in memory.
//!
//! Changes come in groups. Those of a group are decided on what stood before it, as by callers who
//! read at the same time, and are given to the store together: whatever they share, they fight
//! over. Between groups everything that can be read is compared, and now and then the store is
//! closed and opened again.

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use verilane_core::{LookupKind, Revision, Sequence, State};

use super::model::Model;
use super::sample::{at, digest};
use super::world::{Act, World, act};
use super::{StoreUnderTest, open};
use crate::{CommitError, ListQuery, Store};

/// A group of acts, and whether the store is opened anew after it.
type Group = (Vec<Act>, bool);

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
    let by_lookup = (0..4_u8).flat_map(|who| {
        [(LookupKind::SubjectRef, 4), (LookupKind::Subject, 5)].map(|(kind, salt)| ListQuery {
            lookups: vec![(kind, digest([who; 16], salt))],
            ..all.clone()
        })
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
