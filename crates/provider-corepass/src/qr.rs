//! The picture of a QR code in the connector's answer. Where it sent none, whoever wants one draws it
//! from the link.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use verilane_provider::ProviderError;

/// Decodes the picture in an answer; with or without the head of a data URL.
///
/// # Errors
/// [`ProviderError::InvalidAnswer`] for what is no base64, or empty.
pub fn decode(text: &str) -> Result<Vec<u8>, ProviderError> {
    let bare = text
        .strip_prefix("data:image/png;base64,")
        .unwrap_or(text)
        .trim();
    let bytes = STANDARD.decode(bare).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or(ProviderError::InvalidAnswer(
        "its QR code is not a picture in base64",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_decoded_with_or_without_the_head_of_a_data_url() {
        for text in ["iVBORw==", "data:image/png;base64,iVBORw==", " iVBORw==\n"] {
            assert_eq!(decode(text).unwrap(), b"\x89PNG");
        }
        for text in ["", "iVBORw", "data:image/gif;base64,iVBORw==", "?"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
