//! The keys of an installation, as read from text.
//!
//! The text is JSON with exactly these members; secrets are 32 bytes as 64 hex digits:
//!
//! ```json
//! {
//!   "version": 1,
//!   "primary": "k-5f3a9c01",
//!   "keys": [{ "id": "k-5f3a9c01", "secret": "…" }],
//!   "index_key": "…"
//! }
//! ```
//!
//! Invariant: at least one key, ids and secrets all different, the primary among them. To rotate,
//! add a key and name it as primary; older ones stay for what they wrapped. Errors never repeat
//! anything from the text but key ids and line numbers, and the parser borrows from the text, so
//! that no copy of a secret is left behind.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use verilane_core::MalformedId;
use zeroize::Zeroizing;

type Secret = Zeroizing<[u8; 32]>;

/// The name of a key-encryption key. Stands in clear in what it wraps.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// Takes 1 to 63 characters of `a-z`, `0-9` and `-`.
    ///
    /// # Errors
    /// [`MalformedId`] for anything else.
    pub fn new(text: &str) -> Result<Self, MalformedId> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=63).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(MalformedId)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Why a keyring is not used. Retrying helps for [`KeyringError::File`] at most; all others need
/// somebody to change the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Could not be opened, read, created or written.
    #[error("the keyring file can't be {0}: {1}")]
    File(&'static str, std::io::Error),
    /// Not a regular file, or larger than any keyring.
    #[error("the keyring is not a regular file of at most 64 KiB")]
    NotAKeyringFile,
    /// Group or others have a permission on it.
    #[error("the keyring file has mode {0:04o}; only its owner may have access (chmod 600)")]
    ReadableByOthers(u32),
    /// Not JSON, an unknown or doubled member, or a value of the wrong type.
    #[error("the keyring is not understood at line {line}, column {column}: {what}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The kind of fault.
        what: &'static str,
    },
    /// A member that must be there is not.
    #[error("the keyring lacks the member `{0}`")]
    Missing(&'static str),
    /// Written for another release.
    #[error("the keyring has version {0}; this release knows version 1")]
    UnknownVersion(u64),
    /// Not 1 to 63 of `a-z`, `0-9`, `-`. Counted from 1, since the id itself may be a misplaced
    /// secret.
    #[error("key number {0} of the keyring has an id that is not 1 to 63 of a-z, 0-9 and -")]
    MalformedKeyId(usize),
    /// Not 64 hex digits.
    #[error("the secret of {0} is not 32 bytes as 64 hex digits")]
    WrongSecret(String),
    /// Two keys of one name.
    #[error("the keyring holds key {0:?} twice")]
    DuplicateId(KeyId),
    /// Two keys of one value.
    #[error("the secret of {0} stands twice in the keyring")]
    DuplicateSecret(String),
    /// The primary is none of the keys.
    #[error("the keyring's primary is none of its keys")]
    NoPrimary,
    /// The system gave no randomness.
    #[error("no randomness could be had for a new keyring")]
    NoRandomness,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    version: Option<u64>,
    #[serde(borrow)]
    primary: Option<&'a str>,
    #[serde(borrow)]
    keys: Option<Vec<KeyText<'a>>>,
    #[serde(borrow)]
    index_key: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText<'a> {
    #[serde(borrow)]
    id: Option<&'a str>,
    #[serde(borrow)]
    secret: Option<&'a str>,
}

/// The keys of an installation. Wiped on drop, never shown.
pub struct Keyring {
    primary: KeyId,
    keys: Vec<(KeyId, Secret)>,
    index_key: Secret,
}

impl Keyring {
    /// Reads a keyring's text.
    ///
    /// # Errors
    /// Whatever is wrong with it first, as a [`KeyringError`].
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let text: Text<'_> = serde_json::from_str(text).map_err(|e| malformed(&e))?;
        match text.version.ok_or(KeyringError::Missing("version"))? {
            1 => {}
            other => return Err(KeyringError::UnknownVersion(other)),
        }
        let primary = text.primary.ok_or(KeyringError::Missing("primary"))?;
        let index_key = text.index_key.ok_or(KeyringError::Missing("index_key"))?;
        let index_key = secret(index_key, || "the index key".to_owned())?;
        let mut keys: Vec<(KeyId, Secret)> = Vec::new();
        let listed = text.keys.ok_or(KeyringError::Missing("keys"))?;
        for (key, number) in listed.iter().zip(1..) {
            let id = key.id.ok_or(KeyringError::Missing("id"))?;
            let id = KeyId::new(id).map_err(|_| KeyringError::MalformedKeyId(number))?;
            let named = || format!("key {id:?}");
            let secret = secret(key.secret.ok_or(KeyringError::Missing("secret"))?, named)?;
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(KeyringError::DuplicateId(id));
            }
            if secret == index_key || keys.iter().any(|(_, known)| *known == secret) {
                return Err(KeyringError::DuplicateSecret(named()));
            }
            keys.push((id, secret));
        }
        let primary = keys
            .iter()
            .find(|(id, _)| id.as_str() == primary)
            .map(|(id, _)| id.clone())
            .ok_or(KeyringError::NoPrimary)?;
        Ok(Self {
            primary,
            keys,
            index_key,
        })
    }

    /// The key that wraps.
    #[must_use]
    pub const fn primary(&self) -> &KeyId {
        &self.primary
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = (&KeyId, &[u8; 32])> {
        self.keys.iter().map(|(id, secret)| (id, &**secret))
    }

    pub(crate) fn index_key(&self) -> &[u8; 32] {
        &self.index_key
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(id, _)| id))
            .finish()
    }
}

fn secret(hex: &str, whose: impl Fn() -> String) -> Result<Secret, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(hex, bytes.as_mut_slice())
        .map_err(|_| KeyringError::WrongSecret(whose()))?;
    Ok(bytes)
}

/// The parser's own message can repeat what it found, so only its place and kind are taken.
fn malformed(error: &serde_json::Error) -> KeyringError {
    KeyringError::Malformed {
        line: error.line(),
        column: error.column(),
        what: if error.is_data() {
            "an unknown or doubled member, or a value of the wrong type"
        } else {
            "not JSON"
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(primary: &str, keys: &[(&str, u8)], index: u8) -> String {
        let keys = keys
            .iter()
            .map(|(id, byte)| format!(r#"{{"id":"{id}","secret":"{}"}}"#, hex::encode([*byte; 32])))
            .collect::<Vec<_>>()
            .join(",");
        let index = hex::encode([index; 32]);
        format!(r#"{{"version":1,"primary":"{primary}","keys":[{keys}],"index_key":"{index}"}}"#)
    }

    fn refusal(text: &str) -> String {
        let error = Keyring::parse(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        for byte in [0x11, 0x22, 0x99] {
            assert!(!shown.contains(&hex::encode([byte; 8])), "{shown}");
        }
        error.to_string()
    }

    #[test]
    fn a_keyring_knows_its_primary_and_its_older_keys() {
        let ring = Keyring::parse(&text("new", &[("old", 0x11), ("new", 0x22)], 0x99)).unwrap();
        assert_eq!(ring.primary().as_str(), "new");
        assert_eq!(ring.keys().count(), 2);
        assert_eq!(format!("{ring:?}"), r#"["old", "new"]"#);
    }

    #[test]
    fn each_fault_is_named_and_no_secret_is_shown() {
        let good = text("k", &[("k", 0x11)], 0x99);
        let secret = hex::encode([0x11; 32]);
        let table = [
            (
                good.replace("primary", "chief"),
                "an unknown or doubled member",
            ),
            (
                good.replace(r#""version":1"#, r#""version":1,"version":1"#),
                "doubled",
            ),
            (
                good.replace(r#""id":"k""#, &format!(r#""{secret}":"k""#)),
                "unknown",
            ),
            (
                good.replace(&format!("\"{secret}\""), &format!("[\"{secret}\"]")),
                "wrong type",
            ),
            (
                good.replace(r#""version":1,"#, ""),
                "lacks the member `version`",
            ),
            (
                good.replace(r#""primary":"k","#, ""),
                "lacks the member `primary`",
            ),
            (good.replace(r#""id":"k","#, ""), "lacks the member `id`"),
            (good.replace(":1,", ":2,"), "version 2"),
            (
                good.replace(r#""id":"k""#, &format!(r#""id":"{secret}""#)),
                "number 1",
            ),
            (
                good.replace(&secret, &secret[2..]),
                "the secret of key \"k\" is not 32 bytes",
            ),
            (
                good.replace(&secret, &format!("{secret}00")),
                "is not 32 bytes",
            ),
            (
                good.replace(&secret, &secret.replace('1', "x")),
                "is not 32 bytes",
            ),
            (
                good.replace(&hex::encode([0x99; 32]), ""),
                "the index key is not 32 bytes",
            ),
            (
                good.replace(r#""primary":"k""#, r#""primary":"other""#),
                "primary is none",
            ),
            (text("k", &[], 0x99), "primary is none"),
            (
                text("k", &[("k", 0x11), ("k", 0x22)], 0x99),
                "key \"k\" twice",
            ),
            (
                text("k", &[("k", 0x11), ("l", 0x11)], 0x99),
                "key \"l\" stands twice",
            ),
            (text("k", &[("k", 0x99)], 0x99), "stands twice"),
            (good[..good.len() - 1].to_owned(), "not JSON"),
            (format!("{good} {good}"), "not JSON"),
        ];
        for (text, expected) in table {
            let refusal = refusal(&text);
            assert!(refusal.contains(expected), "{refusal} lacks {expected}");
        }
    }

    #[test]
    fn key_ids_are_plain() {
        assert!(KeyId::new("k-2026-01").is_ok());
        for wrong in ["", "K", "a b", "ü", &"a".repeat(64)] {
            assert!(KeyId::new(wrong).is_err(), "{wrong}");
        }
    }
}
