//! A provider's public keys that a connection trusts to sign its tokens.
//!
//! A set, so that a key can be replaced without a gap. Each belongs to one curve, and with it to one
//! algorithm: what kind of signature is believed follows from the keys that are pinned, never from a
//! token. Keys are parsed once, when the set is made.

use aws_lc_rs::digest::{SHA3_256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ParsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;

/// Bytes of a point that is not compressed.
const POINT_BYTES: usize = 65;

/// A curve, which is also an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// P-256: ES256.
    P256,
    /// secp256k1: ES256K.
    Secp256k1,
}

impl Curve {
    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED,
        }
    }
}

struct PinnedKey {
    curve: Curve,
    parsed: ParsedPublicKey,
    /// The SHA3-256 of the point, not compressed, in hex.
    fingerprint: String,
}

/// The keys that a connection trusts.
#[derive(Default)]
pub struct PinnedKeys(Vec<PinnedKey>);

/// Why a key can't be pinned: a fault of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinningFault {
    /// Not the hex of a point of its curve.
    #[error("is not a public key: 66 or 130 hex digits of a point on its curve are expected")]
    NotAKey,
    /// A point of either curve, and nobody says which is meant.
    #[error("could be of either curve: say which by `curve`")]
    EitherCurve,
    /// The same key twice.
    #[error("is listed before")]
    Repeated,
}

impl PinnedKeys {
    /// Parses keys from hex, each of the curve that is said, or of the only one that it can be of.
    ///
    /// # Errors
    /// Every fault, with the number of the key, from 1.
    pub fn new<'a>(
        keys: impl IntoIterator<Item = (&'a str, Option<Curve>)>,
    ) -> Result<Self, Vec<(usize, PinningFault)>> {
        let mut set = Self::default();
        let mut faults = Vec::new();
        for ((text, curve), number) in keys.into_iter().zip(1..) {
            match pinned(text, curve) {
                Ok(key) if set.0.iter().any(|known| known.is(&key)) => {
                    faults.push((number, PinningFault::Repeated));
                }
                Ok(key) => set.0.push(key),
                Err(fault) => faults.push((number, fault)),
            }
        }
        if faults.is_empty() {
            Ok(set)
        } else {
            Err(faults)
        }
    }

    /// Whether a key of this curve is pinned.
    #[must_use]
    pub fn has(&self, curve: Curve) -> bool {
        self.0.iter().any(|key| key.curve == curve)
    }

    /// The fingerprint of the pinned key of this curve under which a signature holds.
    pub(super) fn signer_of(&self, curve: Curve, signed: &[u8], signature: &[u8]) -> Option<&str> {
        let mut keys = self.0.iter().filter(|key| key.curve == curve);
        let key = keys.find(|key| key.parsed.verify_sig(signed, signature).is_ok())?;
        Some(&key.fingerprint)
    }
}

impl PinnedKey {
    fn is(&self, other: &Self) -> bool {
        self.curve == other.curve && self.fingerprint == other.fingerprint
    }
}

fn pinned(text: &str, curve: Option<Curve>) -> Result<PinnedKey, PinningFault> {
    let bytes = hex::decode(text.trim()).map_err(|_| PinningFault::NotAKey)?;
    let is_point = match bytes.first() {
        Some(4) => bytes.len() == POINT_BYTES,
        Some(2 | 3) => bytes.len() == 33,
        _ => false,
    };
    if !is_point {
        return Err(PinningFault::NotAKey);
    }
    match curve {
        Some(curve) => on(curve, &bytes).ok_or(PinningFault::NotAKey),
        None => match (on(Curve::P256, &bytes), on(Curve::Secp256k1, &bytes)) {
            (Some(key), None) | (None, Some(key)) => Ok(key),
            (None, None) => Err(PinningFault::NotAKey),
            // Half of all numbers are the first half of a point, on either curve.
            (Some(_), Some(_)) => Err(PinningFault::EitherCurve),
        },
    }
}

fn on(curve: Curve, bytes: &[u8]) -> Option<PinnedKey> {
    let parsed = ParsedPublicKey::new(curve.verification(), bytes).ok()?;
    let der = parsed.as_der().ok()?;
    // A public key in X.509 ends with the point.
    let (_, point) = der.as_ref().split_last_chunk::<POINT_BYTES>()?;
    let fingerprint = hex::encode(digest(&SHA3_256, point));
    Some(PinnedKey {
        curve,
        parsed,
        fingerprint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base points of the curves (SEC 2), which are as good as any.
    const P256: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    const SECP256K1: &str = "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    /// The first half of a point of either curve.
    const EITHER: &str = "020000000000000000000000000000000000000000000000000000000000000008";

    fn compressed(point: &str) -> String {
        let is_odd = u8::from_str_radix(&point[129..], 16).unwrap() % 2 == 1;
        format!("0{}{}", if is_odd { 3 } else { 2 }, &point[2..66])
    }

    fn faults(keys: &[(&str, Option<Curve>)]) -> Vec<(usize, PinningFault)> {
        PinnedKeys::new(keys.iter().copied())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_key_is_of_the_curve_that_it_lies_on() {
        for (text, curve, other) in [
            (P256, Curve::P256, Curve::Secp256k1),
            (SECP256K1, Curve::Secp256k1, Curve::P256),
        ] {
            for said in [None, Some(curve)] {
                let set = PinnedKeys::new([(text, said)]).unwrap();
                assert!(set.has(curve) && !set.has(other));
            }
            assert_eq!(faults(&[(text, Some(other))]), [(1, PinningFault::NotAKey)]);
        }
    }

    #[test]
    fn a_compressed_key_is_the_same_key_and_may_have_to_name_its_curve() {
        for (text, curve) in [(P256, Curve::P256), (SECP256K1, Curve::Secp256k1)] {
            let short = compressed(text);
            let twice = [(text, Some(curve)), (short.as_str(), Some(curve))];
            assert_eq!(faults(&twice), [(2, PinningFault::Repeated)]);
        }
        assert_eq!(faults(&[(EITHER, None)]), [(1, PinningFault::EitherCurve)]);
        for curve in [Curve::P256, Curve::Secp256k1] {
            assert_eq!(faults(&[(EITHER, Some(curve))]), []);
        }
    }

    #[test]
    fn what_is_no_key_is_told_by_its_number() {
        let off_curve = format!("{}6", &P256[..129]);
        let hybrid = format!("06{}", &P256[2..]);
        for wrong in [
            "",
            "00",
            "zz",
            &P256[..128],
            &off_curve,
            &hybrid,
            &P256[2..],
        ] {
            let keys = [(P256, None), (wrong, None)];
            assert_eq!(faults(&keys), [(2, PinningFault::NotAKey)], "{wrong}");
        }
        assert_eq!(
            faults(&[("", None), (P256, None), (P256, None)]),
            [(1, PinningFault::NotAKey), (3, PinningFault::Repeated)]
        );
    }
}
