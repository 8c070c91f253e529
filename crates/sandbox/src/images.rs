//! PNG pictures: the QR code of a request, and stand-ins for photographs.

use qrcode::{EcLevel, QrCode};

/// Pixels a side of one QR module.
const MODULE: usize = 4;
/// Modules of white around a QR code, as its standard asks.
const QUIET: usize = 4;

fn grey(pixels: &[u8], side: usize) -> Option<Vec<u8>> {
    let side = u32::try_from(side).ok()?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}

/// The QR code of `text` as a PNG file; `None` if the text is longer than a QR code can hold
/// (2,953 bytes).
pub fn qr_code(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let colours = code.to_colors();
    let side = (width + 2 * QUIET) * MODULE;
    let mut pixels = Vec::with_capacity(side * side);
    for y in 0..side {
        for x in 0..side {
            let module = |at: usize| (at / MODULE).checked_sub(QUIET).filter(|m| *m < width);
            let dark = match (module(x), module(y)) {
                (Some(x), Some(y)) => colours
                    .get(y * width + x)
                    .is_some_and(|colour| *colour == qrcode::Color::Dark),
                _ => false,
            };
            pixels.push(if dark { 0 } else { 255 });
        }
    }
    grey(&pixels, side)
}

/// A square picture of the given pixels, in shades of grey; `None` unless there are `side` times
/// `side` of them.
pub fn noise(pixels: &[u8], side: usize) -> Option<Vec<u8>> {
    grey(pixels, side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_a_png_with_its_modules_and_a_white_margin() {
        let text = "corepass:request/ab22?type=callback";
        let file = qr_code(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
        let side = (code.width() + 8) * 4;
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        assert!(pixels[..side * 16].iter().all(|pixel| *pixel == 255));
        // The corner of the finder pattern is dark.
        assert_eq!(pixels[side * 16 + 16], 0);
        let dark = pixels.iter().filter(|pixel| **pixel == 0).count();
        let modules = code.to_colors().into_iter();
        let expected = modules.filter(|c| *c == qrcode::Color::Dark).count() * 16;
        assert_eq!(dark, expected);
    }

    #[test]
    fn a_text_beyond_what_a_qr_code_holds_gives_none() {
        assert!(qr_code(&"x".repeat(3_000)).is_none());
        assert!(noise(&[0; 10], 24).is_none());
    }
}
