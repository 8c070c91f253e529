//! Whether a callback is signed by the connector.
//!
//! The connector appends its 57-byte Ed448 public key to the 114-byte signature. That key says
//! nothing by itself: anybody can sign with a key of his own and append it. So it must be one of
//! the keys pinned for the connection and for this kind of callback, and this is looked at first.
//! What exactly is signed is an ordered list of candidates ([`candidates`]); the first that holds
//! wins and is recorded. Checked against recorded status callbacks.
//!
//! Where a secp256k1 key is pinned for the kind of callback, a signature of 65 bytes is a way to
//! recover a key from each candidate's digest, and the key must be a pinned one ([`recovered`]). A
//! signature of a scheme for which no key is pinned is not looked at.

pub mod candidates;
pub mod keys;
mod recovered;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;

use crate::wire::Object;
use candidates::Candidate;
use keys::{Channel, KeySet, Kind, PUBLIC_KEY_BYTES};

/// Bytes of an Ed448 signature.
pub const SIGNATURE_BYTES: usize = 114;
/// Characters of both in base64: 171 bytes, so no padding and no spare bits.
const ENCODED_CHARS: usize = (SIGNATURE_BYTES + PUBLIC_KEY_BYTES) / 3 * 4;

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which candidate encoding and digest passed.
    pub candidate: &'static Candidate,
    /// The pinned key, by fingerprint.
    pub key: String,
}

/// Why a callback is not believed. The same bytes are refused on a retry too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No `signature`, or not the base64 of one of a kind for which a key is pinned.
    #[error("no usable signature")]
    Unusable,
    /// A key that is not pinned at all. Pinning it helps.
    #[error("signed under a key that is not pinned")]
    KeyUnknown,
    /// A key that is pinned for other callbacks only.
    #[error("signed under a key that is not pinned for this kind of callback")]
    KeyNotForChannel,
    /// A pinned key, and a signature that does not hold for this content.
    #[error("the signature does not hold")]
    DoesNotHold,
}

/// Checks the `signature` of a body against the keys pinned for its channel.
///
/// # Errors
/// [`SignatureError`], by the first check that failed.
pub fn verify(
    keys: &KeySet,
    channel: Channel,
    object: &Object<'_>,
) -> Result<Accepted, SignatureError> {
    let encoded: String = object
        .read("signature")
        .map_err(|_| SignatureError::Unusable)?;
    if encoded.len() == recovered::ENCODED_CHARS {
        return match keys.has(Kind::Secp256k1, channel) {
            true => recovered::verify(keys, channel, object, &encoded),
            false => Err(SignatureError::Unusable),
        };
    }
    if !keys.has(Kind::Ed448, channel) {
        return Err(SignatureError::Unusable);
    }
    let (signature, public_key) = decode(&encoded)?;
    let pinned = keys.find(&public_key);
    let (key, parsed) = pinned
        .and_then(|key| Some((key, key.ed448()?)))
        .ok_or(SignatureError::KeyUnknown)?;
    if !key.is_for(channel) {
        return Err(SignatureError::KeyNotForChannel);
    }
    for candidate in candidates::of(channel) {
        let Some(digest) = candidate.digest(object) else {
            continue;
        };
        if holds(parsed, &digest, &signature) {
            return Ok(Accepted {
                candidate,
                key: key.fingerprint().to_owned(),
            });
        }
    }
    Err(SignatureError::DoesNotHold)
}

type Parts = ([u8; SIGNATURE_BYTES], [u8; PUBLIC_KEY_BYTES]);

/// Splits the base64 text into signature and key.
fn decode(encoded: &str) -> Result<Parts, SignatureError> {
    if encoded.len() != ENCODED_CHARS {
        return Err(SignatureError::Unusable);
    }
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| SignatureError::Unusable)?;
    let (signature, key) = bytes
        .split_first_chunk::<SIGNATURE_BYTES>()
        .ok_or(SignatureError::Unusable)?;
    let key = key.try_into().map_err(|_| SignatureError::Unusable)?;
    Ok((*signature, key))
}

/// One plain Ed448 verification (empty context) over a digest. A fault of the library counts as a
/// signature that does not hold: nothing was shown.
fn holds(key: &PKey<Public>, digest: &[u8; 32], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    Verifier::new_without_digest(key)
        .and_then(|mut verifier| verifier.verify_oneshot(signature, digest))
        .unwrap_or(false)
}

#[cfg(test)]
pub(crate) mod signer;
#[cfg(test)]
mod tests;
