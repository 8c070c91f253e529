//! What is asked of a store, and what it answers with.

use verilane_core::{
    AttemptNumber, BlindIndex, CallbackChannel, ConnectionName, LogId, LookupKind, ProviderName,
    Sequence, Slot, State, Tenancy, Timestamp, Verification, VerificationId,
};

/// A verification with what was seen of its provider's events.
#[derive(Clone, PartialEq, Debug)]
pub struct Loaded {
    /// The row.
    pub verification: Verification,
    /// Identities of provider events noted so far, with the attempt each belongs to.
    pub seen: Vec<(AttemptNumber, String)>,
}

impl Loaded {
    /// Whether this provider event was noted already.
    #[must_use]
    pub fn has_seen(&self, attempt: AttemptNumber, identity: &str) -> bool {
        self.seen
            .iter()
            .any(|(number, seen)| *number == attempt && seen == identity)
    }
}

/// Where a callback path leads.
#[derive(Clone, PartialEq, Debug)]
pub struct CallbackTarget {
    /// The slot.
    pub slot: Slot,
    /// Which of its two paths it was.
    pub channel: CallbackChannel,
    /// Every attempt that used the slot, newest first.
    pub tenancies: Vec<Tenancy>,
}

/// In which order verifications are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ListOrder {
    /// The newest first, by (creation time, id).
    #[default]
    Newest,
    /// Those that wait for a decision with a deadline, and no others: the soonest deadline first, by
    /// (deadline, id).
    ReviewDeadline,
}

/// Which verifications to list. Empty sets match everything.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListQuery {
    /// The connection is one of these.
    pub connections: Vec<ConnectionName>,
    /// The provider is one of these.
    pub providers: Vec<ProviderName>,
    /// The state is one of these.
    pub states: Vec<State>,
    /// Every one of these keyed digests belongs to the verification.
    pub lookups: Vec<(LookupKind, BlindIndex)>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// In which order.
    pub order: ListOrder,
    /// Continue after this row.
    pub after: Option<PageMark>,
    /// At most so many rows.
    pub limit: u32,
}

/// The last row of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageMark {
    /// The time that it is ordered by: its creation, or the deadline of its review.
    pub time: Timestamp,
    /// Its id.
    pub id: VerificationId,
}

/// A row of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// The verification.
    pub verification: Verification,
    /// The place of its newest event.
    pub last_sequence: Sequence,
}

/// Which log this is, and where it begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Drawn when the store was created or restored.
    pub log: LogId,
    /// The newest event; 0 before the first.
    pub last: Sequence,
    /// Everything up to this was purged; 0 if nothing was.
    pub purged_to: Sequence,
}
