//! The picture of a document: a small JPEG or PNG, of any size at least.

use super::scenario::{Image, ImageKind, MOST_BYTES};
use crate::images;
use crate::seed::Seed;

/// Pixels a side of a PNG.
const SIDE: usize = 24;
/// Bytes that are drawn for the filling, which repeats them.
const DRAWN: usize = 1_024;
/// The most that a JPEG's comment holds.
const COMMENT: usize = 65_533;

/// The picture that a seed draws for `label`.
pub fn picture(image: Image, seed: Seed, label: &str) -> Vec<u8> {
    let mut draw = seed.draw(label);
    let least = usize::try_from(image.bytes.min(MOST_BYTES)).unwrap_or(0);
    let filling = |length: usize| -> Vec<u8> {
        let drawn = seed.draw(&format!("{label}/filling")).take(DRAWN);
        drawn.into_iter().cycle().take(length).collect()
    };
    match image.kind {
        ImageKind::Jpeg => {
            let shade = draw.take(1).first().copied().unwrap_or(0);
            jpeg(shade, &filling(least.max(16)))
        }
        ImageKind::Png => {
            let mut png = images::noise(&draw.take(SIDE * SIDE), SIDE).unwrap_or_default();
            // What is behind a PNG's end is no part of the picture.
            png.extend(filling(least.saturating_sub(png.len())));
            png
        }
        // No kind of picture starts with such a byte.
        ImageKind::Noise => [vec![0xf5], filling(least.max(DRAWN))].concat(),
    }
}

/// A baseline JPEG of 8 times 8 pixels in one shade of grey, with comments.
fn jpeg(shade: u8, comment: &[u8]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |marker: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
        file.extend([0xff, marker]);
        file.extend(length.to_be_bytes());
        file.extend(content);
    };
    segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    for piece in comment.chunks(COMMENT) {
        segment(0xfe, piece);
    }
    // Every coefficient counts for eight.
    segment(0xdb, &[[0].as_slice(), &[8; 64]].concat());
    // 8 bits, 8 by 8, one component.
    segment(0xc0, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    // One code each: a difference of seven bits, and the end of the block.
    for (table, symbol) in [(0x00, 7), (0x10, 0)] {
        let mut codes = [0; 18];
        let [first, one, .., last] = &mut codes;
        (*first, *one, *last) = (table, 1, symbol);
        segment(0xc4, &codes);
    }
    segment(0xda, &[1, 1, 0, 0, 63, 0]);
    // The code 0, seven bits of shade, the code 0, and ones to the end of the byte.
    file.extend([shade & 0x7f, 0x7f, 0xff, 0xd9]);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_is_a_chain_of_segments_and_as_large_as_is_asked() {
        for bytes in [0, 200_000] {
            let image = Image {
                bytes,
                ..Image::default()
            };
            let file = picture(image, Seed(1), "a");
            assert!(u64::try_from(file.len()).unwrap() >= bytes);
            assert_eq!(&file[..4], [0xff, 0xd8, 0xff, 0xe0]);
            let mut at = 2;
            let mut markers = Vec::new();
            while file[at + 1] != 0xda {
                assert_eq!(file[at], 0xff);
                markers.push(file[at + 1]);
                at += 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            }
            markers.dedup();
            assert_eq!(markers, [0xe0, 0xfe, 0xdb, 0xc0, 0xc4]);
            assert_eq!(file.len(), at + 2 + 8 + 4);
            assert!(file.ends_with(&[0xff, 0xd9]));
        }
    }

    #[test]
    fn pictures_differ_by_label_and_noise_is_none() {
        let of = |kind, label| {
            let image = Image {
                kind,
                ..Image::default()
            };
            picture(image, Seed(1), label)
        };
        assert_ne!(of(ImageKind::Jpeg, "a"), of(ImageKind::Jpeg, "b"));
        assert!(of(ImageKind::Png, "a").starts_with(b"\x89PNG"));
        let noise = of(ImageKind::Noise, "a");
        assert!(!noise.starts_with(b"\x89PNG") && !noise.starts_with(&[0xff, 0xd8]));
    }
}
