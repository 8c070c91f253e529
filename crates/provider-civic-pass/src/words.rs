//! Civic's words for how far a request is, and what each means for an attempt.
//!
//! The published list has seven; `complete` is the older document's word for one of them. What is not
//! on the list says nothing about the attempt, and is passed on if it is a plain word.

use verilane_core::{Fact, ProviderStatus, Reason};

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

/// The most characters of a word that no list has.
const MAX_WORD: usize = 40;
/// What stands for a word that is none.
const OTHER: &str = "OTHER";

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

/// A word as it is passed on: lower-case words joined by hyphens, or `OTHER`.
#[must_use]
pub fn passed_on(word: &str) -> ProviderStatus {
    let is_plain = word.len() <= MAX_WORD
        && word
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()));
    if is_plain {
        word.to_owned().into()
    } else {
        OTHER.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_word_is_passed_on_and_they_rank_in_their_order() {
        for (word, meaning) in &WORDS {
            assert_eq!(passed_on(word), *word);
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
    fn a_word_that_no_list_has_means_nothing_and_is_passed_on_if_it_is_one() {
        let plain = ["escalated", "manual-review", "a-b-c", &"a".repeat(40)];
        for word in plain {
            assert_eq!(meaning(word), means(0, None));
            assert_eq!(passed_on(word), word);
        }
        let none = [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "Complete",
            "two words",
            "max@example.org",
            "step-2",
            "verification\u{2010}success",
            &"a".repeat(41),
        ];
        for word in none {
            assert_eq!(passed_on(word), OTHER, "{word}");
        }
    }
}
