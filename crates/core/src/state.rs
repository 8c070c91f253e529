//! The one place that decides what state an attempt or a verification is in.
//!
//! Ordering contract: an attempt is described by a *set* of facts, and its state is the greatest,
//! over a fixed precedence, of what the facts say. Learning a fact twice changes nothing, and the
//! order in which facts are learnt does not matter.

use std::fmt;

use crate::Reason;

/// What a verification or one of its attempts is in, the same for every provider.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Waits for the end user.
    Pending,
    /// The user accepted; the provider works.
    Processing,
    /// The caller must decide.
    InReview,
    /// Verified claims can be read.
    Verified,
    /// The user declined, the review said no, or what came does not fit what was asked.
    Rejected,
    /// It went wrong.
    Failed,
    /// The user did not act in time.
    Expired,
    /// A caller called it off.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Processing,
        Self::InReview,
        Self::Verified,
        Self::Rejected,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The fixed precedence: of what is known about an attempt, the greatest is its state.
    #[must_use]
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Processing => 1,
            Self::InReview => 2,
            Self::Expired => 3,
            Self::Rejected => 4,
            Self::Failed => 5,
            Self::Verified => 6,
            Self::Cancelled => 7,
        }
    }

    /// Whether an attempt in this state has ended. A late success may still follow `Expired`,
    /// `Failed` and `Rejected`.
    #[must_use]
    pub const fn is_end(self) -> bool {
        match self {
            Self::Pending | Self::Processing | Self::InReview => false,
            Self::Verified | Self::Rejected | Self::Failed | Self::Expired | Self::Cancelled => {
                true
            }
        }
    }

    /// The name in the store and in telemetry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::InReview => "IN_REVIEW",
            Self::Verified => "VERIFIED",
            Self::Rejected => "REJECTED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is known about an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fact {
    /// The user accepted, or the provider went further than that.
    Accepted,
    /// The provider has completed its own part; only data can be outstanding.
    Confirmed,
    /// The provider says that all is settled.
    Settled,
    /// The provider says that it could not settle.
    SettlementFailed,
    /// Claims and evidence are durable and wait for the caller's decision.
    ReviewNeeded,
    /// The review said yes: the provider says so, or the caller where no provider is told.
    Approved,
    /// Verified data came with every required item.
    DataComplete,
    /// Verified data came without a required item.
    DataIncomplete,
    /// Verified data came, and the provider says of a required item, or of all, that it does not hold.
    DataRefuted,
    /// The provider says of an item that is not required that it does not hold; others do.
    RefutedInPart,
    /// The data held an item that was not asked for.
    ExtraItems,
    /// The data held a picture that can't be used; its text was kept.
    UnusableImages,
    /// A picture is not the one whose digest came beside it.
    DigestMismatch,
    /// The provider has named the user whom the verification is about, or that is nobody in particular.
    Matched,
    /// Data came after the attempt was called off, and was not kept.
    DataDiscarded,
    /// The provider says that it could not deliver its data, and goes on trying.
    DeliveryFailed,
    /// The provider, or a deadline of ours, says that the attempt failed.
    Failed(Reason),
    /// The user or a reviewer said no.
    Rejected(Reason),
    /// Nobody acted in time.
    Expired(Reason),
    /// A caller called it off.
    Cancelled,
}

impl Fact {
    /// Whether the provider's own work on a request ends with it.
    #[must_use]
    pub const fn ends_request(self) -> bool {
        matches!(
            self,
            Self::Settled | Self::SettlementFailed | Self::Failed(_)
        )
    }
}

/// Everything that is known about an attempt. Grows, never shrinks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Facts {
    bits: u32,
    failed: Option<Reason>,
    rejected: Option<Reason>,
    expired: Option<Reason>,
}

const ACCEPTED: u32 = 1;
const CONFIRMED: u32 = 1 << 1;
const SETTLED: u32 = 1 << 2;
const SETTLEMENT_FAILED: u32 = 1 << 3;
const REVIEW_NEEDED: u32 = 1 << 4;
const DATA_COMPLETE: u32 = 1 << 5;
const DATA_INCOMPLETE: u32 = 1 << 6;
const CANCELLED: u32 = 1 << 7;
const EXTRA_ITEMS: u32 = 1 << 8;
const DATA_DISCARDED: u32 = 1 << 9;
const DELIVERY_FAILED: u32 = 1 << 10;
const UNUSABLE_IMAGES: u32 = 1 << 11;
const APPROVED: u32 = 1 << 12;
const DATA_REFUTED: u32 = 1 << 13;
const DIGEST_MISMATCH: u32 = 1 << 14;
const REFUTED_IN_PART: u32 = 1 << 15;
const MATCHED: u32 = 1 << 16;

impl Facts {
    /// What a store kept of them.
    #[must_use]
    pub const fn from_parts(
        bits: u32,
        failed: Option<Reason>,
        rejected: Option<Reason>,
        expired: Option<Reason>,
    ) -> Self {
        Self {
            bits,
            failed,
            rejected,
            expired,
        }
    }

    /// What a store keeps of them: the bits, and the reasons of failure, rejection and expiry.
    #[must_use]
    pub const fn to_parts(self) -> (u32, Option<Reason>, Option<Reason>, Option<Reason>) {
        (self.bits, self.failed, self.rejected, self.expired)
    }

    /// These facts and one more.
    #[must_use]
    pub fn with(mut self, fact: Fact) -> Self {
        match fact {
            Fact::Accepted => self.bits |= ACCEPTED,
            Fact::Confirmed => self.bits |= ACCEPTED | CONFIRMED,
            Fact::Settled => self.bits |= ACCEPTED | CONFIRMED | SETTLED,
            Fact::SettlementFailed => self.bits |= ACCEPTED | SETTLEMENT_FAILED,
            Fact::ReviewNeeded => self.bits |= ACCEPTED | CONFIRMED | REVIEW_NEEDED,
            Fact::Approved => self.bits |= ACCEPTED | CONFIRMED | APPROVED,
            Fact::DataComplete => self.bits |= DATA_COMPLETE,
            Fact::DataIncomplete => self.bits |= DATA_INCOMPLETE,
            Fact::DataRefuted => self.bits |= DATA_REFUTED,
            Fact::RefutedInPart => self.bits |= REFUTED_IN_PART,
            Fact::DigestMismatch => self.bits |= DIGEST_MISMATCH,
            Fact::Matched => self.bits |= MATCHED,
            Fact::ExtraItems => self.bits |= EXTRA_ITEMS,
            Fact::UnusableImages => self.bits |= UNUSABLE_IMAGES,
            Fact::DataDiscarded => self.bits |= DATA_DISCARDED,
            Fact::DeliveryFailed => self.bits |= DELIVERY_FAILED,
            Fact::Failed(reason) => self.failed = self.failed.max(Some(reason)),
            Fact::Rejected(reason) => self.rejected = self.rejected.max(Some(reason)),
            Fact::Expired(reason) => self.expired = self.expired.max(Some(reason)),
            Fact::Cancelled => self.bits |= CANCELLED,
        }
        self
    }

    const fn has(self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    /// Whether data has come, complete or not, to be reviewed or not.
    #[must_use]
    pub const fn has_data(self) -> bool {
        self.has(DATA_COMPLETE)
            || self.has(DATA_INCOMPLETE)
            || self.has(DATA_REFUTED)
            || self.has(REVIEW_NEEDED)
    }

    /// Whether the provider has delivered data, and was told that it arrived: kept or not.
    #[must_use]
    pub const fn is_delivered(self) -> bool {
        self.has_data() || self.has(DATA_DISCARDED)
    }

    /// Whether the provider has completed its own part.
    #[must_use]
    pub const fn is_confirmed(self) -> bool {
        self.has(CONFIRMED)
    }

    /// Whether the provider says that all is settled.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        self.has(SETTLED)
    }

    /// Whether the provider says that it could not settle.
    #[must_use]
    pub const fn settlement_failed(self) -> bool {
        self.has(SETTLEMENT_FAILED)
    }

    /// Whether the provider has nothing more to tell: it could not settle, or all is settled and the
    /// data came, kept or not.
    #[must_use]
    pub const fn is_told_out(self) -> bool {
        self.has(SETTLEMENT_FAILED) || (self.has(SETTLED) && self.is_delivered())
    }

    /// Whether data may still come and be kept: until there is some, or the attempt is cancelled.
    /// Expired and failed ones still wait.
    #[must_use]
    pub const fn waits_for_data(self) -> bool {
        !self.has_data() && !self.is_cancelled()
    }

    /// Whether the review said yes.
    #[must_use]
    pub const fn is_approved(self) -> bool {
        self.has(APPROVED)
    }

    /// Whether the provider's request is known to be the user's whom the verification is about: none of
    /// another's data is taken.
    #[must_use]
    pub const fn is_matched(self) -> bool {
        self.has(MATCHED) || self.has_data()
    }

    /// Whether a caller called the attempt off.
    #[must_use]
    pub const fn is_cancelled(self) -> bool {
        self.has(CANCELLED)
    }

    /// Whether the user accepted.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.has(ACCEPTED)
    }

    /// What a reader should know beside the state, in the registry's order.
    pub fn warnings(self) -> impl Iterator<Item = Reason> {
        let delivered = self.is_delivered();
        [
            (self.has(SETTLED) && !delivered, Reason::DataNotDelivered),
            (
                self.has(SETTLEMENT_FAILED) && self.has_data(),
                Reason::SettlementFailed,
            ),
            (
                self.has(DELIVERY_FAILED) && !delivered,
                Reason::DeliveryFailed,
            ),
            (self.has(EXTRA_ITEMS), Reason::ItemNotRequested),
            (self.has(DATA_DISCARDED), Reason::LateDataDiscarded),
            (self.has(REFUTED_IN_PART), Reason::OptionalClaimNotValid),
            (self.has(DIGEST_MISMATCH), Reason::ImageDigestMismatch),
            (self.has(UNUSABLE_IMAGES), Reason::ImageUnusable),
        ]
        .into_iter()
        .filter_map(|(stands, warning)| stands.then_some(warning))
    }

    /// The state of the attempt, and why, where a state has reasons.
    #[must_use]
    pub fn state(self) -> (State, Option<Reason>) {
        // One row a state, in order of precedence; the first that holds is the greatest.
        let failed = [
            self.failed,
            self.has(DATA_INCOMPLETE)
                .then_some(Reason::RequiredItemMissing),
            self.has(SETTLEMENT_FAILED).then_some(Reason::FinishFailed),
        ]
        .into_iter()
        .max()
        .flatten();
        let rejected = [
            self.rejected,
            self.has(DATA_REFUTED).then_some(Reason::ClaimNotValid),
        ]
        .into_iter()
        .max()
        .flatten();
        // A review's yes counts once there is something that it is about.
        let approved = self.has(REVIEW_NEEDED) && self.has(APPROVED);
        let verified = self.has(DATA_COMPLETE) || approved;
        let rows = [
            (
                State::Cancelled,
                self.has(CANCELLED)
                    .then_some(Some(Reason::CancelledByCaller)),
            ),
            (State::Verified, verified.then_some(None)),
            (State::Failed, failed.map(Some)),
            (State::Rejected, rejected.map(Some)),
            (State::Expired, self.expired.map(Some)),
            (State::InReview, self.has(REVIEW_NEEDED).then_some(None)),
            (State::Processing, self.has(ACCEPTED).then_some(None)),
        ];
        rows.into_iter()
            .find_map(|(state, reason)| reason.map(|reason| (state, reason)))
            .unwrap_or((State::Pending, None))
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Facts({:#b}, {:?})", self.bits, self.state())
    }
}

/// The state of a verification: verified once any attempt is, else what its newest attempt is.
#[must_use]
pub fn state_of_verification(
    attempts: impl DoubleEndedIterator<Item = Facts> + Clone,
) -> (State, Option<Reason>) {
    attempts
        .clone()
        .map(Facts::state)
        .find(|(state, _)| *state == State::Verified)
        .or_else(|| attempts.map(Facts::state).next_back())
        .unwrap_or((State::Pending, None))
}

#[cfg(test)]
mod tests;
