//! The sixteen statuses of a transfer, in their documented order, and what each says about an
//! attempt.
//!
//! Status words alone never make an attempt verified: only the signed data does. Words that are
//! not documented move nothing.

use verilane_core::{Fact, Reason};

/// A status, ordered as documented ("in order of their appearance").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// `PENDING`: the request waits for the user.
    Pending,
    /// `ACCEPTED`: the user accepted it.
    Accepted,
    /// `INITIATE_SUBMITTED`: on its way to the chain.
    InitiateSubmitted,
    /// `INITIATED`: begun on the chain.
    Initiated,
    /// `INITIATED_FAILED`: could not be begun.
    InitiatedFailed,
    /// `KYC_RECEIVED`: the connector has the raw data.
    KycReceived,
    /// `VALIDITY_CHECK`: the connector checks them.
    ValidityCheck,
    /// `VALIDITY_SUCCEED`: they are valid.
    ValiditySucceed,
    /// `VALIDITY_FAILED`: they are not.
    ValidityFailed,
    /// `CONFIRM_SUBMITTED`: the payment is on its way to the chain.
    ConfirmSubmitted,
    /// `CONFIRMED`: the payment is on the chain; the data will be sent.
    Confirmed,
    /// `CONFIRM_FAILED`, also spelt `CONFIRMED_FAILED`: the payment failed.
    ConfirmFailed,
    /// `CALLBACK_SUCCEED`: the data were delivered.
    CallbackSucceed,
    /// `CALLBACK_FAILED`: a delivery failed; the connector goes on trying.
    CallbackFailed,
    /// `FINISH_SUCCESS`: all is settled.
    FinishSuccess,
    /// `FINISH_FAILED`: it could not be settled.
    FinishFailed,
}

/// How the document also spells [`Status::ConfirmFailed`].
pub const SECOND_SPELLING: &str = "CONFIRMED_FAILED";

impl Status {
    /// Every status in order.
    pub const ALL: [Self; 16] = [
        Self::Pending,
        Self::Accepted,
        Self::InitiateSubmitted,
        Self::Initiated,
        Self::InitiatedFailed,
        Self::KycReceived,
        Self::ValidityCheck,
        Self::ValiditySucceed,
        Self::ValidityFailed,
        Self::ConfirmSubmitted,
        Self::Confirmed,
        Self::ConfirmFailed,
        Self::CallbackSucceed,
        Self::CallbackFailed,
        Self::FinishSuccess,
        Self::FinishFailed,
    ];

    /// The status that a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        if word == SECOND_SPELLING {
            return Some(Self::ConfirmFailed);
        }
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Its documented word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::InitiateSubmitted => "INITIATE_SUBMITTED",
            Self::Initiated => "INITIATED",
            Self::InitiatedFailed => "INITIATED_FAILED",
            Self::KycReceived => "KYC_RECEIVED",
            Self::ValidityCheck => "VALIDITY_CHECK",
            Self::ValiditySucceed => "VALIDITY_SUCCEED",
            Self::ValidityFailed => "VALIDITY_FAILED",
            Self::ConfirmSubmitted => "CONFIRM_SUBMITTED",
            Self::Confirmed => "CONFIRMED",
            Self::ConfirmFailed => "CONFIRM_FAILED",
            Self::CallbackSucceed => "CALLBACK_SUCCEED",
            Self::CallbackFailed => "CALLBACK_FAILED",
            Self::FinishSuccess => "FINISH_SUCCESS",
            Self::FinishFailed => "FINISH_FAILED",
        }
    }

    /// Its place in the documented order, from 1.
    #[must_use]
    pub fn rank(self) -> u16 {
        Self::ALL
            .into_iter()
            .zip(1..)
            .find_map(|(status, rank)| (status == self).then_some(rank))
            .unwrap_or(0)
    }

    /// What it says about the attempt; nothing for what moves no state.
    #[must_use]
    pub const fn fact(self) -> Option<Fact> {
        match self {
            Self::Pending | Self::CallbackSucceed => None,
            Self::CallbackFailed => Some(Fact::DeliveryFailed),
            Self::Accepted
            | Self::InitiateSubmitted
            | Self::Initiated
            | Self::KycReceived
            | Self::ValidityCheck
            | Self::ValiditySucceed
            | Self::ConfirmSubmitted => Some(Fact::Accepted),
            Self::Confirmed => Some(Fact::Confirmed),
            Self::FinishSuccess => Some(Fact::Settled),
            Self::FinishFailed => Some(Fact::SettlementFailed),
            Self::InitiatedFailed => Some(Fact::Failed(Reason::InitiationFailed)),
            Self::ValidityFailed => Some(Fact::Failed(Reason::ValidityFailed)),
            Self::ConfirmFailed => Some(Fact::Failed(Reason::ConfirmationFailed)),
        }
    }

    /// Whether it can come several times, so that its time belongs to what it is.
    #[must_use]
    pub const fn recurs(self) -> bool {
        matches!(self, Self::CallbackFailed)
    }
}

/// What a failure callback's `error` says: a status word of failure, or free text.
#[must_use]
pub fn failure(error: &str) -> Fact {
    match Status::from_word(error) {
        Some(Status::InitiatedFailed) => Fact::Failed(Reason::InitiationFailed),
        Some(Status::ValidityFailed) => Fact::Failed(Reason::ValidityFailed),
        Some(Status::ConfirmFailed) => Fact::Failed(Reason::ConfirmationFailed),
        Some(Status::FinishFailed) => Fact::SettlementFailed,
        _ => Fact::Failed(Reason::ProviderFailed),
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::{Facts, State};

    use super::*;

    fn state_after(status: Status) -> State {
        status
            .fact()
            .map_or(Facts::default(), |fact| Facts::default().with(fact))
            .state()
            .0
    }

    #[test]
    fn every_status_moves_an_attempt_as_the_table_says() {
        for status in Status::ALL {
            let expected = match status.word() {
                "PENDING" | "CALLBACK_SUCCEED" | "CALLBACK_FAILED" => State::Pending,
                "INITIATED_FAILED" | "VALIDITY_FAILED" | "CONFIRM_FAILED" | "FINISH_FAILED" => {
                    State::Failed
                }
                _ => State::Processing,
            };
            assert_eq!(state_after(status), expected, "{}", status.word());
        }
    }

    #[test]
    fn no_status_makes_an_attempt_verified() {
        let all = Status::ALL
            .into_iter()
            .filter_map(Status::fact)
            .fold(Facts::default(), Facts::with);
        assert_ne!(all.state().0, State::Verified);
        assert!(!all.has_data());
    }

    #[test]
    fn confirmed_and_finished_end_the_wait_for_processing() {
        let ends: Vec<_> = Status::ALL
            .into_iter()
            .filter(|status| {
                status
                    .fact()
                    .is_some_and(|fact| Facts::default().with(fact).is_confirmed())
            })
            .collect();
        assert_eq!(ends, [Status::Confirmed, Status::FinishSuccess]);
    }

    #[test]
    fn words_and_ranks_are_as_documented() {
        for (status, rank) in Status::ALL.into_iter().zip(1..) {
            assert_eq!(Status::from_word(status.word()), Some(status));
            assert_eq!(status.rank(), rank);
        }
        assert!(Status::ALL.is_sorted());
        assert_eq!(
            Status::from_word("CONFIRMED_FAILED"),
            Some(Status::ConfirmFailed)
        );
        for unknown in ["", "pending", "CANCELLED", " PENDING"] {
            assert_eq!(Status::from_word(unknown), None);
        }
    }

    #[test]
    fn a_failures_error_is_a_status_word_or_free_text() {
        let failed = Fact::Failed;
        let cases = [
            ("INITIATED_FAILED", failed(Reason::InitiationFailed)),
            ("VALIDITY_FAILED", failed(Reason::ValidityFailed)),
            ("CONFIRMED_FAILED", failed(Reason::ConfirmationFailed)),
            ("CONFIRM_FAILED", failed(Reason::ConfirmationFailed)),
            ("FINISH_FAILED", Fact::SettlementFailed),
            ("CONFIRMED", failed(Reason::ProviderFailed)),
            ("out of gas", failed(Reason::ProviderFailed)),
            ("", failed(Reason::ProviderFailed)),
        ];
        for (error, fact) in cases {
            assert_eq!(failure(error), fact, "{error}");
            assert_eq!(Facts::default().with(fact).state().0, State::Failed);
        }
    }
}
