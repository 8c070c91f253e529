//! The picture of a QR code in the connector's answer. Where it sent none that can be used, whoever wants
//! one draws it from the link: the connector has taken the request by then, whatever its picture is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Decodes the picture in an answer; with or without the head of a data URL. None for what is no PNG
/// picture in base64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let bare = text
        .strip_prefix("data:image/png;base64,")
        .unwrap_or(text)
        .trim();
    let bytes = STANDARD.decode(bare).ok()?;
    bytes.starts_with(b"\x89PNG").then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_decoded_with_or_without_the_head_of_a_data_url() {
        for text in ["iVBORw==", "data:image/png;base64,iVBORw==", " iVBORw==\n"] {
            assert_eq!(decode(text).unwrap(), b"\x89PNG");
        }
        for text in [
            "",
            "iVBORw",
            "R0lGODlh",
            "data:image/gif;base64,iVBORw==",
            "?",
        ] {
            assert!(decode(text).is_none(), "{text}");
        }
    }
}
