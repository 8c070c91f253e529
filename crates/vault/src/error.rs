//! What can go wrong once a keyring is loaded. Says nothing about the value concerned.

use crate::KeyId;

/// Why a value was not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Altered, cut, moved from another place, or sealed under another key. Retrying does not
    /// help; it means damage or tampering, and deserves an alarm.
    #[error("an encrypted value does not open where it was found")]
    Refused,
    /// Written by a release that this one does not know. Retrying helps after an upgrade only.
    #[error("an encrypted value has a format that this release does not know")]
    UnknownFormat,
    /// Retrying helps once the keyring holds the key again.
    #[error("an encrypted value needs key {0:?}, which the keyring does not hold")]
    UnknownKey(KeyId),
    /// The system gave no randomness or memory. Retrying may help.
    #[error("the cryptographic library could not work")]
    Unavailable,
}

impl VaultError {
    /// Whether the same call can succeed later without anyone's doing.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

impl From<aws_lc_rs::error::Unspecified> for VaultError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Unavailable
    }
}
