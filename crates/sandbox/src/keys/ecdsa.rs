//! ECDSA on curves of 256 bits, signing only.
//!
//! Written out in OpenSSL's big numbers, since its own ECDSA draws its nonces and tells no recovery
//! id. Here the nonce is derived from key and digest, so that the same seed gives the same bytes.
//! Not in constant time: nothing that this signs is worth anything.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Public;

use crate::seed::{Seed, sha3};

/// Bytes of a private key, and of either half of a signature.
const HALF: i32 = 32;

/// One key pair.
pub struct EcPair {
    curve: Nid,
    private: Vec<u8>,
    public: Vec<u8>,
}

impl std::fmt::Debug for EcPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EcPair({})", self.public_hex())
    }
}

/// What signing comes to.
struct Signed {
    r: BigNum,
    s: BigNum,
    order: BigNum,
    recovery: u8,
}

/// A number from 1 to `order - 1` out of 32 bytes.
pub fn scalar(bytes: &[u8], order: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    let mut below = order.to_owned()?;
    below.sub_word(1)?;
    let mut scalar = BigNum::new()?;
    let wide = BigNum::from_slice(bytes)?;
    scalar.nnmod(&wide, &below, &mut ctx)?;
    scalar.add_word(1)?;
    Ok(scalar)
}

impl EcPair {
    /// The pair that the seed gives for `label`.
    pub fn derive(seed: Seed, label: &str, curve: Nid) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(curve)?;
        let mut ctx = BigNumContext::new()?;
        let mut order = BigNum::new()?;
        group.order(&mut order, &mut ctx)?;
        let private = scalar(&seed.bytes(label), &order)?;
        let mut point = EcPoint::new(&group)?;
        point.mul_generator2(&group, &private, &mut ctx)?;
        let form = PointConversionForm::UNCOMPRESSED;
        Ok(Self {
            curve,
            private: private.to_vec(),
            public: point.to_bytes(&group, form, &mut ctx)?,
        })
    }

    /// The private key: 32 bytes as lower-case hex.
    pub fn private_hex(&self) -> String {
        format!("{:0>64}", hex::encode(&self.private))
    }

    /// The public key, uncompressed: 65 bytes as lower-case hex.
    pub fn public_hex(&self) -> String {
        hex::encode(&self.public)
    }

    /// The public key as whoever verifies needs it.
    pub fn public_key(&self) -> Result<EcKey<Public>, ErrorStack> {
        public_key(&self.public, self.curve)
    }

    fn signed(&self, digest: &[u8; 32]) -> Result<Signed, ErrorStack> {
        let group = EcGroup::from_curve_name(self.curve)?;
        let mut ctx = BigNumContext::new()?;
        let mut order = BigNum::new()?;
        group.order(&mut order, &mut ctx)?;
        let private = BigNum::from_slice(&self.private)?;
        let nonce = scalar(&sha3(&[self.private.as_slice(), digest].concat()), &order)?;
        let mut point = EcPoint::new(&group)?;
        point.mul_generator2(&group, &nonce, &mut ctx)?;
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        point.affine_coordinates(&group, &mut x, &mut y, &mut ctx)?;
        let mut r = BigNum::new()?;
        r.nnmod(&x, &order, &mut ctx)?;
        let recovery = u8::from(y.is_bit_set(0)) + if x >= order { 2 } else { 0 };
        // s = (digest + r * private) / nonce
        let (mut product, mut sum) = (BigNum::new()?, BigNum::new()?);
        product.mod_mul(&r, &private, &order, &mut ctx)?;
        sum.mod_add(&product, &*BigNum::from_slice(digest)?, &order, &mut ctx)?;
        let mut inverse = BigNum::new()?;
        inverse.mod_inverse(&nonce, &order, &mut ctx)?;
        let mut s = BigNum::new()?;
        s.mod_mul(&sum, &inverse, &order, &mut ctx)?;
        Ok(Signed {
            r,
            s,
            order,
            recovery,
        })
    }

    /// `r` and `s` as they come: 64 bytes, as a JWT has them.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, ErrorStack> {
        let Signed { r, s, .. } = self.signed(digest)?;
        let mut signature = r.to_vec_padded(HALF)?;
        signature.extend(s.to_vec_padded(HALF)?);
        Ok(signature)
    }

    /// `r`, `s` (the smaller of the two), and `offset` plus the recovery id: 65 bytes.
    pub fn sign_recoverably(&self, digest: &[u8; 32], offset: u8) -> Result<Vec<u8>, ErrorStack> {
        let Signed {
            r,
            mut s,
            order,
            mut recovery,
        } = self.signed(digest)?;
        let mut half = BigNum::new()?;
        half.rshift1(&order)?;
        if s > half {
            let mut other = BigNum::new()?;
            other.checked_sub(&order, &s)?;
            s = other;
            recovery ^= 1;
        }
        let mut signature = r.to_vec_padded(HALF)?;
        signature.extend(s.to_vec_padded(HALF)?);
        signature.push(recovery + offset);
        Ok(signature)
    }
}

/// The public key of a point in either encoding, if it is one of the curve.
pub fn public_key(point: &[u8], curve: Nid) -> Result<EcKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut ctx = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut ctx)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use openssl::ecdsa::EcdsaSig;

    use super::*;

    fn number(bytes: &[u8]) -> BigNum {
        BigNum::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_signature_is_65_bytes_and_holds_under_the_public_key() {
        let pair = EcPair::derive(Seed(3), "key", Nid::SECP256K1).unwrap();
        assert_eq!(pair.public_hex().len(), 130);
        let key = pair.public_key().unwrap();
        for text in ["a", "b", "c", "d", "e"] {
            let digest = sha3(text.as_bytes());
            let signature = pair.sign_recoverably(&digest, 27).unwrap();
            assert_eq!(signature, pair.sign_recoverably(&digest, 27).unwrap());
            assert_eq!(signature.len(), 65);
            assert!(matches!(signature[64], 27 | 28));
            let (r, s) = (number(&signature[..32]), number(&signature[32..64]));
            let ecdsa = EcdsaSig::from_private_components(r, s).unwrap();
            assert!(ecdsa.verify(&digest, &key).unwrap());
            assert!(!ecdsa.verify(&sha3(b"other"), &key).unwrap());
        }
    }

    #[test]
    fn either_curve_signs_what_openssl_verifies_with_s_in_either_half() {
        for curve in [Nid::SECP256K1, Nid::X9_62_PRIME256V1] {
            let pair = EcPair::derive(Seed(3), "key", curve).unwrap();
            assert_eq!(pair.private_hex().len(), 64);
            let key = pair.public_key().unwrap();
            let mut high = 0;
            for text in 0_u8..16 {
                let digest = sha3(&[text]);
                let signature = pair.sign(&digest).unwrap();
                assert_eq!(signature.len(), 64);
                let (r, s) = (number(&signature[..32]), number(&signature[32..]));
                high += u8::from(signature[32] >= 0x80);
                let ecdsa = EcdsaSig::from_private_components(r, s).unwrap();
                assert!(ecdsa.verify(&digest, &key).unwrap());
            }
            assert!((1..16).contains(&high), "{high}");
        }
    }
}
