//! The connector's keys, and the signatures it makes with them.
//!
//! An Ed448 signature travels as base64 of 171 bytes: 114 of plain Ed448 (empty context) over a
//! digest, then the 57 of the signer's public key. A secp256k1 one is 65 bytes, from which the key
//! is recovered. What is digested is the letter's business. This module signs only: a sandbox that
//! could verify would be tempted to share the check with those it is meant to test.

mod ecdsa;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;

use crate::scenario::Scheme;
use crate::seed::Seed;
pub use ecdsa::{EcPair, public_key, scalar};

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

    /// Signs a digest and appends `appended`, which is the signer's own public key in everything
    /// but a forgery.
    fn sign(&self, digest: &[u8; 32], appended: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new_without_digest(&self.private)?;
        let mut signature = signer.sign_oneshot_to_vec(digest)?;
        signature.extend_from_slice(appended);
        Ok(signature)
    }
}

/// A key pair of each kind, for the same use.
pub struct Pairs {
    /// What real connectors sign with.
    pub ed448: KeyPair,
    /// What one may sign with by its migration notes.
    pub secp256k1: EcPair,
}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.ed448.fmt(f)
    }
}

impl Pairs {
    fn derive(seed: Seed, label: &str) -> Result<Self, ErrorStack> {
        Ok(Self {
            ed448: KeyPair::derive(seed, label)?,
            secp256k1: EcPair::derive(seed, &format!("{label}/secp256k1"), Nid::SECP256K1)?,
        })
    }

    /// A signature over a digest as it travels. `posing_as` is whose Ed448 key is appended: the
    /// signer's own in everything but a forgery.
    pub fn sign(
        &self,
        scheme: Scheme,
        digest: &[u8; 32],
        posing_as: &Self,
    ) -> Result<String, ErrorStack> {
        let signature = match scheme {
            Scheme::Ed448 => self.ed448.sign(digest, posing_as.ed448.public()),
            Scheme::Secp256k1 => self.secp256k1.sign_recoverably(digest, 0),
            Scheme::Secp256k1V27 => self.secp256k1.sign_recoverably(digest, 27),
        };
        Ok(STANDARD.encode(signature?))
    }
}

/// The keys of one sandbox: as in the documented samples, data callbacks are signed with another
/// key than status callbacks.
#[derive(Debug)]
pub struct Keys {
    /// Signs status callbacks.
    pub status: Pairs,
    /// Signs data and failure callbacks.
    pub data: Pairs,
    /// Belongs to nobody that anybody trusts; signs forgeries.
    pub forger: Pairs,
}

impl Keys {
    /// The keys that the seed gives: the first ones, or those after so many changes of keys.
    pub fn derive(seed: Seed, generation: u32) -> Result<Self, ErrorStack> {
        let label = |name: &str| match generation {
            0 => format!("key/{name}"),
            _ => format!("key/{name}/{generation}"),
        };
        Ok(Self {
            status: Pairs::derive(seed, &label("status"))?,
            data: Pairs::derive(seed, &label("data"))?,
            forger: Pairs::derive(seed, &label("forger"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use openssl::sign::Verifier;

    use super::*;
    use crate::seed::sha3;

    #[test]
    fn a_signature_is_114_bytes_over_the_digest_and_the_57_bytes_of_the_key() {
        let keys = Keys::derive(Seed(3), 0).unwrap();
        let digest = sha3(b"{}");
        let signature = keys.status.sign(Scheme::Ed448, &digest, &keys.status);
        let bytes = STANDARD.decode(signature.unwrap()).unwrap();
        assert_eq!(bytes.len(), 171);
        let key = PKey::public_key_from_raw_bytes(&bytes[114..], Id::ED448).unwrap();
        let mut verifier = Verifier::new_without_digest(&key).unwrap();
        assert!(verifier.verify_oneshot(&bytes[..114], &digest).unwrap());
        assert_eq!(hex::encode(&bytes[114..]), keys.status.ed448.public_hex());
    }

    #[test]
    fn the_keys_differ_by_use_generation_and_seed() {
        let key = |seed, generation| {
            let keys = Keys::derive(Seed(seed), generation).unwrap();
            [keys.status, keys.data, keys.forger].map(|pairs| pairs.ed448.public_hex())
        };
        assert_eq!(key(3, 0), key(3, 0));
        let mut all = [key(3, 0), key(3, 1), key(4, 0)].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 9);
    }
}
