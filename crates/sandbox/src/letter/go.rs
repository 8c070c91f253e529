//! JSON strings as Go's encoder writes them.

use std::fmt::Write as _;

/// A JSON string as Go's encoder writes it: besides what JSON demands, `&`, `<`, `>`, U+2028 and
/// U+2029 are escaped.
pub fn go_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '&' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(
            go_string("a\"\\\n\u{1}&<>\u{2028}é"),
            r#""a\"\\\n\u0001\u0026\u003c\u003e\u2028é""#
        );
    }
}
