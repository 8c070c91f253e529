//! What kind of file some bytes are, by how they begin. Nobody's word is taken for it. Pure.

use verilane_core::EvidenceKind;

/// How a file of a kind begins: bytes at a place.
const SIGNS: [(&str, usize, &[u8]); 16] = [
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/webp", 8, b"WEBP"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/tiff", 0, b"II\x2a\x00"),
    ("image/tiff", 0, b"MM\x00\x2a"),
    ("image/heic", 4, b"ftypheic"),
    ("image/heic", 4, b"ftypheix"),
    ("image/heif", 4, b"ftypmif1"),
    ("image/heif", 4, b"ftypmsf1"),
    ("image/avif", 4, b"ftypavif"),
    ("image/jp2", 0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    // JPEG 2000 without a box around it, as passports hold it.
    ("image/j2c", 0, b"\xff\x4f\xff\x51"),
    ("image/jxl", 0, b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
    ("application/pdf", 0, b"%PDF-"),
];

/// The media type of a file; that of arbitrary bytes if it is not known.
pub(super) fn media_type(bytes: &[u8]) -> &'static str {
    SIGNS
        .iter()
        .find(|(_, at, sign)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(sign)))
        .map_or("application/octet-stream", |(name, ..)| name)
}

/// Whether a file of this media type can be what evidence of a kind shows. A face is shown by an image; of
/// documents there are scans, too.
pub(super) fn can_show(kind: EvidenceKind, media_type: &str) -> bool {
    match kind {
        EvidenceKind::FaceImage => media_type.starts_with("image/"),
        EvidenceKind::DocumentImage => {
            media_type.starts_with("image/") || media_type == "application/pdf"
        }
        EvidenceKind::ProviderMessage
        | EvidenceKind::QuarantinedMessage
        | EvidenceKind::ClaimText => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins_and_by_nothing_else() {
        for (bytes, expected) in [
            (&b"\xff\xd8\xff\xe0 JFIF"[..], "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\x00\x00\x00WAVEfmt ", "application/octet-stream"),
            (b"%PDF-1.7", "application/pdf"),
            (b"\x00\x00\x00\x18ftypmif1", "image/heif"),
            (b"\xff\x4f\xff\x51\x00", "image/j2c"),
            (b"<svg onload=alert(1)>", "application/octet-stream"),
            (b"<html>", "application/octet-stream"),
            (b"\xff\xd8", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_face_is_an_image_and_a_document_an_image_or_a_scan() {
        let (face, document) = (EvidenceKind::FaceImage, EvidenceKind::DocumentImage);
        for (media_type, shows_face, shows_document) in [
            ("image/jpeg", true, true),
            ("application/pdf", false, true),
            ("application/octet-stream", false, false),
        ] {
            assert_eq!(can_show(face, media_type), shows_face, "{media_type}");
            assert_eq!(
                can_show(document, media_type),
                shows_document,
                "{media_type}"
            );
        }
    }
}
