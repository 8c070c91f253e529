//! Promises about the log of events and the audit chain.

use std::sync::Arc;

use tokio::task::JoinSet;
use verilane_core::{
    AUDIT_GENESIS, AuditAction, AuditRecord, Change, Event, EventKind, IdempotencyRecord, JobKind,
    JobWrite, Purge, Revision, Sequence, Slot, Timestamp, VerificationId, audit_link,
};

use super::sample::{at, audit, create, job, request, row, slot_of, status, step};
use super::{Nobody, Recorder, StoreUnderTest, open};
use crate::{CommitError, Conflict, ListQuery, Store};

/// Every event from `after` on, read in pages of an odd size.
async fn whole_log(store: &dyn Store, mut after: Sequence) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        let page = store.events(after, 7).await.unwrap();
        let Some(last) = page.last() else {
            return all;
        };
        after = last.sequence;
        all.extend(page);
    }
}

fn sequences(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.sequence.0).collect()
}

/// 64 producers at once, who get in each other's way: the log is 1, 2, 3, … without a gap, every
/// event stands where its commit said, and each verification's revisions follow one another.
pub async fn sequences_have_no_gap_with_64_producers_and_conflicts_among_them(
    place: impl StoreUnderTest,
) {
    const PRODUCERS: u64 = 64;
    const STEPS: usize = 6;
    let store = open(&place).await;
    let shared = create(at(0));
    store.commit(shared.clone()).await.unwrap();
    let shared = row(&shared).id;
    let mut producers = JoinSet::new();
    for number in 0..PRODUCERS {
        let store = Arc::clone(&store);
        producers.spawn(async move { produce(&*store, number, shared, STEPS).await });
    }
    let told: Vec<_> = producers.join_all().await.concat();
    let expected = 1 + PRODUCERS as usize * (1 + 2 * STEPS);
    assert_eq!(told.len() + 1, expected);

    let log = whole_log(&*store, Sequence(0)).await;
    let all: Vec<u64> = (1..=expected as u64).collect();
    assert_eq!(sequences(&log), all);
    assert_eq!(store.head().await.unwrap().last.0, expected as u64);
    for (id, revision, sequence) in told {
        let body = &log[sequence.0 as usize - 1].body;
        assert_eq!((body.verification, body.revision), (id, revision));
    }
    let of_shared = store.events_of(shared, Revision(0), 1_000).await.unwrap();
    let revisions: Vec<u64> = of_shared.iter().map(|e| e.body.revision.0).collect();
    let all: Vec<u64> = (1..=1 + PRODUCERS * STEPS as u64).collect();
    assert_eq!(revisions, all);
}

/// Takes a verification of its own and the shared one further, and tries what can't hold between.
async fn produce(
    store: &dyn Store,
    number: u64,
    shared: VerificationId,
    steps: usize,
) -> Vec<(VerificationId, Revision, Sequence)> {
    let mut told = Vec::new();
    let mut note = |change: &Change, committed: verilane_core::Committed| {
        let body = &change.events[0];
        assert_eq!(committed.sequences.len(), change.events.len());
        told.push((body.verification, body.revision, committed.sequences[0]));
    };
    let change = create(at(number));
    let mut own = row(&change);
    note(&change, store.commit(change.clone()).await.unwrap());
    for _ in 0..steps {
        let change = step(&own, EventKind::ProviderStatus, |_| {});
        note(&change, store.commit(change.clone()).await.unwrap());
        let stale = step(&own, EventKind::Cancelled, |_| {});
        let refused = store.commit(stale).await;
        assert_eq!(refused, Err(CommitError::Conflict(Conflict::Revision)));
        own = row(&change);
        loop {
            let now = store.load(shared).await.unwrap().unwrap().verification;
            let change = step(&now, EventKind::ProviderStatus, |_| {});
            match store.commit(change.clone()).await {
                Ok(committed) => break note(&change, committed),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    told
}

/// The observer is told of each event once, in the order of the log, and before the commit that
/// made it returns.
pub async fn the_observer_hears_each_event_once_in_order_before_its_commit_returns(
    place: impl StoreUnderTest,
) {
    let recorder = Arc::new(Recorder::default());
    let store = place.open(Arc::clone(&recorder) as _).await;
    let mut producers = JoinSet::new();
    for number in 0..16 {
        let (store, recorder) = (Arc::clone(&store), Arc::clone(&recorder));
        producers.spawn(async move {
            let change = create(at(number));
            let mut now = row(&change);
            store.commit(change).await.unwrap();
            for _ in 0..8 {
                let change = step(&now, EventKind::ProviderStatus, |_| {});
                now = row(&change);
                let stale = change.clone();
                let committed = store.commit(change).await.unwrap();
                let heard = recorder.heard();
                let own = heard
                    .iter()
                    .find(|e| e.sequence == committed.sequences[0])
                    .expect("heard of before the commit returned");
                assert_eq!(own.body, stale.events[0]);
                // Neither a repeat nor a conflict is heard of.
                store.commit(stale.clone()).await.unwrap();
                let again = Change {
                    id: verilane_core::ChangeId::generate(),
                    ..stale
                };
                store.commit(again).await.unwrap_err();
            }
        });
    }
    producers.join_all().await;
    assert_eq!(recorder.heard(), whole_log(&*store, Sequence(0)).await);
    assert_eq!(recorder.heard().len(), 16 * 9);
}

/// Pages of the log, and of one verification's events, are in order and fit together.
pub async fn events_come_in_pages_in_order_without_a_gap(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let changes = [create(at(0)), create(at(1))];
    let mut rows = [row(&changes[0]), row(&changes[1])];
    for change in changes {
        store.commit(change).await.unwrap();
    }
    for turn in 0..20 {
        let change = status(&rows[turn % 2], "ACCEPTED");
        let mut change = Change {
            seen: Vec::new(),
            ..change
        };
        change.events[0].provider_time = Some(at(turn as u64));
        rows[turn % 2] = row(&change);
        store.commit(change).await.unwrap();
    }
    let log = whole_log(&*store, Sequence(0)).await;
    assert_eq!(sequences(&log), (1..=22).collect::<Vec<_>>());
    assert_eq!(store.events(Sequence(20), 100).await.unwrap(), log[20..]);
    assert_eq!(store.events(Sequence(5), 1).await.unwrap(), log[5..6]);
    assert_eq!(store.events(Sequence(22), 10).await.unwrap(), []);
    for row in rows {
        let own: Vec<_> = log
            .iter()
            .filter(|event| event.body.verification == row.id)
            .cloned()
            .collect();
        let of = async |after, limit| store.events_of(row.id, Revision(after), limit).await;
        assert_eq!(of(0, 100).await.unwrap(), own);
        assert_eq!(of(4, 3).await.unwrap(), own[4..7]);
        assert_eq!(of(11, 3).await.unwrap(), []);
    }
    let nobody = VerificationId::generate();
    assert_eq!(store.events_of(nobody, Revision(0), 9).await.unwrap(), []);
}

/// What was committed is there after the store is closed and opened again, and goes on from where
/// it was.
pub async fn everything_is_there_after_reopening(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut first = create(at(0));
    first.idempotency = Some(request(&row(&first), 1, at(99)));
    let second = status(&row(&first), "ACCEPTED");
    let committed = store.commit(first.clone()).await.unwrap();
    store.commit(second.clone()).await.unwrap();
    let (id, slot) = (row(&first).id, slot_of(&first));
    let query = ListQuery {
        lookups: first.indexes.clone(),
        limit: 10,
        ..ListQuery::default()
    };
    let look = async |store: &dyn Store| {
        (
            store.head().await.unwrap(),
            whole_log(store, Sequence(0)).await,
            store.load(id).await.unwrap(),
            store.list(&query).await.unwrap(),
            store.due_jobs(at(10), 10).await.unwrap(),
            store.audit(1, 10).await.unwrap(),
            store.slot(slot.key).await.unwrap(),
            store.outcome(first.id).await.unwrap(),
        )
    };
    let before = look(&*store).await;
    assert_eq!(before.3.len(), 1);
    assert_eq!(before.7, Some(committed));
    place.close(store).await;

    let store = place.open(Arc::new(Nobody)).await;
    let after = look(&*store).await;
    assert_eq!(before, after);
    let next = step(&row(&second), EventKind::Cancelled, |_| {});
    let committed = store.commit(next).await.unwrap();
    assert_eq!(committed.sequences, [Sequence(3)]);
    let again = store.commit(first).await.unwrap();
    assert_eq!(again.sequences, [Sequence(1)]);
}

/// Records are linked in commit order, each link follows from the one before it, and reopening
/// goes on with the chain.
pub async fn the_audit_chain_can_be_checked_link_by_link(place: impl StoreUnderTest) {
    let mut store = open(&place).await;
    let mut given = Vec::new();
    for round in 0..3 {
        for number in 0..5 {
            let mut change = create(at(10 * round + number));
            let read = audit(
                &row(&change),
                AuditAction::ClaimsRead,
                &["name", "birthdate"],
            );
            change.audit.push(read);
            given.extend(change.audit.clone());
            store.commit(change.clone()).await.unwrap();
            // One that does not hold has no link.
            let again = Change {
                id: verilane_core::ChangeId::generate(),
                ..change
            };
            store.commit(again).await.unwrap_err();
        }
        place.close(store).await;
        store = open(&place).await;
    }
    let mut alone = Change::new(at(99));
    // Of another verification, and of none.
    let of_none = AuditRecord {
        verification: None,
        action: AuditAction::AvailabilityChecked,
        ..given[0].clone()
    };
    alone.audit = vec![given[0].clone(), of_none];
    given.extend(alone.audit.clone());
    store.commit(alone).await.unwrap();

    let mut chain = Vec::new();
    loop {
        let from = chain.len() as u64 + 1;
        let page = store.audit(from, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        chain.extend(page);
    }
    let mut link = AUDIT_GENESIS;
    for (number, (stored, record)) in (1..).zip(&chain) {
        link = audit_link(&link, number, &record.digest());
        assert_eq!(*stored, link, "link {number}");
    }
    let records: Vec<_> = chain.into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, given);
}

fn events_before(time: Timestamp, at_most: u32) -> Change {
    let mut change = Change::new(at(1_000));
    change.purge = Some(Purge {
        events_before: Some(time),
        at_most,
        ..Purge::default()
    });
    change
}

/// A purge takes events from the old end only, stops at the first that is too young and at its
/// bound, and says where the log begins now.
pub async fn a_purge_cuts_the_old_end_of_the_log_and_leaves_no_hole(place: impl StoreUnderTest) {
    let store = open(&place).await;
    // Commit times by sequence; the seventh came before its neighbours.
    let times = [0, 1, 2, 3, 4, 9, 5, 10, 11];
    let mut rows = Vec::new();
    for time in times {
        let change = create(at(time));
        rows.push(row(&change).id);
        store.commit(change).await.unwrap();
    }
    let log = whole_log(&*store, Sequence(0)).await;
    for (purged, unfinished) in [(2, true), (4, true), (5, false), (5, false)] {
        let committed = store.commit(events_before(at(6), 2)).await.unwrap();
        assert_eq!(committed.purge_unfinished, unfinished, "up to {purged}");
        let head = store.head().await.unwrap();
        assert_eq!((head.purged_to, head.last), (Sequence(purged), Sequence(9)));
        let left = whole_log(&*store, Sequence(0)).await;
        assert_eq!(left, log[purged as usize..]);
    }
    assert_eq!(store.events_of(rows[0], Revision(0), 9).await.unwrap(), []);
    let kept = store.events_of(rows[6], Revision(0), 9).await.unwrap();
    assert_eq!(kept, log[6..7]);
    // The verification itself is not an event.
    assert!(store.load(rows[0]).await.unwrap().is_some());

    let committed = store.commit(events_before(at(100), 100)).await.unwrap();
    assert!(!committed.purge_unfinished);
    let head = store.head().await.unwrap();
    assert_eq!((head.purged_to, head.last), (Sequence(9), Sequence(9)));
    place.close(store).await;
    let store = open(&place).await;
    assert_eq!(store.head().await.unwrap(), head);
    let committed = store.commit(create(at(12))).await.unwrap();
    assert_eq!(committed.sequences, [Sequence(10)]);
}

/// Request ids, slots and change ids go once they have served their time, at most so many at once,
/// and everything else stays.
pub async fn a_purge_forgets_what_has_served_its_time_and_nothing_else(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut kept = Vec::new();
    for number in 0..6_u8 {
        let time = at(u64::from(number));
        let mut change = create(time);
        let answer: IdempotencyRecord = request(&row(&change), number, time);
        let slot: Slot = Slot {
            keep_until: time,
            ..slot_of(&change)
        };
        change.idempotency = Some(answer.clone());
        change.slot = Some(verilane_core::SlotWrite::Make(slot.clone()));
        store.commit(change.clone()).await.unwrap();
        kept.push((change, answer, slot));
    }
    let purge = || {
        let mut change = Change::new(at(1_000));
        change.purge = Some(Purge {
            changes_before: Some(at(3)),
            idempotency_before: Some(at(4)),
            slots_before: Some(at(5)),
            at_most: 2,
            ..Purge::default()
        });
        change
    };
    for unfinished in [true, true, false] {
        let committed = store.commit(purge()).await.unwrap();
        assert_eq!(committed.purge_unfinished, unfinished);
    }
    for (number, (change, answer, slot)) in kept.iter().enumerate() {
        let outcome = store.outcome(change.id).await.unwrap();
        assert_eq!(outcome.is_some(), number >= 3, "change {number}");
        let remembered = store.idempotency(answer.key).await.unwrap();
        assert_eq!(remembered.is_some(), number >= 4, "request {number}");
        let target = store.callback_target(slot.status_path).await.unwrap();
        assert_eq!(target.is_some(), number >= 5, "slot {number}");
        let id = row(change).id;
        assert!(store.load(id).await.unwrap().is_some());
    }
    let jobs = store.due_jobs(at(100), 100).await.unwrap();
    assert_eq!(jobs.len(), 6);
    assert_eq!(store.head().await.unwrap().purged_to, Sequence(0));
    // A job for purging may stand for the whole store.
    let mut whole = Change::new(at(1_000));
    whole.jobs = vec![JobWrite::Drop(job(&row(&kept[0].0), JobKind::Start))];
    store.commit(whole).await.unwrap();
    assert_eq!(store.due_jobs(at(100), 100).await.unwrap().len(), 5);
}

/// A log can be given another id. Its events stay where they are, and it keeps the id.
pub async fn a_log_takes_a_new_id_and_keeps_its_events(place: impl StoreUnderTest) {
    let store = open(&place).await;
    store.commit(create(at(0))).await.unwrap();
    let (before, log) = (
        store.head().await.unwrap(),
        whole_log(&*store, Sequence(0)).await,
    );
    let id = verilane_core::LogId::generate();
    let mut change = Change::new(at(1));
    change.log = Some(id);
    store.commit(change.clone()).await.unwrap();
    let after = store.head().await.unwrap();
    assert_ne!(before.log, id);
    assert_eq!(after.log, id);
    assert_eq!(
        (after.last, after.purged_to),
        (before.last, before.purged_to)
    );
    // A repeat of the change is none.
    store.commit(change).await.unwrap();
    assert_eq!(store.head().await.unwrap(), after);
    place.close(store).await;
    let store = open(&place).await;
    assert_eq!(store.head().await.unwrap(), after);
    assert_eq!(whole_log(&*store, Sequence(0)).await, log);
}
