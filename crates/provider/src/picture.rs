//! The picture in the text that a provider sends for one: base64, in whichever of its alphabets,
//! padded or not, broken into lines or not, alone or in a data URL. Pure.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use verilane_core::Pii;

use crate::Image;

/// Padding is read where it stands, and a picture is none the worse for spare bits at its end.
const LAX: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Takes the picture out of its text.
#[must_use]
pub fn read(text: &str) -> Image {
    decode(text).map_or(Image::Unreadable, |bytes| Image::File(Pii::new(bytes)))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let encoded = match text.trim_start().strip_prefix("data:") {
        None => text,
        Some(rest) => {
            let (head, encoded) = rest.split_once(',')?;
            let is_base64 = head.rsplit(';').next().map(str::trim) == Some("base64");
            is_base64.then_some(encoded)?
        }
    };
    let decoded = if encoded.bytes().any(|byte| byte.is_ascii_whitespace()) {
        // Only what was broken into lines is copied.
        let joined: Pii = Pii::new(encoded.split_ascii_whitespace().collect());
        decode_either(joined.expose())
    } else {
        decode_either(encoded)
    };
    decoded.filter(|bytes| !bytes.is_empty())
}

fn decode_either(encoded: &str) -> Option<Vec<u8>> {
    let alphabet = if encoded.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    GeneralPurpose::new(alphabet, LAX).decode(encoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_of_writing_base64_is_read() {
        // The bytes make both alphabets differ, and need padding.
        let bytes = [0xfb, 0xef, 0xff, 0x3e];
        for text in [
            "++//Pg==",
            "++//Pg",
            "--__Pg==",
            "--__Pg",
            "++//\r\nPg==\n",
            "data:image/jpeg;base64,++//Pg==",
            " data:;base64,++//Pg",
        ] {
            assert_eq!(decode(text).as_deref(), Some(&bytes[..]), "{text}");
        }
    }

    #[test]
    fn what_encodes_nothing_is_unreadable() {
        for text in [
            "",
            " ",
            "=",
            "a photograph!",
            "data:image/png,abcd",
            "data:",
            "++--Pg",
        ] {
            assert!(matches!(read(text), Image::Unreadable), "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_answered(text in any::<String>()) {
            let _ = read(&text);
        }
    }
}
