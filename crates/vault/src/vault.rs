//! Data keys, secrets of ours and blind indexes, all under one keyring.
//!
//! Wrapping always uses the primary key; unwrapping picks the key by the id in the value's
//! header, which is authenticated with the rest.

use std::fmt;

use aws_lc_rs::hmac;
use verilane_core::{BlindIndex, Pii, VerificationId, Wrapped};

use crate::aead::Cipher;
use crate::framing::Sink;
use crate::{DataKey, IndexKind, KeyId, Keyring, VaultError, random};

const FORMAT: u8 = 1;

/// What a secret wrapped under the keyring itself is for. It unwraps for the same purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrapPurpose {
    /// The callback paths of a slot, which outlive the erasure of verifications.
    SlotPaths,
    /// What an audit record says beyond ids, where it belongs to no verification.
    AuditDetails,
}

/// The header's purpose byte; 1 is a data key's and has no public name, so that nobody can wrap
/// or unwrap one as something else.
const DATA_KEY: u8 = 1;

impl WrapPurpose {
    const fn tag(self) -> u8 {
        match self {
            Self::SlotPaths => 2,
            Self::AuditDetails => 3,
        }
    }
}

/// Seals and finds under one keyring. Cheap to share behind an `Arc`.
pub struct Vault {
    /// Primary first.
    keys: Vec<(KeyId, Cipher)>,
    primary: KeyId,
    index_key: hmac::Key,
}

impl Vault {
    /// Takes a keyring into use.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn new(keyring: &Keyring) -> Result<Self, VaultError> {
        let keys = keyring
            .keys()
            .map(|(id, secret)| Ok((id.clone(), Cipher::new(secret)?)))
            .collect::<Result<_, VaultError>>()?;
        Ok(Self {
            keys,
            primary: keyring.primary().clone(),
            index_key: hmac::Key::new(hmac::HMAC_SHA256, keyring.index_key()),
        })
    }

    /// Draws a data key for a new verification, and wraps it for the store.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn new_data_key(
        &self,
        verification: VerificationId,
    ) -> Result<(DataKey, Wrapped), VaultError> {
        let secret = random::secret()?;
        let wrapped = self.wrap_as(DATA_KEY, &[verification.as_bytes()], secret.as_slice())?;
        Ok((DataKey::new(&secret)?, wrapped))
    }

    /// Unwraps the data key of a verification.
    ///
    /// # Errors
    /// [`VaultError::Refused`] if it is not this verification's, [`VaultError::UnknownKey`],
    /// [`VaultError::UnknownFormat`].
    pub fn open_data_key(
        &self,
        verification: VerificationId,
        wrapped: &Wrapped,
    ) -> Result<DataKey, VaultError> {
        let secret = self.unwrap_as(DATA_KEY, &[verification.as_bytes()], wrapped)?;
        let secret: &[u8] = secret.expose();
        DataKey::new(secret.try_into().map_err(|_| VaultError::Refused)?)
    }

    /// Wraps a secret of ours that belongs to no verification. `belongs_to` names its place (a
    /// row's id, say), where alone it can be unwrapped.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn wrap_secret(
        &self,
        purpose: WrapPurpose,
        belongs_to: &[&[u8]],
        secret: &[u8],
    ) -> Result<Wrapped, VaultError> {
        self.wrap_as(purpose.tag(), belongs_to, secret)
    }

    /// Unwraps a secret for the purpose and place it was wrapped for.
    ///
    /// # Errors
    /// [`VaultError::Refused`], [`VaultError::UnknownKey`], [`VaultError::UnknownFormat`].
    pub fn unwrap_secret(
        &self,
        purpose: WrapPurpose,
        belongs_to: &[&[u8]],
        wrapped: &Wrapped,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        self.unwrap_as(purpose.tag(), belongs_to, wrapped)
    }

    /// A digest by which something can be found again, but not read, without the index key.
    /// Where the parts are split counts: `["ab", "c"]` and `["a", "bc"]` have different digests.
    #[must_use]
    pub fn index(&self, kind: IndexKind, parts: &[&[u8]]) -> BlindIndex {
        let mut hmac = hmac::Context::with_key(&self.index_key);
        hmac.raw(b"verilane index 1");
        hmac.raw(&[kind.tag()]);
        hmac.parts(parts);
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac.sign().as_ref());
        BlindIndex::new(digest)
    }

    /// A new path segment for a provider to call: 256 random bits in 43 URL-safe characters.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn random_path(&self) -> Result<String, VaultError> {
        Ok(random::path()?)
    }

    fn wrap_as(&self, tag: u8, place: &[&[u8]], secret: &[u8]) -> Result<Wrapped, VaultError> {
        let cipher = self.cipher(self.primary.as_str())?;
        let header = header(&self.primary);
        let bytes = cipher.seal(&header, &wrap_aad(&header, tag, place), secret)?;
        Ok(Wrapped::new(bytes))
    }

    fn unwrap_as(
        &self,
        tag: u8,
        place: &[&[u8]],
        wrapped: &Wrapped,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        let bytes = wrapped.as_bytes();
        let (&format, rest) = bytes.split_first().ok_or(VaultError::Refused)?;
        if format != FORMAT {
            return Err(VaultError::UnknownFormat);
        }
        let (&length, rest) = rest.split_first().ok_or(VaultError::Refused)?;
        let length = usize::from(length);
        let (id, _) = rest.split_at_checked(length).ok_or(VaultError::Refused)?;
        let id = std::str::from_utf8(id).map_err(|_| VaultError::Refused)?;
        let cipher = self.cipher(id)?;
        let (header, body) = bytes
            .split_at_checked(2 + length)
            .ok_or(VaultError::Refused)?;
        cipher.open(&wrap_aad(header, tag, place), body)
    }

    fn cipher(&self, id: &str) -> Result<&Cipher, VaultError> {
        if let Some((_, cipher)) = self.keys.iter().find(|(known, _)| known.as_str() == id) {
            return Ok(cipher);
        }
        // An id that no keyring can have is damage, and is not repeated in a message.
        Err(KeyId::new(id).map_or(VaultError::Refused, VaultError::UnknownKey))
    }
}

fn header(key: &KeyId) -> Vec<u8> {
    let id = key.as_str().as_bytes();
    let mut out = Vec::with_capacity(2 + id.len());
    out.push(FORMAT);
    // A key id has at most 63 characters.
    out.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(id);
    out
}

fn wrap_aad(header: &[u8], tag: u8, place: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.raw(b"verilane wrap 1");
    out.part(header);
    out.raw(&[tag]);
    out.parts(place);
    out
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(primary {:?})", self.primary)
    }
}

#[cfg(test)]
mod tests;
