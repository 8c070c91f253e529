//! `[vault]`: where the keyring comes from.

use std::path::PathBuf;

use verilane_core::Pii;

use super::section::{Asked, Section};

/// The keyring's source.
#[derive(Clone, Debug)]
pub enum KeyringSource {
    /// A file that nobody but its owner may touch.
    File(PathBuf),
    /// The keyring's text, from the environment.
    Environment(Pii<String>),
}

/// The vault.
#[derive(Clone, Debug)]
pub struct Vault {
    /// Where its keys come from.
    pub keyring: KeyringSource,
}

impl Vault {
    /// Reads the section. The environment's own keyring comes before a file; `usual` is the file if
    /// none is named.
    pub fn read(mut section: Section<'_>, usual: Option<PathBuf>) -> (Option<Self>, Asked) {
        let file = section.optional::<PathBuf>("keyring_file");
        let file = file.map(|file| file.or(usual));
        let text = section.secret::<Pii<String>>("keyring");
        if let (Some(None), Some(None)) = (&file, &text) {
            section.fault("keyring_file", "must be set");
        }
        let asked = section.finish();
        let read = || match (text?, file?) {
            (Some(text), _) => Some(KeyringSource::Environment(text)),
            (None, Some(file)) => Some(KeyringSource::File(file)),
            (None, None) => None,
        };
        (read().map(|keyring| Self { keyring }), asked)
    }
}
