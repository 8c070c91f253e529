//! What is kept for a time only goes at once, and nothing else with it.

use verilane_core::{BlindIndex, ClaimStatus, EventKind, EvidenceId, LookupKind, Sealed};

use super::sample::{at, claim, create, digest, evidence, row, step};
use super::{StoreUnderTest, open};
use crate::{CommitError, ListQuery, Store};

/// A verification with a claim and two pieces of evidence, and the names of those.
async fn kept(
    store: &dyn Store,
    subject: BlindIndex,
) -> (verilane_core::Verification, [EvidenceId; 2]) {
    let mut made = create(at(0));
    made.indexes.push((LookupKind::Subject, subject));
    let now = row(&made);
    store.commit(made).await.unwrap();
    let mut data = step(&now, EventKind::DataReceived, |row| {
        row.claims[2].status = ClaimStatus::Granted;
        row.retention = Some(std::time::Duration::from_hours(24));
    });
    let now = row(&data);
    data.claims = vec![claim(&now, "SH_EMAIL", "a@example.org")];
    let ids = [EvidenceId::generate(), EvidenceId::generate()];
    for (id, count) in ids.into_iter().zip([1, 3]) {
        let chunks = vec![Sealed::new(vec![7; 100]); count];
        store.put_chunks(id, 0, chunks, at(1)).await.unwrap();
        data.evidence.push(evidence(&now, id, count as u32));
    }
    store.commit(data).await.unwrap();
    (now, ids)
}

async fn found(store: &dyn Store, lookup: (LookupKind, BlindIndex)) -> usize {
    let query = ListQuery {
        lookups: vec![lookup],
        limit: 10,
        ..ListQuery::default()
    };
    store.list(&query).await.unwrap().len()
}

/// A change that forgets removes claims, evidence with its chunks, and the lookups by the subject, of
/// its own verification and of no other; what it brings itself stays. It holds through a restart.
pub async fn what_is_forgotten_is_gone_and_nothing_else_is(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let same = BlindIndex::new([9; 32]);
    let (gone, pieces) = kept(&*store, same).await;
    let (other, others) = kept(&*store, same).await;
    let subject =
        |of: &verilane_core::Verification| (LookupKind::Subject, digest(*of.id.as_bytes(), 4));
    let label = (LookupKind::Label, digest(*gone.id.as_bytes(), 5));

    let forget = || {
        let mut change = step(&gone, EventKind::ClaimsForgotten, |row| {
            row.claims[2].status = ClaimStatus::Forgotten;
            row.forget_time = Some(at(90));
        });
        change.forget = true;
        change
    };
    let mut nobodys = forget();
    (nobodys.verification, nobodys.events) = (None, Vec::new());
    let refused = store.commit(nobodys).await;
    assert!(
        matches!(refused, Err(CommitError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(store.claims(gone.id).await.unwrap().len(), 1);

    let mut change = forget();
    let brought = BlindIndex::new([8; 32]);
    change.indexes = vec![(LookupKind::Subject, brought)];
    let after = row(&change);
    store.commit(change).await.unwrap();
    place.close(store).await;
    let store = open(&place).await;

    assert_eq!(
        store.load(gone.id).await.unwrap().unwrap().verification,
        after
    );
    assert_eq!(store.claims(gone.id).await.unwrap(), []);
    assert_eq!(store.evidence(gone.id).await.unwrap(), []);
    assert_eq!(found(&*store, subject(&gone)).await, 0);
    assert_eq!(found(&*store, label).await, 1);
    assert_eq!(found(&*store, (LookupKind::Subject, brought)).await, 1);

    assert_eq!(store.claims(other.id).await.unwrap().len(), 1);
    assert_eq!(store.evidence(other.id).await.unwrap().len(), 2);
    assert_eq!(found(&*store, subject(&other)).await, 1);
    assert_eq!(found(&*store, (LookupKind::Subject, same)).await, 1);
    for (ids, stands) in [(pieces, false), (others, true)] {
        for (id, last) in ids.into_iter().zip([0, 2]) {
            let chunk = store.chunk(id, last).await.unwrap();
            assert_eq!(chunk.is_some(), stands);
        }
    }
    // The chunks themselves are gone, not only what shows them.
    let mut again = step(&after, EventKind::DataReceived, |_| {});
    again.evidence = vec![evidence(&row(&again), pieces[1], 3)];
    let refused = store.commit(again).await;
    assert!(
        matches!(refused, Err(CommitError::Invalid(_))),
        "{refused:?}"
    );
}
