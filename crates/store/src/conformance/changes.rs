//! Promises about a change by itself: whole or not at all, once, and with a reason where it does
//! not hold.

use futures_util::future::join_all;
use verilane_core::{
    AuditAction, Change, EvidenceId, Fact, JobKind, JobWrite, LookupKind, Reason, Revision,
    SeenWrite, Sequence, SlotHolder, SlotWrite, VerificationId,
};

use super::sample::{
    self, at, audit, claim, create, evidence, job, request, row, seen, slot_of, status, step,
};
use super::{StoreUnderTest, open};
use crate::{CommitError, Conflict, ListQuery, Store};

/// Everything about a store that a change could leave a trace in.
#[derive(PartialEq, Debug)]
struct Traces(Vec<String>);

async fn traces(store: &dyn Store, changes: &[&Change]) -> Traces {
    let query = ListQuery {
        limit: 100,
        ..ListQuery::default()
    };
    let mut traces = vec![
        format!("{:?}", store.head().await.unwrap()),
        format!("{:?}", store.events(Sequence(0), 100).await.unwrap()),
        format!("{:?}", store.list(&query).await.unwrap()),
        format!("{:?}", store.due_jobs(at(1 << 30), 100).await.unwrap()),
        format!("{:?}", store.next_due().await.unwrap()),
        format!("{:?}", store.audit(1, 100).await.unwrap()),
    ];
    for change in changes {
        if let Some(write) = &change.verification {
            let id = write.row.id;
            traces.extend([
                format!("{:?}", store.load(id).await.unwrap()),
                format!("{:?}", store.claims(id).await.unwrap()),
                format!("{:?}", store.evidence(id).await.unwrap()),
            ]);
        }
        let subjects = change.subjects.iter().flatten();
        let subjects = subjects.map(|digest| (LookupKind::Subject, *digest));
        for lookup in change.indexes.iter().copied().chain(subjects) {
            let query = ListQuery {
                lookups: vec![lookup],
                limit: 100,
                ..ListQuery::default()
            };
            traces.push(format!("{:?}", store.list(&query).await.unwrap()));
        }
        if let Some(slot) = &change.slot {
            let (SlotWrite::Make(slot) | SlotWrite::Take { slot, .. }) = slot;
            traces.push(format!("{:?}", store.slot(slot.key).await.unwrap()));
        }
        if let Some(record) = &change.idempotency {
            traces.push(format!(
                "{:?}",
                store.idempotency(record.key).await.unwrap()
            ));
        }
    }
    Traces(traces)
}

/// A change that touches everything, creating a verification.
fn everything(seconds: u64, salt: u8) -> Change {
    let mut change = create(at(seconds));
    let new = row(&change);
    change.seen = vec![SeenWrite::First(seen(&new, "PENDING"))];
    change.claims = vec![claim(&new, "P_DATE_OF_BIRTH", "1990-01-01")];
    change.idempotency = Some(request(&new, salt, at(seconds + 86_400)));
    change
        .audit
        .push(audit(&new, AuditAction::ClaimsRead, &["name"]));
    change
}

fn conflict(of: Conflict) -> Result<verilane_core::Committed, CommitError> {
    Err(CommitError::Conflict(of))
}

/// A change that does not hold is as if it had never been: no row, no index, no job, no link of the
/// audit chain, no sequence, no outcome.
pub async fn a_change_that_conflicts_leaves_no_trace(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let standing = everything(0, 1);
    store.commit(standing.clone()).await.unwrap();
    let held = row(&standing);

    let mut wrong_revision = everything(10, 2);
    wrong_revision.verification.as_mut().unwrap().expected = Some(Revision(0));
    let mut exists = everything(10, 2);
    exists.verification.as_mut().unwrap().row.id = held.id;
    exists.events[0].verification = held.id;
    let mut same_slot = everything(10, 2);
    same_slot.slot = standing.slot.clone();
    let same_request = everything(10, 1);
    let mut same_event = everything(10, 2);
    // The first of these could be noted, were it not for the second.
    same_event.seen = ["NEW", "PENDING"]
        .map(|word| SeenWrite::First(seen(&held, word)))
        .to_vec();
    let mut no_job = everything(10, 2);
    no_job.jobs.push(JobWrite::Lease {
        key: job(&held, JobKind::ExpireAction),
        until: at(20),
    });

    let cases = [
        (wrong_revision, Conflict::Revision),
        (exists, Conflict::Revision),
        (same_slot, Conflict::Slot),
        (same_request, Conflict::RequestId),
        (same_event, Conflict::Seen),
        (no_job, Conflict::Job),
    ];
    for (change, expected) in cases {
        let before = traces(&*store, &[&standing, &change]).await;
        let id = change.id;
        // Between two that hold and do nothing else, so that they are committed.
        let three = [Change::new(at(10)), change.clone(), Change::new(at(10))];
        let outcomes = join_all(three.map(|change| store.commit(change))).await;
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
        assert_eq!(outcomes[1], conflict(expected));
        assert_eq!(store.outcome(id).await.unwrap(), None, "{expected:?}");
        let after = traces(&*store, &[&standing, &change]).await;
        assert_eq!(before, after, "{expected:?}");
    }
}

/// Each precondition that fails alone is reported as what it is, and once it is met the change
/// holds.
pub async fn each_precondition_has_its_own_conflict(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let first = everything(0, 1);
    store.commit(first.clone()).await.unwrap();
    let held = row(&first);

    let mut stale = status(&held, "ACCEPTED");
    stale.verification.as_mut().unwrap().expected = Some(Revision(7));
    stale.verification.as_mut().unwrap().row.revision = Revision(8);
    stale.events[0].revision = Revision(8);
    assert_eq!(store.commit(stale).await, conflict(Conflict::Revision));
    let unknown = status(&row(&create(at(1))), "ACCEPTED");
    assert_eq!(store.commit(unknown).await, conflict(Conflict::Revision));

    let taken = slot_of(&first);
    let stranger = SlotHolder {
        verification: VerificationId::generate(),
        attempt: 1,
    };
    let take = |expected| {
        let mut change = create(at(2));
        let mut slot = taken.clone();
        slot.holder.verification = row(&change).id;
        change.slot = Some(SlotWrite::Take { expected, slot });
        change
    };
    assert_eq!(store.commit(take(stranger)).await, conflict(Conflict::Slot));
    let mut nowhere = create(at(2));
    nowhere.slot = Some(SlotWrite::Take {
        expected: stranger,
        slot: slot_of(&nowhere),
    });
    assert_eq!(store.commit(nowhere).await, conflict(Conflict::Slot));
    store.commit(take(taken.holder)).await.unwrap();

    for same in 0..3 {
        let mut change = create(at(3));
        let mut slot = slot_of(&change);
        match same {
            0 => slot.key = taken.key,
            1 => slot.status_path = taken.status_path,
            _ => slot.data_path = taken.data_path,
        }
        change.slot = Some(SlotWrite::Make(slot));
        assert_eq!(store.commit(change).await, conflict(Conflict::Slot));
    }

    let mut again = status(&held, "ACCEPTED");
    again.seen = vec![SeenWrite::First(seen(&held, "PENDING"))];
    assert_eq!(store.commit(again).await, conflict(Conflict::Seen));
    let mut lease = Change::new(at(4));
    lease.jobs = vec![JobWrite::Lease {
        key: job(&held, JobKind::DataDeadline),
        until: at(9),
    }];
    assert_eq!(store.commit(lease).await, conflict(Conflict::Job));
    store.commit(status(&held, "ACCEPTED")).await.unwrap();
}

/// A change that contradicts itself is refused for good, and whatever waits beside it is not
/// harmed.
pub async fn a_change_that_makes_no_sense_is_refused_and_its_neighbours_hold(
    place: impl StoreUnderTest,
) {
    let store = open(&place).await;
    let nobody = row(&create(at(0)));
    let mut orphan_events = create(at(0));
    orphan_events.verification = None;
    let mut no_event = create(at(0));
    no_event.events.clear();
    let mut skipped = create(at(0));
    skipped.events[0].revision = Revision(2);
    let mut others_event = create(at(0));
    others_event.events[0].verification = nobody.id;
    let mut others_claim = create(at(0));
    others_claim.claims = vec![claim(&nobody, "SH_EMAIL", "a@example.org")];
    let mut twice = create(at(0));
    let key = seen(&row(&twice), "PENDING");
    twice.seen = vec![SeenWrite::First(key.clone()), SeenWrite::First(key)];
    let mut no_chunks = create(at(0));
    no_chunks.evidence = vec![evidence(&row(&no_chunks), EvidenceId::generate(), 1)];

    let wrong = [
        orphan_events,
        no_event,
        skipped,
        others_event,
        others_claim,
        twice,
        no_chunks,
    ];
    let wrong_count = wrong.len();
    let changes: Vec<_> = wrong
        .into_iter()
        .flat_map(|wrong| [create(at(0)), wrong, create(at(0))])
        .collect();
    let outcomes = join_all(changes.into_iter().map(|change| store.commit(change))).await;
    for (place, outcome) in outcomes.iter().enumerate() {
        match place % 3 {
            1 => assert!(
                matches!(outcome, Err(CommitError::Invalid(_))),
                "{place}: {outcome:?}"
            ),
            _ => assert!(outcome.is_ok(), "{place}: {outcome:?}"),
        }
    }
    let last = store.head().await.unwrap().last;
    assert_eq!(last, Sequence(2 * wrong_count as u64));
    let events = store.events(Sequence(0), 100).await.unwrap();
    assert_eq!(events.len(), 2 * wrong_count);
}

/// A change whose id is known is not applied again; its first outcome comes back, whether the two
/// come one after the other or side by side.
pub async fn a_change_given_twice_is_applied_once(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let mut change = create(at(0));
    let mut next = step(
        &row(&change),
        verilane_core::EventKind::ActionAvailable,
        |_| {},
    );
    change.events.append(&mut next.events);
    change.verification.as_mut().unwrap().row.revision = Revision(2);
    let twins = join_all([change.clone(), change.clone()].map(|c| store.commit(c))).await;
    let first = twins[0].clone().unwrap();
    assert_eq!(first.sequences, [Sequence(1), Sequence(2)]);
    assert_eq!(twins[1], Ok(first.clone()));

    store.commit(create(at(1))).await.unwrap();
    assert_eq!(store.commit(change.clone()).await, Ok(first.clone()));
    assert_eq!(store.outcome(change.id).await, Ok(Some(first)));
    assert_eq!(store.head().await.unwrap().last, Sequence(3));
    assert_eq!(store.audit(1, 10).await.unwrap().len(), 2);
}

type Edit = Box<dyn Fn(&mut verilane_core::Verification) + Send>;

/// What a change writes is what is read, member by member, however much or little of it differs
/// from what stood.
pub async fn a_row_is_replaced_whole(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let change = create(at(0));
    let mut now = row(&change);
    store.commit(change).await.unwrap();
    let edits: Vec<Edit> = vec![
        Box::new(|row| {
            row.subject = sample::sealed("another");
            row.subject_ref = None;
        }),
        Box::new(|row| row.labels = Some(sample::sealed("labels"))),
        Box::new(|row| row.data_key = verilane_core::Wrapped::new(b"wrapped anew".to_vec())),
        Box::new(|row| row.purpose = sample::sealed("another purpose")),
        Box::new(|row| {
            row.expire_time = at(99);
            row.max_attempts = 3;
            row.trace_parent = None;
            row.connection = sample::connection("other");
        }),
        Box::new(|row| row.retention = Some(std::time::Duration::from_hours(24))),
        Box::new(|row| row.forget_time = Some(at(98))),
        Box::new(|row| row.retention = None),
        Box::new(|row| row.claims[1].status = verilane_core::ClaimStatus::Granted),
        Box::new(|row| {
            row.claims.remove(0);
        }),
        Box::new(|row| {
            let attempt = &mut row.attempts[0];
            attempt.phase = verilane_core::StartPhase::Started;
            attempt.expire_time = Some(at(600));
            attempt.action = Some(verilane_core::SealedAction {
                revision: Revision(9),
                sealed: sample::sealed("an action"),
            });
        }),
        Box::new(|row| {
            let attempt = &mut row.attempts[0];
            attempt.facts = attempt.facts.with(Fact::Accepted).with(Fact::Settled);
            attempt.accept_time = Some(at(5));
            attempt.confirm_time = Some(at(6));
            attempt.action = None;
        }),
        Box::new(|row| {
            let attempt = &mut row.attempts[0];
            attempt.facts = attempt
                .facts
                .with(Fact::Failed(Reason::ProviderFailed))
                .with(Fact::Rejected(Reason::StartRefused))
                .with(Fact::Expired(Reason::ActionExpired));
            attempt.end_time = Some(at(7));
        }),
        Box::new(|row| {
            row.attempts[0].handover = Some(verilane_core::Handover {
                kind: verilane_core::HandoverKind::Code,
                reference: sample::sealed("a reference"),
                revision: Revision(9),
                shown: verilane_core::Shown::default(),
                review: None,
            });
        }),
        Box::new(|row| {
            let handover = row.attempts[0].handover.as_mut().unwrap();
            handover.shown = verilane_core::Shown {
                status: Some("a-word".into()),
                progress: Some(verilane_core::OTHER_WORD.into()),
                marks: verilane_core::Marks {
                    status: None,
                    progress: Some(verilane_core::Mark(7)),
                },
                offers: vec!["one".to_owned(), "two".to_owned()],
            };
            handover.review = Some(verilane_core::Review {
                open_time: at(5),
                deadline: Some(at(50)),
                reminded: true,
                decided: None,
            });
        }),
        Box::new(|row| {
            let handover = row.attempts[0].handover.as_mut().unwrap();
            let review = handover.review.as_mut().unwrap();
            review.decided = Some((verilane_core::Decision::Reject, at(6)));
            review.deadline = None;
        }),
        Box::new(|row| row.attempts[0].handover = None),
        Box::new(|row| row.attempts[0].requested_expiry = at(601)),
        Box::new(|row| row.attempts[0].start_time = at(1)),
        Box::new(|row| row.attempts[0].made_slot = false),
        Box::new(|row| row.attempts[0].connection = sample::connection("other")),
        Box::new(|row| {
            let slot = row.attempts[0].slot;
            row.attempts.push(sample::attempt(2, slot, at(8)));
        }),
        Box::new(|row| row.attempts[1].slot = verilane_core::SlotId::generate()),
        Box::new(|row| {
            row.attempts.pop();
        }),
    ];
    let kind = verilane_core::EventKind::ProviderStatus;
    for (number, edit) in edits.into_iter().enumerate() {
        // There, back and there again: each builds on the one before, in one transaction or three.
        let there = step(&now, kind, &edit);
        let back = step(&row(&there), kind, |row| {
            let (revision, update_time) = (row.revision, row.update_time);
            *row = verilane_core::Verification {
                revision,
                update_time,
                ..now.clone()
            };
        });
        let again = step(&row(&back), kind, &edit);
        now = row(&again);
        for outcome in join_all([there, back, again].map(|c| store.commit(c))).await {
            outcome.unwrap();
        }
        let loaded = store.load(now.id).await.unwrap().unwrap();
        assert_eq!(loaded.verification, now, "edit {number}");
        let states = ListQuery {
            states: vec![now.state().0],
            limit: 10,
            ..ListQuery::default()
        };
        let listed = store.list(&states).await.unwrap();
        assert_eq!(listed.len(), 1, "edit {number}");
        assert_eq!(listed[0].verification, now, "edit {number}");
        assert_eq!(listed[0].last_sequence, Sequence(3 * number as u64 + 4));
    }
}
