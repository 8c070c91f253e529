use std::time::Duration;

use super::*;
use crate::decide::rows::{self, DAY, DEADLINES, MADE, claim, row_of};
use crate::decide::{
    Came, DataArrival, NewAttempt, close_retry, continued, data_received, exchange_ended,
    expire_action, retry, started,
};
use crate::{ClaimName, Fact, HandoverKind, JobWrite, Reason, Sealed, SlotId, State};

const HOUR: Duration = Duration::from_hours(1);

fn sealed() -> Sealed {
    Sealed::new(b"sealed".to_vec())
}

/// A verification whose user can act, and that can be tried once more.
fn begun(retention: Option<Duration>) -> Verification {
    let mut row = rows::begun();
    (row.retention, row.max_attempts) = (retention, 2);
    row.claims
        .push(claim(ClaimName::PhoneNumber, "phone", false));
    row
}

/// The browser has brought a code back.
fn handed_over(row: &Verification, number: AttemptNumber, now: Timestamp) -> Verification {
    let code = (HandoverKind::Code, sealed());
    row_of(&continued(row, number, code, now, &DEADLINES).unwrap())
}

/// One claim has come, one that does not hold, and one has not.
fn arrival() -> DataArrival<'static> {
    DataArrival {
        came: Came {
            fields: &["name", "email"],
            refuted: &["email"],
            ..Came::default()
        },
        extra: false,
        digest_mismatch: false,
        imported: false,
        provider_time: None,
        assurance: Assurance::Signed,
        late: false,
    }
}

fn verified(row: &Verification, number: AttemptNumber, now: Timestamp) -> Change {
    let change = data_received(row, number, &arrival(), now, &DEADLINES);
    assert_eq!(row_of(&change).state().0, State::Verified);
    change
}

/// When a change schedules a job of this kind.
fn schedules(change: &Change, kind: JobKind) -> Option<Timestamp> {
    change.jobs.iter().find_map(|job| match job {
        JobWrite::Schedule { key, due, .. } if key.kind == kind => Some(*due),
        _ => None,
    })
}

#[test]
fn what_came_is_forgotten_once_and_not_before_its_time() {
    let row = handed_over(&begun(Some(24 * HOUR)), 1, MADE);
    let end = MADE + HOUR / 2;
    let change = verified(&row, 1, end);
    let due = end + 24 * HOUR;
    assert_eq!(schedules(&change, JobKind::Forget), Some(due));
    let row = row_of(&change);
    assert_eq!(
        needed_timer(&row, 1, &DEADLINES),
        Some((JobKind::Forget, due))
    );
    let early = due - Duration::from_micros(1);
    assert_eq!(forget(&row, 1, early, &DEADLINES), None);

    let change = forget(&row, 1, due, &DEADLINES).unwrap();
    assert!(change.forget);
    let [event] = &change.events[..] else {
        panic!("{:?}", change.events);
    };
    assert_eq!(
        (event.kind, event.assurance, event.state_after, event.reason),
        (
            EventKind::ClaimsForgotten,
            Assurance::Local,
            State::Verified,
            None
        )
    );
    let [JobWrite::Drop(key)] = &change.jobs[..] else {
        panic!("{:?}", change.jobs);
    };
    assert_eq!(key.kind, JobKind::Forget);
    let after = row_of(&change);
    let statuses: Vec<_> = after.claims.iter().map(|claim| claim.status).collect();
    use ClaimStatus::{Forgotten, NotHeld};
    assert_eq!(statuses, [Forgotten, Forgotten, NotHeld]);
    assert_eq!(after.forget_time, Some(due));
    assert_eq!(after.attempts, row.attempts);
    assert_eq!(needed_timer(&after, 1, &DEADLINES), None);
    assert_eq!(forget(&after, 1, Timestamp::MAX, &DEADLINES), None);
}

#[test]
fn what_is_kept_for_good_is_never_forgotten() {
    let row = handed_over(&begun(None), 1, MADE);
    let change = verified(&row, 1, MADE);
    assert_eq!(schedules(&change, JobKind::Forget), None);
    assert_eq!(
        forget(&row_of(&change), 1, Timestamp::MAX, &DEADLINES),
        None
    );
}

#[test]
fn a_verification_that_is_open_or_can_be_tried_again_forgets_nothing() {
    let open = begun(Some(HOUR));
    assert_eq!(forget(&open, 1, Timestamp::MAX, &DEADLINES), None);
    let row = handed_over(&open, 1, MADE);
    let failed = (Fact::Failed(Reason::ExchangeRefused), Assurance::Pulled);
    let change = exchange_ended(&row, 1, failed, MADE, &DEADLINES).unwrap();
    let over = row.expire_time;
    assert_eq!(schedules(&change, JobKind::CloseRetry), Some(over));
    let row = row_of(&change);
    assert_eq!(forget(&row, 1, Timestamp::MAX, &DEADLINES), None);

    // Nobody tries: the time has passed already when that is told.
    let change = close_retry(&row, 1, over, &DEADLINES).unwrap();
    assert_eq!(schedules(&change, JobKind::Forget), Some(MADE + HOUR));
    let forgotten = forget(&row_of(&change), 1, over, &DEADLINES).unwrap();
    assert!(forgotten.forget && schedules(&forgotten, JobKind::CloseRetry).is_none());

    // Somebody does: it counts from the newest attempt's end, once all have ended.
    let again = MADE + 2 * HOUR;
    let attempt = NewAttempt {
        slot: SlotId::from_bytes([7; 16]),
        made_slot: true,
        requested_expiry: again + DAY,
    };
    let change = retry(&row, attempt, again, &DEADLINES).unwrap();
    assert_eq!(schedules(&change, JobKind::Forget), None);
    let end = again + DAY;
    let row = row_of(&started(&row_of(&change), 2, sealed(), end, again, &DEADLINES).unwrap());
    assert_eq!(forget(&row, 2, Timestamp::MAX, &DEADLINES), None);
    let change = expire_action(&row, 2, end, &DEADLINES).unwrap();
    assert_eq!(schedules(&change, JobKind::Forget), Some(end + HOUR));
    let row = row_of(&change);
    // One timer, and the newest attempt's.
    assert_eq!(forget(&row, 1, Timestamp::MAX, &DEADLINES), None);
    assert!(forget(&row, 2, end + HOUR, &DEADLINES).is_some());
}
