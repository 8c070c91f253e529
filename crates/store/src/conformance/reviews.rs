//! What a browser brings back belongs to one attempt, and reviews are found by their deadline.

use futures_util::future::join_all;
use verilane_core::{
    BindingWrite, BlindIndex, Decision, EventKind, Fact, Handover, HandoverKind, Review, Revision,
    Shown, SlotHolder, Timestamp, Verification,
};

use super::sample::{self, at, create, row, step};
use super::{StoreUnderTest, open};
use crate::{CommitError, Conflict, ListOrder, ListQuery, PageMark, Store};

fn binding(of: &Verification, key: u8) -> BindingWrite {
    BindingWrite::Make(verilane_core::Binding {
        key: BlindIndex::new([key; 32]),
        holder: SlotHolder {
            verification: of.id,
            attempt: 1,
        },
        create_time: of.update_time,
    })
}

async fn made(store: &dyn Store, seconds: u64) -> Verification {
    let change = create(at(seconds));
    let row = row(&change);
    store.commit(change).await.unwrap();
    row
}

/// Of many that hand the same thing in at once one gets it; it is his until he gives it back, and
/// then anybody's.
pub async fn what_a_browser_brought_back_belongs_to_one_attempt(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut rows = Vec::new();
    for second in 0..16 {
        rows.push(made(&*store, second).await);
    }
    let bind = |row: &Verification| {
        let mut change = step(row, EventKind::Continued, |_| {});
        change.binding = Some(binding(row, 1));
        change
    };
    let outcomes = join_all(rows.iter().map(|row| store.commit(bind(row)))).await;
    let refused = Err(CommitError::Conflict(Conflict::Binding));
    let lost = outcomes.iter().filter(|outcome| **outcome == refused);
    assert_eq!(lost.count(), rows.len() - 1);
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    let key = BlindIndex::new([1; 32]);
    let bound = store.binding(key).await.unwrap().unwrap();
    assert_eq!(bound.holder.verification, rows[winner].id);
    assert_eq!(bound.create_time, rows[winner].update_time);

    let held = store.load(rows[winner].id).await.unwrap().unwrap();
    let mut release = step(&held.verification, EventKind::ProviderStatus, |_| {});
    release.binding = Some(BindingWrite::Release(key));
    store.commit(release).await.unwrap();
    assert_eq!(store.binding(key).await.unwrap(), None);
    let other = &rows[(winner + 1) % rows.len()];
    store.commit(bind(other)).await.unwrap();
    let bound = store.binding(key).await.unwrap().unwrap();
    assert_eq!(bound.holder.verification, other.id);
}

fn reviewed(row: &mut Verification, deadline: Option<Timestamp>) {
    let attempt = &mut row.attempts[0];
    attempt.facts = attempt.facts.with(Fact::ReviewNeeded);
    attempt.handover = Some(Handover {
        kind: HandoverKind::Request,
        reference: sample::sealed("a reference"),
        revision: Revision(2),
        shown: Shown::default(),
        review: Some(Review {
            open_time: at(1),
            deadline,
            reminded: false,
            decided: None,
        }),
    });
}

/// A list by deadlines holds what waits for a decision in time, page by page, and nothing else.
pub async fn reviews_are_listed_by_their_deadline(place: impl StoreUnderTest) {
    let store = open(&place).await;
    made(&*store, 0).await;
    let mut waiting = Vec::new();
    for (second, deadline) in [
        (1, Some(30)),
        (2, None),
        (3, Some(10)),
        (4, Some(30)),
        (5, Some(20)),
    ] {
        let before = made(&*store, second).await;
        let change = step(&before, EventKind::ReviewNeeded, |row| {
            reviewed(row, deadline.map(at));
        });
        let row = row(&change);
        store.commit(change).await.unwrap();
        waiting.extend(deadline.map(|_| row));
    }
    waiting.sort_by_key(|row| (row.review_deadline(), row.id));
    let listed = async || {
        let mut query = ListQuery {
            order: ListOrder::ReviewDeadline,
            limit: 2,
            ..ListQuery::default()
        };
        let mut all = Vec::new();
        loop {
            let page = store.list(&query).await.unwrap();
            let Some(last) = page.last() else {
                return all;
            };
            query.after = Some(PageMark {
                time: last.verification.review_deadline().unwrap(),
                id: last.verification.id,
            });
            all.extend(page.into_iter().map(|listed| listed.verification));
        }
    };
    assert_eq!(listed().await, waiting);
    // What is decided waits no more.
    let decided = step(&waiting[0], EventKind::ReviewDecided, |row| {
        let handover = row.attempts[0].handover.as_mut().unwrap();
        handover.review.as_mut().unwrap().decided = Some((Decision::Approve, at(7)));
    });
    store.commit(decided).await.unwrap();
    assert_eq!(listed().await, waiting[1..]);
}
