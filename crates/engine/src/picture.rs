//! The picture of a QR code, drawn from the link that it holds where the provider sent none.

use qrcode::{Color, EcLevel, QrCode};
use verilane_core::{Action, Pii};

use crate::VerificationView;

/// Pixels a module, and modules of quiet zone on each side.
const SCALE: usize = 6;
const QUIET: usize = 4;

impl VerificationView {
    /// Whether a picture of an open action is missing.
    #[must_use]
    pub fn lacks_pictures(&self) -> bool {
        self.actions.iter().any(|(_, action)| match action {
            Action::QrOrLink(action) => action.qr_png.is_none(),
            Action::GatewayWidget(_) | Action::ScopeRequestPopup(_) => false,
        })
    }

    /// Draws the pictures that are missing, as far as their links fit a code. Some milliseconds of
    /// computing: not for the threads of IO.
    pub fn draw_pictures(&mut self) {
        for (_, action) in &mut self.actions {
            if let Action::QrOrLink(action) = action
                && action.qr_png.is_none()
            {
                action.qr_png = draw(action.link.expose()).map(Pii::new);
            }
        }
    }
}

/// Draws the code that holds a link, black on white, as PNG. Nothing if the link is too long for
/// a code.
fn draw(link: &str) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(link, EcLevel::M).ok()?;
    let modules = code.to_colors();
    let side = code.width();
    let pixels = side.checked_add(QUIET * 2)?.checked_mul(SCALE)?;
    let mut image = Vec::with_capacity(pixels.checked_mul(pixels)?);
    for y in 0..pixels {
        for x in 0..pixels {
            let module = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|at| *at < side);
            let is_dark = match (module(x), module(y)) {
                (Some(x), Some(y)) => modules.get(y * side + x) == Some(&Color::Dark),
                _ => false,
            };
            image.push(if is_dark { 0 } else { 255 });
        }
    }
    let size = u32::try_from(pixels).ok()?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&image).ok()?;
    writer.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_code_shows_its_modules_on_a_quiet_zone() {
        let link = "corepass:request/x?type=callback&id=1";
        let bytes = draw(link).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut image = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut image).unwrap();
        let side = usize::try_from(info.width).unwrap();
        assert_eq!(info.width, info.height);
        let pixel = |x: usize, y: usize| image[y * side + x];
        let code = QrCode::with_error_correction_level(link, EcLevel::M).unwrap();
        assert_eq!(side, (code.width() + 2 * QUIET) * SCALE);
        assert_eq!(pixel(0, 0), 255, "the quiet zone is white");
        for y in 0..code.width() {
            for x in 0..code.width() {
                let middle = |at: usize| (at + QUIET) * SCALE + SCALE / 2;
                let is_dark = code[(x, y)] == Color::Dark;
                assert_eq!(pixel(middle(x), middle(y)) == 0, is_dark);
            }
        }
    }

    #[test]
    fn a_link_too_long_for_a_code_has_no_picture() {
        assert_eq!(draw(&"x".repeat(5_000)), None);
    }
}
