//! Recoverable ECDSA on secp256k1, signing only.
//!
//! Written out in OpenSSL's big numbers, since its own ECDSA draws its nonces and tells no recovery
//! id. Here the nonce is derived from key and digest, so that the same seed gives the same bytes.
//! Not in constant time: nothing that this signs is worth anything.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;

use crate::seed::{Seed, sha3};

/// One secp256k1 key pair.
pub struct Secp256k1Pair {
    private: Vec<u8>,
    public: Vec<u8>,
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

impl Secp256k1Pair {
    /// The pair that the seed gives for `label`.
    pub fn derive(seed: Seed, label: &str) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::SECP256K1)?;
        let mut ctx = BigNumContext::new()?;
        let mut order = BigNum::new()?;
        group.order(&mut order, &mut ctx)?;
        let private = scalar(&seed.bytes(label), &order)?;
        let mut point = EcPoint::new(&group)?;
        point.mul_generator2(&group, &private, &mut ctx)?;
        let form = PointConversionForm::UNCOMPRESSED;
        Ok(Self {
            private: private.to_vec(),
            public: point.to_bytes(&group, form, &mut ctx)?,
        })
    }

    /// The public key, uncompressed: 65 bytes as lower-case hex.
    pub fn public_hex(&self) -> String {
        hex::encode(&self.public)
    }

    /// `r`, `s` (the smaller of the two), and `offset` plus the recovery id: 65 bytes.
    pub fn sign(&self, digest: &[u8; 32], offset: u8) -> Result<Vec<u8>, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::SECP256K1)?;
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
        let mut v = u8::from(y.is_bit_set(0)) + if x >= order { 2 } else { 0 };
        // s = (digest + r * private) / nonce
        let (mut product, mut sum) = (BigNum::new()?, BigNum::new()?);
        product.mod_mul(&r, &private, &order, &mut ctx)?;
        sum.mod_add(&product, &*BigNum::from_slice(digest)?, &order, &mut ctx)?;
        let mut inverse = BigNum::new()?;
        inverse.mod_inverse(&nonce, &order, &mut ctx)?;
        let mut s = BigNum::new()?;
        s.mod_mul(&sum, &inverse, &order, &mut ctx)?;
        let mut half = BigNum::new()?;
        half.rshift1(&order)?;
        if s > half {
            let mut other = BigNum::new()?;
            other.checked_sub(&order, &s)?;
            s = other;
            v ^= 1;
        }
        let mut signature = r.to_vec_padded(32)?;
        signature.extend(s.to_vec_padded(32)?);
        signature.push(v + offset);
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use openssl::ec::EcKey;
    use openssl::ecdsa::EcdsaSig;

    use super::*;

    #[test]
    fn a_signature_is_65_bytes_and_holds_under_the_public_key() {
        let pair = Secp256k1Pair::derive(Seed(3), "key").unwrap();
        assert_eq!(pair.public_hex().len(), 130);
        let group = EcGroup::from_curve_name(Nid::SECP256K1).unwrap();
        let mut ctx = BigNumContext::new().unwrap();
        let point = EcPoint::from_bytes(&group, &pair.public, &mut ctx).unwrap();
        let key = EcKey::from_public_key(&group, &point).unwrap();
        for text in ["a", "b", "c", "d", "e"] {
            let digest = sha3(text.as_bytes());
            let signature = pair.sign(&digest, 27).unwrap();
            assert_eq!(signature, pair.sign(&digest, 27).unwrap());
            assert_eq!(signature.len(), 65);
            assert!(matches!(signature[64], 27 | 28));
            let number = |bytes: &[u8]| BigNum::from_slice(bytes).unwrap();
            let (r, s) = (number(&signature[..32]), number(&signature[32..64]));
            let ecdsa = EcdsaSig::from_private_components(r, s).unwrap();
            assert!(ecdsa.verify(&digest, &key).unwrap());
            assert!(!ecdsa.verify(&sha3(b"other"), &key).unwrap());
        }
    }
}
