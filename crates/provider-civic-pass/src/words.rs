//! Civic's words for how far a request is, and what each means for an attempt.
//!
//! The published list has seven; `complete` is the older document's word for one of them. What is not
//! on the list says nothing about the attempt.

use verilane_core::{Fact, Reason};

/// What is known of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its place in Civic's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt.
    pub fact: Option<Fact>,
    /// Whether the user's information can be read.
    pub is_readable: bool,
}

/// Every word that Civic documents.
pub const WORDS: [(&str, Meaning); 8] = [
    ("awaiting-user", means(1, None)),
    ("user-acknowledged", means(2, Some(Fact::Accepted))),
    (
        "verification-success",
        readable(means(3, Some(Fact::Confirmed))),
    ),
    ("complete", readable(means(3, Some(Fact::Confirmed)))),
    (
        "verification-failed",
        means(4, Some(Fact::Failed(Reason::IdentityNotConfirmed))),
    ),
    (
        "user-cancelled",
        means(4, Some(Fact::Rejected(Reason::UserDeclined))),
    ),
    ("partner-pass", readable(means(5, Some(Fact::Approved)))),
    (
        "partner-fail",
        readable(means(5, Some(Fact::Rejected(Reason::ReviewRejected)))),
    ),
];

const fn means(rank: u16, fact: Option<Fact>) -> Meaning {
    Meaning {
        rank,
        fact,
        is_readable: false,
    }
}

const fn readable(meaning: Meaning) -> Meaning {
    Meaning {
        is_readable: true,
        ..meaning
    }
}

/// What a word means.
#[must_use]
pub fn meaning(word: &str) -> Meaning {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.map_or(means(0, None), |(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_word_is_passed_on_and_they_rank_in_their_order() {
        for (word, meaning) in &WORDS {
            assert!(verilane_core::is_word(word));
            assert!((1..=5).contains(&meaning.rank));
        }
        let ranks: Vec<_> = WORDS.iter().map(|(_, meaning)| meaning.rank).collect();
        assert_eq!(ranks, [1, 2, 3, 3, 4, 4, 5, 5]);
    }

    #[test]
    fn information_can_be_read_from_success_on() {
        let readable = WORDS.iter().filter(|(_, meaning)| meaning.is_readable);
        let readable: Vec<_> = readable.map(|(word, _)| *word).collect();
        assert_eq!(
            readable,
            [
                "verification-success",
                "complete",
                "partner-pass",
                "partner-fail"
            ]
        );
    }

    #[test]
    fn a_word_that_no_list_has_means_nothing() {
        for word in ["escalated", "Complete", "verification_success", ""] {
            assert_eq!(meaning(word), means(0, None));
        }
    }
}
