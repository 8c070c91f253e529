//! The statuses of a KYC transfer, in the connector's words and order.
//!
//! Which status follows which, which are sent as callbacks, and which carry a transaction hash, is
//! said here and nowhere else.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A status, as the CorePass Connector documentation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The request was made and nobody has accepted it. Stands in the history only: no callback
    /// tells of it.
    Pending,
    /// The user has accepted.
    Accepted,
    /// The first transaction was sent to the chain.
    InitiateSubmitted,
    /// The first transaction stands.
    Initiated,
    /// The user's app has sent the data to the connector.
    KycReceived,
    /// The connector checks the data.
    ValidityCheck,
    /// The data is valid.
    ValiditySucceed,
    /// The second transaction, which pays the user, was sent to the chain.
    ConfirmSubmitted,
    /// The second transaction stands. The data callback follows.
    Confirmed,
    /// The data callback was answered 200.
    CallbackSucceed,
    /// The data callback was answered otherwise, or not at all. Can recur.
    CallbackFailed,
    /// All done.
    FinishSuccess,
    /// The first transaction failed.
    InitiatedFailed,
    /// The data is not valid.
    ValidityFailed,
    /// The second transaction failed.
    ConfirmFailed,
    /// The same, as the documentation spells it in another place.
    ConfirmedFailed,
    /// All over, and not well.
    FinishFailed,
}

/// The two transactions of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// Starts the transfer.
    Initiate,
    /// Confirms it and pays the user.
    Confirm,
}

/// Every status.
pub const ALL: [Status; 17] = [
    Status::Pending,
    Status::Accepted,
    Status::InitiateSubmitted,
    Status::Initiated,
    Status::KycReceived,
    Status::ValidityCheck,
    Status::ValiditySucceed,
    Status::ConfirmSubmitted,
    Status::Confirmed,
    Status::CallbackSucceed,
    Status::CallbackFailed,
    Status::FinishSuccess,
    Status::InitiatedFailed,
    Status::ValidityFailed,
    Status::ConfirmFailed,
    Status::ConfirmedFailed,
    Status::FinishFailed,
];

impl Status {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::InitiateSubmitted => "INITIATE_SUBMITTED",
            Self::Initiated => "INITIATED",
            Self::KycReceived => "KYC_RECEIVED",
            Self::ValidityCheck => "VALIDITY_CHECK",
            Self::ValiditySucceed => "VALIDITY_SUCCEED",
            Self::ConfirmSubmitted => "CONFIRM_SUBMITTED",
            Self::Confirmed => "CONFIRMED",
            Self::CallbackSucceed => "CALLBACK_SUCCEED",
            Self::CallbackFailed => "CALLBACK_FAILED",
            Self::FinishSuccess => "FINISH_SUCCESS",
            Self::InitiatedFailed => "INITIATED_FAILED",
            Self::ValidityFailed => "VALIDITY_FAILED",
            Self::ConfirmFailed => "CONFIRM_FAILED",
            Self::ConfirmedFailed => "CONFIRMED_FAILED",
            Self::FinishFailed => "FINISH_FAILED",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// What comes one step later by itself. After `CONFIRMED` it is the data callback's outcome
    /// that decides.
    pub(crate) const fn next(self) -> Option<Self> {
        match self {
            Self::Accepted => Some(Self::InitiateSubmitted),
            Self::InitiateSubmitted => Some(Self::Initiated),
            Self::Initiated => Some(Self::KycReceived),
            Self::KycReceived => Some(Self::ValidityCheck),
            Self::ValidityCheck => Some(Self::ValiditySucceed),
            Self::ValiditySucceed => Some(Self::ConfirmSubmitted),
            Self::ConfirmSubmitted => Some(Self::Confirmed),
            Self::Pending
            | Self::Confirmed
            | Self::CallbackSucceed
            | Self::CallbackFailed
            | Self::FinishSuccess
            | Self::InitiatedFailed
            | Self::ValidityFailed
            | Self::ConfirmFailed
            | Self::ConfirmedFailed
            | Self::FinishFailed => None,
        }
    }

    /// Whether nothing comes after it but what is still owed: the slot is free again.
    pub(crate) const fn is_end(self) -> bool {
        matches!(self, Self::FinishSuccess | Self::FinishFailed)
    }

    /// Which transaction's hash goes with the status. The documentation gives two lists; this is
    /// the longer one. It says which hash belongs to the first four only: the others come after the
    /// second transaction and carry that one's.
    pub(crate) const fn transaction(self) -> Option<Transaction> {
        match self {
            Self::InitiateSubmitted | Self::ValidityCheck | Self::ValiditySucceed => {
                Some(Transaction::Initiate)
            }
            Self::ConfirmSubmitted
            | Self::CallbackSucceed
            | Self::CallbackFailed
            | Self::FinishSuccess
            | Self::FinishFailed => Some(Transaction::Confirm),
            Self::Pending
            | Self::Accepted
            | Self::Initiated
            | Self::KycReceived
            | Self::Confirmed
            | Self::InitiatedFailed
            | Self::ValidityFailed
            | Self::ConfirmFailed
            | Self::ConfirmedFailed => None,
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::named(&word).ok_or_else(|| de::Error::custom("no such status"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_from_acceptance_leads_to_confirmed_in_documented_order() {
        let mut chain = vec![Status::Accepted];
        while let Some(next) = chain.last().copied().and_then(Status::next) {
            chain.push(next);
        }
        let words: Vec<_> = chain.into_iter().map(Status::as_str).collect();
        assert_eq!(
            words.join(" "),
            "ACCEPTED INITIATE_SUBMITTED INITIATED KYC_RECEIVED VALIDITY_CHECK VALIDITY_SUCCEED \
             CONFIRM_SUBMITTED CONFIRMED"
        );
    }

    #[test]
    fn every_status_is_found_by_its_word() {
        for status in ALL {
            assert_eq!(Status::named(status.as_str()), Some(status));
        }
        assert_eq!(Status::named("pending"), None);
    }
}
