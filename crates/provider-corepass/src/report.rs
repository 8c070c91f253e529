//! What a status or a failure is to everybody else, and what makes two of them one and the same.
//!
//! Pure. A status that comes by callback, by a callback signed anew, and in a pull is one: its
//! identity is its word, and its time beside that only if it can recur. Words that are not documented
//! are `OTHER` to the outside, and are told apart by a digest.

use verilane_core::{Pii, Timestamp};
use verilane_provider::{FailureReport, StatusReport};

use crate::fields;
use crate::timeline::{self, Status};

/// What stands for a word that is not documented.
const OTHER: &str = "OTHER";

/// A status as spelt by the connector, which reached it at `time`.
#[must_use]
pub fn status(spelt: &str, time: Timestamp, tx_hash: Option<Pii>) -> StatusReport {
    let status = Status::from_word(spelt);
    StatusReport {
        status: word(spelt, status).into(),
        identity: identity(spelt, status),
        occurrence: status.filter(|status| status.recurs()).map(|_| time),
        rank: status.map_or(0, Status::rank),
        fact: status.and_then(Status::fact),
        tx_hash,
    }
}

/// A failure callback's `error`: a status word, or free text.
#[must_use]
pub fn failure(error: &str) -> FailureReport {
    let status = Status::from_word(error);
    FailureReport {
        status: word(error, status).into(),
        rank: status.map_or(0, Status::rank),
        identity: format!("FAILURE:{}", status.map_or(OTHER, Status::word)),
        fact: timeline::failure(error),
    }
}

/// The word as the connector spells it, if it is one that it documents.
fn word(spelt: &str, status: Option<Status>) -> &'static str {
    match status {
        None => OTHER,
        Some(status) if status.word() == spelt => status.word(),
        Some(_) => timeline::SECOND_SPELLING,
    }
}

fn identity(spelt: &str, status: Option<Status>) -> String {
    match status {
        None => {
            let hash = fields::hash_of(spelt);
            format!("{OTHER}:{}", hash.get(..16).unwrap_or_default())
        }
        Some(status) => status.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp::from_secs(1_677_255_348);

    #[test]
    fn a_status_is_itself_whenever_it_comes_and_only_a_recurring_one_has_its_time() {
        let later = Timestamp::from_secs(1_677_255_999);
        for known in Status::ALL {
            let (first, again) = (
                status(known.word(), TIME, None),
                status(known.word(), later, None),
            );
            assert_eq!(first.status, known.word());
            assert_eq!(first.rank, known.rank());
            assert_eq!(first.identity, again.identity);
            let times = [first, again].map(|report| report.occurrence);
            let expected = known.recurs().then_some([TIME, later]);
            assert_eq!(times, expected.map_or([None; 2], |times| times.map(Some)));
        }
        let failed = status("CALLBACK_FAILED", TIME, None);
        assert_eq!(failed.identity, "CALLBACK_FAILED");
        assert_eq!(failed.occurrence, Some(TIME));
    }

    #[test]
    fn both_spellings_are_one_status_and_keep_their_word() {
        let (first, second) = (
            status("CONFIRM_FAILED", TIME, None),
            status("CONFIRMED_FAILED", TIME, None),
        );
        assert_eq!(first.identity, second.identity);
        assert_eq!(first.fact, second.fact);
        assert_eq!(second.status, "CONFIRMED_FAILED");
    }

    #[test]
    fn unknown_words_are_other_to_everybody_and_told_apart() {
        let (one, two) = (
            status("ON_HOLD for ann", TIME, None),
            status("ON_HOLD", TIME, None),
        );
        for report in [&one, &two] {
            assert_eq!((report.status.as_ref(), report.rank), (OTHER, 0));
            assert_eq!(report.fact, None);
        }
        assert_ne!(one.identity, two.identity);
        assert!(!one.identity.contains("ann"));
    }
}
