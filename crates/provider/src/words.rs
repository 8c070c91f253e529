//! A provider's own words for a refusal: kept for whoever may open them, but for what can lead to a
//! person or a place.

use verilane_core::Pii;

/// Most characters kept of a refusal in words that are not documented.
const MAX_TEXT: usize = 200;
/// From how many characters on a word without a space counts as an identifier.
const LONG_WORD: usize = 24;

/// A provider's own words, short and without what can be taken for an identifier, an address or
/// a URL.
#[must_use]
pub fn scrubbed(text: &str) -> Option<Pii<String>> {
    let mut out = String::new();
    let plain = text.replace(char::is_control, " ");
    for word in plain.split_whitespace() {
        let hex_digits = word.chars().filter(char::is_ascii_hexdigit).count();
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_telling = word.chars().count() >= LONG_WORD
            || hex_digits >= 16
            || digits >= 5
            || word.contains('@')
            || word.contains("://");
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if is_telling { "[…]" } else { word });
        if out.len() >= MAX_TEXT {
            break;
        }
    }
    let short: String = out.chars().take(MAX_TEXT).collect();
    (!short.is_empty()).then(|| Pii::new(short))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_words_are_shortened_and_scrubbed() {
        let text = "no wallet for ab22b1671b4f7ccc0b16a87514adde84513b6348232e\u{0}(mail ann@example.org, tel +4917012345, see http://10.0.0.1/x)";
        assert_eq!(
            scrubbed(text).unwrap().expose(),
            "no wallet for […] (mail […] tel […] see […]"
        );
        let long = "word ".repeat(1000);
        assert!(scrubbed(&long).unwrap().expose().len() <= MAX_TEXT);
        assert!(scrubbed(" \n ").is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_shortened(text in any::<String>()) {
            let length = scrubbed(&text).map_or(0, |kept| kept.expose().chars().count());
            prop_assert!(length <= MAX_TEXT);
        }
    }
}
