//! 65-byte signatures: ECDSA on secp256k1, from which the signer's key is recovered.
//!
//! `r` and `s`, 32 bytes each and big-endian, then a recovery id of 0 or 1, or of 27 or 28. From any
//! digest such a signature recovers some key, so nothing is shown by recovering one: it has to be a
//! pinned one. Of the two values of `s` that would do, only the smaller is taken, as all common
//! signers make it: the other is a second signature of the same content, which whoever saw the first
//! can write without the key. No recorded callback has such a signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use super::candidates;
use super::keys::{Channel, KeySet};
use super::{Accepted, SignatureError};
use crate::wire::Object;

/// Bytes of a signature.
const BYTES: usize = 65;
/// Characters of one in base64: 65 bytes, and one of padding.
pub const ENCODED_CHARS: usize = BYTES.div_ceil(3) * 4;

/// Checks a body's signature against the secp256k1 keys pinned for its channel.
///
/// # Errors
/// [`SignatureError`]. A key that is not pinned can't be told from content that was changed.
pub fn verify(
    keys: &KeySet,
    channel: Channel,
    object: &Object<'_>,
    encoded: &str,
) -> Result<Accepted, SignatureError> {
    let (signature, id) = decode(encoded).ok_or(SignatureError::Unusable)?;
    let mut error = SignatureError::DoesNotHold;
    for candidate in candidates::of(channel) {
        let Some(digest) = candidate.digest(object) else {
            continue;
        };
        let recovered = VerifyingKey::recover_from_prehash(&digest, &signature, id).ok();
        let Some(key) = recovered.and_then(|point| keys.find_point(&point)) else {
            continue;
        };
        if key.is_for(channel) {
            return Ok(Accepted {
                candidate,
                key: key.fingerprint().to_owned(),
            });
        }
        error = SignatureError::KeyNotForChannel;
    }
    Err(error)
}

/// The signature with the smaller `s`, and which of the points it recovers.
fn decode(encoded: &str) -> Option<(Signature, RecoveryId)> {
    let bytes: [u8; BYTES] = STANDARD.decode(encoded).ok()?.try_into().ok()?;
    let (numbers, [v]) = bytes.split_last_chunk::<1>()?;
    let odd = match v {
        0 | 27 => false,
        1 | 28 => true,
        _ => return None,
    };
    let signature = Signature::from_slice(numbers).ok()?;
    let is_low = signature.normalize_s() == signature;
    is_low.then(|| (signature, RecoveryId::new(odd, false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of go-ethereum's tests of `Ecrecover`.
    #[test]
    fn a_published_signature_recovers_its_published_key() {
        let digest =
            hex::decode("ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008")
                .unwrap();
        let signature = hex::decode(concat!(
            "90f27b8b488db00b00606796d2987f6a5f59ae62ea05effe84fef5b8b0e54998",
            "4a691139ad57a3f0b906637673aa2f63d1f55cb1a69199d4009eea23ceaddc9301",
        ))
        .unwrap();
        let (signature, id) = decode(&STANDARD.encode(signature)).unwrap();
        let key = VerifyingKey::recover_from_prehash(&digest, &signature, id).unwrap();
        assert_eq!(
            hex::encode(key.to_sec1_point(false).as_bytes()),
            concat!(
                "04e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a",
                "0a2b2667f7e725ceea70c673093bf67663e0312623c8e091b13cf2c0f11ef652",
            )
        );
    }
}
