//! Rows for the tests of decisions.

use std::time::Duration;

use super::{Deadlines, NewAttempt, NewVerification, create, started};
use crate::{
    Change, ClaimName, ClaimStatus, ConnectionName, EventKind, Principal, ProviderName,
    RequestedClaim, Sealed, SlotId, Timestamp, Verification, VerificationId, Wrapped,
};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const DEADLINES: Deadlines = Deadlines {
    processing: DAY,
    data: DAY,
    start_lease: Duration::from_secs(60),
    review: Some(Duration::from_secs(3 * 24 * 60 * 60)),
    review_reminder: Some(DAY),
    overdue: None,
};
pub(super) const MADE: Timestamp = Timestamp::from_secs(1_700_000_000);
const SLOT: SlotId = SlotId::from_bytes([7; 16]);

pub(super) fn claim(name: ClaimName, field: &str, required: bool) -> RequestedClaim {
    RequestedClaim {
        name,
        document: None,
        field: field.to_owned(),
        required,
        asked: true,
        status: ClaimStatus::Requested,
    }
}

pub(super) fn row_of(change: &Change) -> Verification {
    change.verification.as_ref().unwrap().row.clone()
}

/// A verification whose user can act.
pub(super) fn begun() -> Verification {
    let provider = ProviderName::new("test").unwrap();
    let sealed = || Sealed::new(b"sealed".to_vec());
    let change = create(
        NewVerification {
            id: VerificationId::from_bytes([1; 16]),
            principal: Principal::anonymous(),
            connection: ConnectionName::new("test").unwrap(),
            provider,
            expire_time: MADE + 30 * DAY,
            max_attempts: 1,
            retention: None,
            claims: vec![
                claim(ClaimName::Name, "name", true),
                claim(ClaimName::Email, "email", false),
            ],
            data_key: Wrapped::new(b"key".to_vec()),
            subject: sealed(),
            subject_ref: None,
            labels: None,
            purpose: sealed(),
            trace_parent: None,
            attempt: NewAttempt {
                slot: SLOT,
                made_slot: true,
                requested_expiry: MADE + DAY,
            },
        },
        MADE,
        &DEADLINES,
    );
    let row = row_of(&change);
    let change = started(&row, 1, sealed(), MADE + DAY, MADE, &DEADLINES).unwrap();
    row_of(&change)
}

pub(super) fn kinds(change: &Change) -> Vec<EventKind> {
    change.events.iter().map(|event| event.kind).collect()
}
