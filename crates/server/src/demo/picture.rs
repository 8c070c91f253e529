//! A QR code in a terminal.

use anyhow::{Context, Result};
use qrcode::render::unicode;
use qrcode::{EcLevel, QrCode};

/// The code that holds a text, two modules to a character, dark on light.
pub(super) fn qr_code(text: &str) -> Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .context("the link does not fit into a QR code")?;
    let picture = code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Dark)
        .light_color(unicode::Dense1x2::Light)
        .quiet_zone(true)
        .build();
    Ok(picture
        .lines()
        .map(|line| format!("   {line}"))
        .collect::<Vec<_>>()
        .join("\n"))
}
