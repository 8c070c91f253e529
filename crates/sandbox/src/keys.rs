//! The connector's Ed448 keys, and the signatures it makes with them.
//!
//! A signature travels as base64 of 171 bytes: 114 of plain Ed448 (empty context) over a SHA3-256
//! digest, then the 57 of the signer's public key. What is digested is the letter's business. This
//! module signs only: a sandbox that could verify would be tempted to share the check with those
//! it is meant to test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;

use crate::seed::{Seed, sha3};

/// Bytes of an Ed448 private key.
const PRIVATE_KEY_BYTES: usize = 57;

/// One Ed448 key pair.
pub struct KeyPair {
    private: PKey<Private>,
    public: Vec<u8>,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyPair({})", self.public_hex())
    }
}

impl KeyPair {
    /// The pair that the seed gives for `label`.
    pub fn derive(seed: Seed, label: &str) -> Result<Self, ErrorStack> {
        let bytes = seed.draw(label).take(PRIVATE_KEY_BYTES);
        let private = PKey::private_key_from_raw_bytes(&bytes, Id::ED448)?;
        let public = private.raw_public_key()?;
        Ok(Self { private, public })
    }

    /// The public key, 57 bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The public key as 114 lower-case hex digits.
    pub fn public_hex(&self) -> String {
        hex::encode(&self.public)
    }

    /// Signs the SHA3-256 digest of `text` and appends `appended`, which is the signer's own
    /// public key in everything but a forgery.
    pub fn sign(&self, text: &str, appended: &[u8]) -> Result<String, ErrorStack> {
        let mut signer = Signer::new_without_digest(&self.private)?;
        let mut signature = signer.sign_oneshot_to_vec(&sha3(text.as_bytes()))?;
        signature.extend_from_slice(appended);
        Ok(STANDARD.encode(signature))
    }
}

/// The keys of one sandbox: as in the documented samples, data callbacks are signed with another
/// key than status callbacks.
#[derive(Debug)]
pub struct Keys {
    /// Signs status callbacks.
    pub status: KeyPair,
    /// Signs data callbacks.
    pub data: KeyPair,
    /// Belongs to nobody that anybody trusts; signs forgeries.
    pub forger: KeyPair,
}

impl Keys {
    /// The keys that the seed gives.
    pub fn derive(seed: Seed) -> Result<Self, ErrorStack> {
        Ok(Self {
            status: KeyPair::derive(seed, "key/status")?,
            data: KeyPair::derive(seed, "key/data")?,
            forger: KeyPair::derive(seed, "key/forger")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use openssl::sign::Verifier;

    use super::*;

    #[test]
    fn a_signature_is_114_bytes_over_the_digest_and_the_57_bytes_of_the_key() {
        let keys = Keys::derive(Seed(3)).unwrap();
        let signature = keys.status.sign("{}", keys.status.public()).unwrap();
        let bytes = STANDARD.decode(signature).unwrap();
        assert_eq!(bytes.len(), 171);
        let key = PKey::public_key_from_raw_bytes(&bytes[114..], Id::ED448).unwrap();
        let mut verifier = Verifier::new_without_digest(&key).unwrap();
        assert!(
            verifier
                .verify_oneshot(&bytes[..114], &sha3(b"{}"))
                .unwrap()
        );
        assert_eq!(hex::encode(&bytes[114..]), keys.status.public_hex());
    }

    #[test]
    fn the_three_keys_differ_and_depend_on_the_seed() {
        let keys = Keys::derive(Seed(3)).unwrap();
        let again = Keys::derive(Seed(3)).unwrap();
        let other = Keys::derive(Seed(4)).unwrap();
        assert_eq!(keys.status.public(), again.status.public());
        assert_ne!(keys.status.public(), other.status.public());
        assert_ne!(keys.status.public(), keys.data.public());
        assert_ne!(keys.forger.public(), keys.data.public());
    }
}
