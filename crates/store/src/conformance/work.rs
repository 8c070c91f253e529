//! Promises about what there is one of: jobs, request ids, slots.

use std::sync::Arc;

use tokio::task::JoinSet;
use verilane_core::{
    Change, Job, JobAbout, JobKey, JobKind, JobWrite, Slot, SlotHolder, SlotWrite, Timestamp,
    VerificationId,
};

use super::sample::{at, create, job, request, row, slot_of};
use super::{StoreUnderTest, open};
use crate::{CommitError, Conflict, Store};

async fn write(store: &dyn Store, jobs: Vec<JobWrite>) {
    let mut change = Change::new(at(0));
    change.jobs = jobs;
    store.commit(change).await.unwrap();
}

fn key(kind: JobKind, attempt: u32) -> JobKey {
    JobKey {
        kind,
        about: Some(JobAbout {
            verification: VerificationId::from_bytes([7; 16]),
            attempt,
        }),
    }
}

const PURGE: JobKey = JobKey {
    kind: JobKind::Purge,
    about: None,
};

fn schedule(key: JobKey, due: Timestamp) -> JobWrite {
    JobWrite::Schedule {
        key,
        due,
        leased_until: None,
    }
}

/// There is one job of a kind for an attempt; it is due from its time on unless somebody holds its
/// lease, the longest due first, and counts how often it was begun.
pub async fn jobs_are_scheduled_leased_postponed_and_dropped(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let (a, b, c) = (
        key(JobKind::ExpireAction, 1),
        key(JobKind::ExpireAction, 2),
        key(JobKind::ProcessingDeadline, 1),
    );
    let found = async |now, limit| {
        let jobs = store.due_jobs(at(now), limit).await.unwrap();
        jobs.iter()
            .map(|job| (job.key, job.tries))
            .collect::<Vec<_>>()
    };
    let next = async || store.next_due().await.unwrap();
    assert_eq!(next().await, None);
    write(
        &*store,
        vec![
            schedule(a, at(30)),
            schedule(b, at(10)),
            schedule(c, at(20)),
            schedule(PURGE, at(40)),
        ],
    )
    .await;
    assert_eq!(next().await, Some(at(10)));
    assert_eq!(found(9, 10).await, []);
    assert_eq!(found(10, 10).await, [(b, 0)]);
    assert_eq!(found(50, 10).await, [(b, 0), (c, 0), (a, 0), (PURGE, 0)]);
    assert_eq!(found(50, 2).await, [(b, 0), (c, 0)]);
    let whole = store.due_jobs(at(10), 1).await.unwrap();
    let expected = Job {
        key: b,
        due: at(10),
        tries: 0,
    };
    assert_eq!(whole, [expected]);

    // Under a lease nobody else sees it.
    let lease = |key, until| JobWrite::Lease {
        key,
        until: at(until),
    };
    write(&*store, vec![lease(b, 60), lease(PURGE, 45)]).await;
    assert_eq!(next().await, Some(at(20)));
    assert_eq!(found(44, 10).await, [(c, 0), (a, 0)]);
    assert_eq!(found(45, 10).await, [(c, 0), (a, 0), (PURGE, 1)]);
    assert_eq!(found(60, 10).await, [(c, 0), (a, 0), (PURGE, 1), (b, 1)]);

    // Postponed, it is free, and remembers its tries; scheduled anew, it does not.
    let postpone = |key, due| JobWrite::Postpone { key, due: at(due) };
    write(
        &*store,
        vec![postpone(b, 25), postpone(key(JobKind::Start, 1), 1)],
    )
    .await;
    assert_eq!(found(25, 10).await, [(c, 0), (b, 1)]);
    write(&*store, vec![lease(b, 26)]).await;
    assert_eq!(found(26, 10).await, [(c, 0), (b, 2)]);
    write(&*store, vec![schedule(b, at(5))]).await;
    assert_eq!(found(5, 10).await, [(b, 0)]);

    // Hastened, it is due at the latest then, and keeps its lease and its tries; it is made if it
    // does not stand.
    let hasten = |key, due| JobWrite::Hasten { key, due: at(due) };
    let poll = self::key(JobKind::Poll, 1);
    let all = JobKey {
        kind: JobKind::PollAll,
        about: None,
    };
    write(&*store, vec![lease(b, 7), hasten(b, 3)]).await;
    write(
        &*store,
        vec![hasten(b, 9), hasten(poll, 12), hasten(all, 4)],
    )
    .await;
    write(&*store, vec![hasten(poll, 8), hasten(poll, 11)]).await;
    assert_eq!(found(6, 10).await, [(all, 0)]);
    assert_eq!(found(7, 10).await, [(all, 0), (b, 1)]);
    assert_eq!(found(8, 10).await, [(all, 0), (b, 1), (poll, 0)]);
    let hastened = store.due_jobs(at(8), 10).await.unwrap();
    assert_eq!(hastened[1].due, at(3));
    write(&*store, vec![JobWrite::Drop(poll), JobWrite::Drop(all)]).await;

    write(&*store, vec![JobWrite::Drop(b), JobWrite::Drop(c)]).await;
    write(&*store, vec![JobWrite::Drop(c)]).await;
    assert_eq!(found(50, 10).await, [(a, 0), (PURGE, 1)]);
    assert_eq!(next().await, Some(at(30)));

    // Whoever schedules a job may begin it at once: that is its first try.
    let begun = JobWrite::Schedule {
        key: b,
        due: at(1),
        leased_until: Some(at(33)),
    };
    write(&*store, vec![begun]).await;
    assert_eq!(found(32, 10).await, [(a, 0)]);
    assert_eq!(found(33, 10).await, [(a, 0), (b, 1)]);
}

/// Of many that bring one request id, one holds, and its answer is found; once its time has passed,
/// the id is free again, purged or not.
pub async fn a_request_id_is_remembered_once_until_its_time_has_passed(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut producers = JoinSet::new();
    for _ in 0..24 {
        let store = Arc::clone(&store);
        producers.spawn(async move {
            let mut change = create(at(0));
            change.idempotency = Some(request(&row(&change), 5, at(100)));
            (store.commit(change.clone()).await, change)
        });
    }
    let outcomes = producers.join_all().await;
    let held: Vec<_> = outcomes.iter().filter(|(o, _)| o.is_ok()).collect();
    assert_eq!(held.len(), 1);
    for (outcome, _) in &outcomes {
        let lost = Err(CommitError::Conflict(Conflict::RequestId));
        assert!(outcome.is_ok() || *outcome == lost, "{outcome:?}");
    }
    let record = held[0].1.idempotency.clone().unwrap();
    let found = store.idempotency(record.key).await.unwrap();
    assert_eq!(found, Some(record.clone()));

    let bring = |time| {
        let mut change = create(at(time));
        change.idempotency = Some(request(&row(&change), 5, at(time + 100)));
        change
    };
    let early = store.commit(bring(99)).await;
    assert_eq!(early, Err(CommitError::Conflict(Conflict::RequestId)));
    let late = bring(100);
    store.commit(late.clone()).await.unwrap();
    let found = store.idempotency(record.key).await.unwrap();
    assert_eq!(found, late.idempotency);
    let unknown = request(&row(&late), 6, at(0)).key;
    assert_eq!(store.idempotency(unknown).await.unwrap(), None);
}

/// Of many that make one slot, one gets it; of many that take it from one holder, one gets it; and
/// those who lose leave nothing behind.
pub async fn of_many_that_want_a_slot_one_gets_it(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let wanted = slot_of(&create(at(0)));
    let holder = |change: &Change| SlotHolder {
        verification: row(change).id,
        attempt: 1,
    };
    let winners = async |wish: &(dyn Fn(Slot) -> SlotWrite + Sync)| {
        let mut producers = JoinSet::new();
        for _ in 0..24 {
            let store = Arc::clone(&store);
            let mut change = create(at(0));
            change.slot = Some(wish(Slot {
                holder: holder(&change),
                ..wanted.clone()
            }));
            producers.spawn(async move { (store.commit(change.clone()).await, change) });
        }
        let mut winners = Vec::new();
        for (outcome, change) in producers.join_all().await {
            let id = row(&change).id;
            match outcome {
                Ok(_) => winners.push(change),
                Err(CommitError::Conflict(Conflict::Slot)) => {
                    assert_eq!(store.load(id).await.unwrap(), None);
                }
                Err(other) => panic!("{other}"),
            }
        }
        winners
    };
    let makers = winners(&SlotWrite::Make).await;
    assert_eq!(makers.len(), 1);
    let expected = holder(&makers[0]);
    let takers = winners(&|slot| SlotWrite::Take { expected, slot }).await;
    assert_eq!(takers.len(), 1);
    let now = store.slot(wanted.key).await.unwrap().unwrap();
    assert_eq!(now.holder, holder(&takers[0]));
    let jobs = store.due_jobs(at(10), 100).await.unwrap();
    let mut keys: Vec<_> = jobs.iter().map(|job| job.key).collect();
    let mut expected: Vec<_> = [&makers[0], &takers[0]]
        .map(|change| job(&row(change), JobKind::Start))
        .to_vec();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}
