//! Partner JWTs: how the older generation has a partner authorise each request, ES256 under the private
//! key that Civic gave them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use verilane_core::{Reason, Timestamp};
use verilane_provider::ProviderError;

/// How long a JWT lives, in seconds. Civic takes no longer one.
const LIFE: i64 = 60;
/// The audience.
const AUDIENCE: &str = "com.civic";
/// What stands before the 32 bytes of a private key to make it the shortest SEC 1 structure.
const SEC1: [u8; 7] = [0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20];

/// Signs for one partner.
pub struct Signer {
    pub key: EcdsaKeyPair,
    pub partner_id: String,
}

impl Signer {
    /// A JWT for one request, from now on.
    pub fn jwt(&self, request: &str, now: Timestamp) -> Result<String, ProviderError> {
        let now = now.as_secs();
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let claims = json!({
            "iss": self.partner_id,
            "aud": AUDIENCE,
            "sub": request,
            "iat": now,
            "exp": now.saturating_add(LIFE),
            "data": { "appId": self.partner_id },
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| ProviderError::Refused {
            reason: Reason::ConnectionMisconfigured,
            text: None,
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// A private key of P-256: PKCS #8 or SEC 1 in PEM, or its 32 bytes in hex.
pub fn private_key(text: &str) -> Result<EcdsaKeyPair, &'static str> {
    const WRONG: &str =
        "is not a P-256 private key: PKCS #8 or SEC 1 in PEM, or 64 hexadecimal digits";
    let text = text.trim();
    let der = match hex::decode(text) {
        Ok(bytes) if bytes.len() == 32 => [&SEC1[..], &bytes].concat(),
        _ => pem(text).ok_or(WRONG)?,
    };
    let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
    key.map_err(|_| WRONG)
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
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, KeyPair as _, UnparsedPublicKey,
    };
    use serde_json::Value;

    use super::*;

    const HEX: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

    fn in_pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn public(key: &EcdsaKeyPair) -> Vec<u8> {
        key.public_key().as_ref().to_vec()
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        let from_hex = private_key(HEX).unwrap();
        // The public key that RFC 6979 (A.2.5) gives for it.
        assert!(
            hex::encode(public(&from_hex)).starts_with("0460fed4ba255a9d31c961eb74c6356d68c049b8")
        );
        let sec1 = in_pem(
            "EC PRIVATE KEY",
            &[&SEC1[..], &hex::decode(HEX).unwrap()].concat(),
        );
        let curve = in_pem("EC PARAMETERS", b"curve");
        let pkcs8 = from_hex.to_pkcs8v1().unwrap();
        let pkcs8 = in_pem("PRIVATE KEY", pkcs8.as_ref());
        for text in [
            sec1.clone(),
            format!("{curve}{sec1}"),
            pkcs8,
            format!(" {HEX}\n"),
        ] {
            assert_eq!(public(&private_key(&text).unwrap()), public(&from_hex));
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
            assert!(private_key(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_jwt_says_what_the_document_asks_for_and_holds_under_the_key() {
        let signer = Signer {
            key: private_key(HEX).unwrap(),
            partner_id: "7SXjaG9TH".to_owned(),
        };
        let request = "https://api.civic.com/sip/v3/scopeRequest/023d4e5f";
        let jwt = signer
            .jwt(request, Timestamp::from_secs(1_700_000_000))
            .unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public(&signer.key));
        key.verify(signed.as_bytes(), &signature).unwrap();
        let part = |number: usize| -> Value {
            let part = signed.split('.').nth(number).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "alg": "ES256", "typ": "JWT" }));
        let claims = json!({
            "iss": "7SXjaG9TH",
            "aud": "com.civic",
            "sub": request,
            "iat": 1_700_000_000,
            "exp": 1_700_000_060,
            "data": { "appId": "7SXjaG9TH" },
        });
        assert_eq!(part(1), claims);
    }
}
