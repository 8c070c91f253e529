//! Tokens of our own: ES256 under the private key that an operator was given.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use verilane_core::Reason;

use crate::ProviderError;

/// What is wrong with text that is no private key.
pub const PRIVATE_KEY_FORMS: &str =
    "is not a P-256 private key: PKCS #8 or SEC 1 in PEM, or 64 hexadecimal digits";
/// The header of every token.
const HEADER: &str = r#"{"alg":"ES256","typ":"JWT"}"#;
/// What stands before the 32 bytes of a private key to make it the shortest SEC 1 structure.
const SEC1: [u8; 7] = [0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20];

/// Signs tokens under one key.
pub struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    /// From a private key of P-256: PKCS #8 or SEC 1 in PEM, or its 32 bytes in hex.
    ///
    /// # Errors
    /// [`PRIVATE_KEY_FORMS`].
    pub fn new(private_key: &str) -> Result<Self, &'static str> {
        let text = private_key.trim();
        let der = match hex::decode(text) {
            Ok(bytes) if bytes.len() == 32 => [&SEC1[..], &bytes].concat(),
            _ => pem(text).ok_or(PRIVATE_KEY_FORMS)?,
        };
        let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
        Ok(Self {
            key: key.map_err(|_| PRIVATE_KEY_FORMS)?,
            random: SystemRandom::new(),
        })
    }

    /// A token that claims this.
    ///
    /// # Errors
    /// `CONNECTION_MISCONFIGURED` where nothing can be signed.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, ProviderError> {
        let useless = || ProviderError::Refused {
            reason: Reason::ConnectionMisconfigured,
            text: None,
        };
        let claims = serde_json::to_vec(claims).map_err(|_| useless())?;
        let mut token = URL_SAFE_NO_PAD.encode(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.key.sign(&self.random, token.as_bytes());
        let signature = signature.map_err(|_| useless())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// What the first private key in a PEM file holds; OpenSSL writes the curve before it.
fn pem(text: &str) -> Option<Vec<u8>> {
    ["PRIVATE KEY", "EC PRIVATE KEY"].iter().find_map(|label| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let digits: String = body.split_whitespace().collect();
        STANDARD.decode(digits).ok()
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, KeyPair as _};

    use super::*;

    const HEX: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

    fn in_pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn public(signer: &Signer) -> Vec<u8> {
        signer.key.public_key().as_ref().to_vec()
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        let from_hex = Signer::new(HEX).unwrap();
        // The public key that RFC 6979 (A.2.5) gives for it.
        assert!(
            hex::encode(public(&from_hex)).starts_with("0460fed4ba255a9d31c961eb74c6356d68c049b8")
        );
        let sec1 = in_pem(
            "EC PRIVATE KEY",
            &[&SEC1[..], &hex::decode(HEX).unwrap()].concat(),
        );
        let curve = in_pem("EC PARAMETERS", b"curve");
        let pkcs8 = from_hex.key.to_pkcs8v1().unwrap();
        let pkcs8 = in_pem("PRIVATE KEY", pkcs8.as_ref());
        for text in [
            sec1.clone(),
            format!("{curve}{sec1}"),
            pkcs8,
            format!(" {HEX}\n"),
        ] {
            assert_eq!(public(&Signer::new(&text).unwrap()), public(&from_hex));
        }
    }

    #[test]
    fn what_is_no_private_key_of_the_curve_is_refused() {
        let public_key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public_key = public_key.public_key().as_der().unwrap().as_ref().to_vec();
        let other_curve = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let other_curve = other_curve.to_pkcs8v1().unwrap();
        for wrong in [
            String::new(),
            HEX[2..].to_owned(),
            "0".repeat(64),
            "f".repeat(64),
            in_pem("PRIVATE KEY", b"nothing"),
            in_pem("PUBLIC KEY", &public_key),
            in_pem("PRIVATE KEY", other_curve.as_ref()),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
        ] {
            assert!(Signer::new(&wrong).is_err(), "{wrong}");
        }
    }
}
