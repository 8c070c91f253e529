//! JWTs as the sandbox's upstreams read and write them, with OpenSSL: three parts, signed with ECDSA
//! over SHA-256. Which claims there must be is the upstream's own business.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::Public;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verilane_core::Timestamp;

use crate::keys::EcPair;

/// A token in its parts. Nothing of it is to be believed before it [`holds`](Jwt::holds).
pub struct Jwt<'a> {
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart.
    pub fn split(token: &'a str) -> Result<Self, &'static str> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("the token is not a JWT");
        };
        Ok(Self {
            signed: token.rsplit_once('.').map_or(token, |(signed, _)| signed),
            header,
            claims,
            signature,
        })
    }

    /// Its `alg`.
    pub fn algorithm(&self) -> Result<Option<String>, &'static str> {
        let header = json(self.header)?;
        Ok(header.get("alg").and_then(Value::as_str).map(str::to_owned))
    }

    /// What it claims.
    pub fn claims(&self) -> Result<Value, &'static str> {
        json(self.claims)
    }

    /// Whether its signature is one under `key`.
    pub fn holds(&self, key: &EcKey<Public>) -> Result<(), &'static str> {
        let signature = URL_SAFE_NO_PAD
            .decode(self.signature)
            .map_err(|_| "the JWT's signature is not base64url")?;
        let halves = signature.split_at_checked(32);
        let halves = halves.filter(|(_, s)| s.len() == 32);
        let digest = Sha256::digest(self.signed.as_bytes());
        let verified = |(r, s): (&[u8], &[u8])| {
            let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
            EcdsaSig::from_private_components(r, s)?.verify(&digest, key)
        };
        match halves.map(verified) {
            Some(Ok(true)) => Ok(()),
            _ => Err("the JWT's signature does not hold"),
        }
    }
}

fn json(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or("the JWT can't be read")
}

/// The part of a token that is signed, out of a header and claims in JSON.
pub fn to_sign(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

/// A token with its signature.
pub fn sealed(to_sign: &str, signature: &[u8]) -> String {
    format!("{to_sign}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token under a key.
pub fn signed(header: &str, claims: &str, key: &EcPair) -> Result<String, ErrorStack> {
    let to_sign = to_sign(header, claims);
    let signature = key.sign(&Sha256::digest(to_sign.as_bytes()).into())?;
    Ok(sealed(&to_sign, &signature))
}

/// A time as a claim has it: seconds with fractions.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 stay exact in 53 bits for a quarter of a million years"
)]
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}
