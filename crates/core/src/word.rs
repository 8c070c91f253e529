//! A provider's own words, as they stand in rows and events that anybody may read.
//!
//! Invariant: what is no plain word is nowhere shown, since free text could name somebody. Where it
//! matters that it has changed, a mark tells it apart from any other.

/// A provider's own word for how far it is. What is no plain word is [`OTHER_WORD`], and the text itself is
/// kept sealed, if at all.
pub type ProviderStatus = std::borrow::Cow<'static, str>;

/// What stands for a text that is no word.
pub const OTHER_WORD: &str = "OTHER";
/// The most characters of a word.
const MAX_WORD: usize = 64;

/// Whether text is a word: 1 to 64 letters, digits, hyphens and underscores of ASCII.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(plain)
}

/// A text as it may be shown: as it stands if it is a word, else [`OTHER_WORD`].
#[must_use]
pub fn word_or_other(text: &str) -> ProviderStatus {
    if is_word(text) {
        text.to_owned().into()
    } else {
        OTHER_WORD.into()
    }
}

/// Tells a text that is not shown apart from any other: part of a digest under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(pub u64);

/// The marks of a provider's two words, where they are not shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Marks {
    /// Of its status.
    pub status: Option<Mark>,
    /// Of its second word.
    pub progress: Option<Mark>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_shown_as_it_stands_and_nothing_else_is() {
        let longest = "a".repeat(MAX_WORD);
        for word in ["IN_PROGRESS", "step-2", "Complete", "-", "7", &longest] {
            assert_eq!(word_or_other(word), word);
        }
        let long = "a".repeat(MAX_WORD + 1);
        let texts = [
            "",
            "two words",
            "max@example.org",
            "verification\u{2010}success",
            "a\n",
            "a#b",
            "a,b",
            "M\u{fc}ller",
            &long,
        ];
        for text in texts {
            assert_eq!(word_or_other(text), OTHER_WORD, "{text}");
        }
    }
}
