//! AES-256-GCM with random nonces and a header in clear.
//!
//! The layout is `header, nonce, ciphertext, tag`. The header is not authenticated here: callers
//! either compare all of it or put it into the associated data.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use verilane_core::Pii;
use zeroize::Zeroize;

use crate::VaultError;

const TAG_LEN: usize = 16;

/// A key ready for use. The library wipes its schedule when it is freed.
pub struct Cipher(RandomizedNonceKey);

impl Cipher {
    pub fn new(key: &[u8; 32]) -> Result<Self, VaultError> {
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, key)?))
    }

    /// Encrypts into one allocation of exactly the size needed.
    pub fn seal(&self, header: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let start = header.len() + NONCE_LEN;
        let mut out = Vec::with_capacity(start + plain.len() + TAG_LEN);
        out.extend_from_slice(header);
        out.extend_from_slice(&[0; NONCE_LEN]);
        out.extend_from_slice(plain);
        let body = out.get_mut(start..).unwrap_or_default();
        let sealed = self.0.seal_in_place_separate_tag(Aad::from(aad), body);
        let (nonce, tag) = match sealed {
            Ok(sealed) => sealed,
            Err(error) => {
                out.zeroize();
                return Err(error.into());
            }
        };
        if let Some(place) = out.get_mut(header.len()..start) {
            place.copy_from_slice(nonce.as_ref());
        }
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Decrypts what follows the header.
    pub fn open(&self, aad: &[u8], body: &[u8]) -> Result<Pii<Vec<u8>>, VaultError> {
        let (nonce, rest) = body
            .split_at_checked(NONCE_LEN)
            .ok_or(VaultError::Refused)?;
        let length = rest.len().checked_sub(TAG_LEN).ok_or(VaultError::Refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Refused)?;
        let mut plain = rest.to_vec();
        match self.0.open_in_place(nonce, Aad::from(aad), &mut plain) {
            Ok(_) => {
                plain.truncate(length);
                Ok(Pii::new(plain))
            }
            Err(_) => {
                plain.zeroize();
                Err(VaultError::Refused)
            }
        }
    }
}
