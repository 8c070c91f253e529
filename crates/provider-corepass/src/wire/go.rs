//! Strings as Go's `encoding/json` writes them.
//!
//! The connector is a Go program, and what it signs is what its encoder wrote. Where no JSON came
//! over the wire (multipart), or where a candidate says that the connector encoded a structure of
//! its own, the text is written here as that encoder would have.

/// Appends a JSON string literal with its quotes.
pub fn push_string(out: &mut String, text: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Go escapes these for the sake of HTML and of JavaScript.
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str("\\u");
                let code = u32::from(character);
                for shift in [12, 8, 4, 0] {
                    let digit = usize::try_from((code >> shift) & 0xf).unwrap_or(0);
                    out.push(HEX.get(digit).copied().unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A JSON string literal with its quotes.
#[must_use]
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    push_string(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_and_line_separators_are_escaped_as_go_does() {
        assert_eq!(
            string("a<b>&c \"q\" \\ / é \u{2028}\u{2029}"),
            r#""a\u003cb\u003e\u0026c \"q\" \\ / é \u2028\u2029""#
        );
    }

    #[test]
    fn control_characters_are_escaped_as_go_does() {
        assert_eq!(
            string("\u{0}\u{8}\u{c}\n\r\t\u{1f}\u{7f}"),
            "\"\\u0000\\b\\f\\n\\r\\t\\u001f\u{7f}\""
        );
    }

    proptest! {
        #[test]
        fn every_text_survives(text in any::<String>()) {
            let read: String = serde_json::from_str(&string(&text)).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
