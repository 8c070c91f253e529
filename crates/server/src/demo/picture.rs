//! A QR code in a terminal.

use anyhow::{Context, Result};
use qrcode::render::unicode;
use qrcode::{EcLevel, QrCode};

/// Black on white, whatever the terminal's own colours are: a scanner wants dark on light.
const BLACK_ON_WHITE: &str = "\u{1b}[30;107m";
const AS_BEFORE: &str = "\u{1b}[0m";

/// The code that holds a text, two modules to a character; with colours where these are
/// understood.
pub(super) fn qr_code(text: &str, has_colours: bool) -> Result<String> {
    let (before, after) = if has_colours {
        (BLACK_ON_WHITE, AS_BEFORE)
    } else {
        ("", "")
    };
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
        .map(|line| format!("   {before}{line}{after}"))
        .collect::<Vec<_>>()
        .join("\n"))
}
