//! Promises about claims, evidence and its chunks.

use std::sync::Arc;

use tokio::task::JoinSet;
use verilane_core::{
    Change, EventKind, EvidenceId, EvidenceKind, JobKind, JobWrite, Purge, Sealed,
};

use super::sample::{at, claim, create, evidence, job, row, step};
use super::{StoreUnderTest, open};
use crate::{CommitError, Conflict};

fn chunk(fill: u8, size: usize) -> Sealed {
    Sealed::new(vec![fill; size])
}

/// Claims come back by field and evidence by age, with every member as it was given; a later claim
/// of a field replaces the earlier one.
pub async fn claims_and_evidence_come_back_as_they_were_kept(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let other = create(at(0));
    store.commit(other.clone()).await.unwrap();
    let first = create(at(0));
    let mut now = row(&first);
    store.commit(first).await.unwrap();

    let mut data = step(&now, EventKind::DataReceived, |_| {});
    now = row(&data);
    let mut bare = claim(&now, "SH_EMAIL", "a@example.org");
    bare.name = verilane_core::ClaimName::Email;
    (bare.document, bare.pepper, bare.key_fingerprint) = (None, None, None);
    (bare.provider_time, bare.evidence) = (None, None);
    bare.imported = false;
    bare.checks = None;
    bare.provider_document = None;
    bare.assurance = verilane_core::Assurance::Pulled;
    let full = claim(&now, "P_DATE_OF_BIRTH", "1990-01-01");
    data.claims = vec![bare.clone(), full.clone()];
    let ids = [EvidenceId::generate(), EvidenceId::generate()];
    for id in ids {
        let chunks = vec![chunk(1, 10), chunk(2, 10)];
        store.put_chunks(id, 0, chunks, at(1)).await.unwrap();
    }
    let mut younger = evidence(&now, ids[0], 2);
    younger.receive_time = at(7);
    younger.kind = EvidenceKind::FaceImage;
    younger.field = Some("P_FACE".to_owned());
    let older = evidence(&now, ids[1], 2);
    data.evidence = vec![younger.clone(), older.clone()];
    store.commit(data).await.unwrap();
    assert_eq!(store.claims(now.id).await.unwrap(), [full, bare.clone()]);
    assert_eq!(store.evidence(now.id).await.unwrap(), [older, younger]);

    let mut later = step(&now, EventKind::DataReceived, |_| {});
    let replaced = claim(&row(&later), "P_DATE_OF_BIRTH", "1990-01-02");
    later.claims = vec![replaced.clone()];
    store.commit(later).await.unwrap();
    assert_eq!(store.claims(now.id).await.unwrap(), [replaced, bare]);
    let others = row(&other).id;
    assert_eq!(store.claims(others).await.unwrap(), []);
    assert_eq!(store.evidence(others).await.unwrap(), []);
}

/// A change that has no event, but leases a job, shows its evidence if the job stands, and else not.
pub async fn evidence_shows_with_the_lease_beside_it_or_not_at_all(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut made = create(at(0));
    let now = row(&made);
    let [stands, is_gone] = [JobKind::Exchange, JobKind::Start].map(|kind| job(&now, kind));
    made.jobs = vec![JobWrite::Schedule {
        key: stands,
        due: at(1),
        leased_until: None,
    }];
    store.commit(made).await.unwrap();
    let shown = EvidenceId::generate();
    for (key, id) in [(is_gone, EvidenceId::generate()), (stands, shown)] {
        store
            .put_chunks(id, 0, vec![chunk(1, 10)], at(1))
            .await
            .unwrap();
        let mut change = Change::new(at(2));
        change.evidence = vec![evidence(&now, id, 1)];
        let until = at(60);
        change.jobs = vec![JobWrite::Lease { key, until }];
        let outcome = store.commit(change).await.map(drop);
        let expected = if key == stands {
            Ok(())
        } else {
            Err(Conflict::Job.into())
        };
        assert_eq!(outcome, expected);
    }
    let records = store.evidence(now.id).await.unwrap();
    assert_eq!(records, [evidence(&now, shown, 1)]);
    assert_eq!(store.load(now.id).await.unwrap().unwrap().verification, now);
}

/// Chunks are durable but invisible until a change names their evidence, however many are written
/// at once beside changes, and a chunk that stands is never replaced.
pub async fn chunks_show_nowhere_until_a_change_names_their_evidence(place: impl StoreUnderTest) {
    const PIECES: u8 = 6;
    const EACH: u32 = 40;
    let store = open(&place).await;
    let change = create(at(0));
    let mut now = row(&change);
    store.commit(change).await.unwrap();
    let mut writers = JoinSet::new();
    for piece in 0..PIECES {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let id = EvidenceId::generate();
            let half = EACH / 2;
            for first in [0, half] {
                let chunks = vec![chunk(piece, 64 << 10); half as usize];
                store.put_chunks(id, first, chunks, at(1)).await.unwrap();
            }
            id
        });
    }
    // Changes go on meanwhile.
    for _ in 0..20 {
        let change = step(&now, EventKind::ProviderStatus, |_| {});
        now = row(&change);
        store.commit(change).await.unwrap();
    }
    let mut ids = writers.join_all().await;
    ids.sort_unstable();
    for id in &ids {
        assert_eq!(store.chunk(*id, 0).await.unwrap(), None);
    }
    let mut shows = step(&now, EventKind::DataReceived, |_| {});
    now = row(&shows);
    shows.evidence = ids[1..]
        .iter()
        .map(|id| evidence(&now, *id, EACH))
        .collect();
    store.commit(shows).await.unwrap();
    assert_eq!(store.chunk(ids[0], 0).await.unwrap(), None);
    for id in &ids[1..] {
        let all = [0, EACH / 2, EACH - 1];
        for index in all {
            let found = store.chunk(*id, index).await.unwrap().unwrap();
            assert_eq!(found.as_bytes().len(), 64 << 10);
        }
        assert_eq!(store.chunk(*id, EACH).await.unwrap(), None);
    }
    let before = store.chunk(ids[1], 3).await.unwrap();
    let again = vec![chunk(200, 5)];
    store.put_chunks(ids[1], 3, again, at(2)).await.unwrap();
    assert_eq!(store.chunk(ids[1], 3).await.unwrap(), before);
}

/// Chunks that were written long ago and never shown go, at most so many at once; what is shown, or
/// is still being written, stays.
pub async fn chunks_that_no_change_has_shown_are_purged(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut shows = create(at(0));
    let [orphan, shown, young, tiny] = [(); 4].map(|()| EvidenceId::generate());
    for (id, chunks, time) in [
        (orphan, 5, 1),
        (tiny, 1, 2),
        (shown, 3, 1),
        (young, 2, 1),
        (young, 1, 20),
    ] {
        let first = if time == 20 { 2 } else { 0 };
        let chunks = vec![chunk(1, 100); chunks];
        store.put_chunks(id, first, chunks, at(time)).await.unwrap();
    }
    shows.evidence = vec![evidence(&row(&shows), shown, 3)];
    let mut now = row(&shows);
    store.commit(shows).await.unwrap();
    let purge = || {
        let mut change = Change::new(at(100));
        change.purge = Some(Purge {
            orphan_chunks_before: Some(at(10)),
            at_most: 2,
            ..Purge::default()
        });
        change
    };
    let mut rounds = 0;
    while store.commit(purge()).await.unwrap().purge_unfinished {
        rounds += 1;
    }
    assert!(
        (2..=4).contains(&rounds),
        "six chunks, two at a time: {rounds}"
    );
    let mut shown_now = async |id, chunks| {
        let mut change = step(&now, EventKind::DataReceived, |_| {});
        change.evidence = vec![evidence(&row(&change), id, chunks)];
        let outcome = store.commit(change.clone()).await;
        if outcome.is_ok() {
            now = row(&change);
        }
        outcome
    };
    for (id, chunks) in [(orphan, 5), (tiny, 1)] {
        let gone = shown_now(id, chunks).await;
        assert!(matches!(gone, Err(CommitError::Invalid(_))), "{gone:?}");
    }
    shown_now(young, 3).await.unwrap();
    for (id, index) in [(shown, 0), (shown, 2), (young, 0), (young, 2)] {
        assert!(store.chunk(id, index).await.unwrap().is_some());
    }
}

/// Chunks that are discarded can't be shown any more, however many they are; discarding what is shown,
/// or what there is not, removes nothing.
pub async fn chunks_that_are_given_up_are_gone_at_once_and_what_is_shown_stays(
    place: impl StoreUnderTest,
) {
    const EACH: u32 = 40;
    let store = open(&place).await;
    let [given_up, shown, young, unknown] = [(); 4].map(|()| EvidenceId::generate());
    for id in [given_up, shown, young] {
        let chunks = vec![chunk(1, 64 << 10); EACH as usize];
        store.put_chunks(id, 0, chunks, at(1)).await.unwrap();
    }
    let mut shows = create(at(0));
    shows.evidence = vec![evidence(&row(&shows), shown, EACH)];
    let now = row(&shows);
    store.commit(shows).await.unwrap();
    for id in [given_up, shown, unknown] {
        store.discard_chunks(id).await.unwrap();
    }
    place.close(store).await;
    let store = open(&place).await;

    let show = |id| {
        let mut change = step(&now, EventKind::DataReceived, |_| {});
        change.evidence = vec![evidence(&row(&change), id, EACH)];
        change
    };
    let gone = store.commit(show(given_up)).await;
    assert!(matches!(gone, Err(CommitError::Invalid(_))), "{gone:?}");
    // One with a single chunk would not be whole; nor is there a single one.
    let mut one = show(given_up);
    one.evidence = vec![evidence(&row(&one), given_up, 1)];
    let gone = store.commit(one).await;
    assert!(matches!(gone, Err(CommitError::Invalid(_))), "{gone:?}");
    store.commit(show(young)).await.unwrap();
    for id in [shown, young] {
        for index in 0..EACH {
            assert!(store.chunk(id, index).await.unwrap().is_some());
        }
    }
}
