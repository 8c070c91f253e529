//! `verilane keyring generate`.

use std::path::Path;

use verilane_vault::Keyring;

use super::console;

/// Makes a keyring file.
///
/// # Errors
/// If it exists or can't be written.
pub fn generate(path: &Path) -> anyhow::Result<()> {
    let keyring = Keyring::generate_at(path)?;
    let primary = keyring.primary().as_str();
    console::line(format_args!(
        "made {} with key {primary}; keep a copy: without it, what is encrypted is lost",
        path.display()
    ))?;
    Ok(())
}
