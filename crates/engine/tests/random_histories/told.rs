//! What an event tells, in a form in which the model's and the log's are compared.

use verilane_core::{Assurance, Event, EventKind, Reason, State};

#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// The place of the verification in the order of making.
    pub verification: usize,
    pub attempt: u32,
    pub kind: EventKind,
    pub word: Option<String>,
    pub time: Option<i64>,
    pub tx: Option<String>,
    pub assurance: Assurance,
    pub before: Option<State>,
    pub after: State,
    pub applied: bool,
    pub late: bool,
    pub reason: Option<Reason>,
    pub warnings: Vec<Reason>,
    pub furthest: Option<String>,
    pub retryable: bool,
}

impl Told {
    /// What an event of the log tells. The hash of a transaction is sealed there: `tx` is what a
    /// reader is told.
    pub fn of(event: &Event, verification: usize, tx: Option<String>) -> Self {
        let body = &event.body;
        Self {
            verification,
            attempt: body.attempt,
            kind: body.kind,
            word: body.provider_status.as_ref().map(ToString::to_string),
            time: body.provider_time.map(|time| time.as_secs()),
            tx,
            assurance: body.assurance,
            before: body.state_before,
            after: body.state_after,
            applied: body.applied,
            late: body.late,
            reason: body.reason,
            warnings: body.warnings.clone(),
            furthest: body.furthest_status.as_ref().map(ToString::to_string),
            retryable: body.retryable,
        }
    }
}
