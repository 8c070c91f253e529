//! Tokens and answers as Civic makes them, and as it does not, for tests.

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use verilane_core::Timestamp;
use verilane_provider::jwt::{Curve, PinnedKeys};

use crate::token::{ISSUER, Trust};

/// The application.
pub const APPLICATION: &str = "HyhaWO1SG";
/// Whom tokens are meant for.
pub const AUDIENCE: &str = "https://api.civic.com/sip/";
/// When they are issued.
pub const ISSUED: Timestamp = Timestamp::from_secs(1_700_000_000);
/// The application's secret.
pub const SECRET: [u8; 16] = *b"0123456789abcdef";

/// Civic's keys, of both curves.
pub struct Civic {
    pub p256: EcdsaKeyPair,
    pub secp256k1: EcdsaKeyPair,
}

impl Civic {
    pub fn new() -> Self {
        Self {
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            secp256k1: EcdsaKeyPair::generate(&ECDSA_P256K1_SHA256_FIXED_SIGNING).unwrap(),
        }
    }

    pub fn public(pair: &EcdsaKeyPair) -> String {
        hex::encode(pair.public_key().as_ref())
    }

    /// Trust in its keys of these curves.
    pub fn trust(&self, curves: &[Curve]) -> Trust {
        let keys: Vec<_> = curves
            .iter()
            .map(|curve| match curve {
                Curve::P256 => (Self::public(&self.p256), *curve),
                Curve::Secp256k1 => (Self::public(&self.secp256k1), *curve),
            })
            .collect();
        let keys = keys.iter().map(|(key, curve)| (key.as_str(), Some(*curve)));
        Trust {
            keys: PinnedKeys::new(keys).unwrap(),
            audiences: vec![AUDIENCE.to_owned()],
            application_id: APPLICATION.to_owned(),
        }
    }

    /// A token of the usual kind.
    pub fn token(&self, claims: &Value) -> String {
        signed("ES256", claims, &self.p256)
    }
}

/// A token that says this algorithm, signed by this pair.
pub fn signed(algorithm: &str, claims: &Value, pair: &EcdsaKeyPair) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What a token claims that carries this.
pub fn claims(data: Value) -> Value {
    let issued = 1_700_000_000.25;
    json!({
        "jti": "1775d402-9f3c-449e-afda-8d982c48b1b2",
        "iat": issued,
        "exp": issued + 180.0,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": APPLICATION,
        "data": data,
    })
}

/// Members of an object, some of them others. A null takes one away.
pub fn with(mut whole: Value, others: Value) -> Value {
    let members = whole.as_object_mut().unwrap();
    for (name, value) in others.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    whole
}

/// A text as Civic seals it.
pub fn sealed(text: &[u8], secret: &[u8; 16]) -> String {
    let key = UnboundCipherKey::new(&AES_128, secret).unwrap();
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
    let mut buffer = text.to_vec();
    let DecryptionContext::Iv128(vector) = key.encrypt(&mut buffer).unwrap() else {
        panic!("no initialisation vector");
    };
    format!(
        "{}{}",
        hex::encode(vector.as_ref()),
        STANDARD.encode(buffer)
    )
}

/// A token with a bit of it turned over, for every bit that leaves it ASCII text.
pub fn flipped(token: &str) -> impl Iterator<Item = String> {
    (0..token.len() * 7).map(|number| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[number / 7] ^= 1 << (number % 7);
        String::from_utf8(bytes).unwrap()
    })
}
