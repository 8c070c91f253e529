//! What kind of file some bytes are, by how they begin. Nobody's word is taken for it. Pure.

/// How a file of a kind begins: bytes at a place.
const SIGNS: [(&str, usize, &[u8]); 11] = [
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/webp", 8, b"WEBP"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/tiff", 0, b"II\x2a\x00"),
    ("image/tiff", 0, b"MM\x00\x2a"),
    ("image/heic", 4, b"ftypheic"),
    ("image/avif", 4, b"ftypavif"),
    ("image/jp2", 0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    ("application/pdf", 0, b"%PDF-"),
];

/// The media type of a file; that of arbitrary bytes if it is not known.
pub(super) fn media_type(bytes: &[u8]) -> &'static str {
    SIGNS
        .iter()
        .find(|(_, at, sign)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(sign)))
        .map_or("application/octet-stream", |(name, ..)| name)
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
            (b"<svg onload=alert(1)>", "application/octet-stream"),
            (b"<html>", "application/octet-stream"),
            (b"\xff\xd8", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
    }
}
