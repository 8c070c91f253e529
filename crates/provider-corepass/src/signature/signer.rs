//! Signs as a connector does. For tests alone: the service signs nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use sha3::{Digest, Sha3_256};

/// A recorded status callback file: the connector's key, and compact bodies.
pub struct Recorded {
    pub key: String,
    pub bodies: Vec<String>,
}

pub fn recorded() -> Recorded {
    #[derive(serde::Deserialize)]
    struct File<'a> {
        connector_public_key: String,
        #[serde(borrow)]
        callbacks: Vec<&'a serde_json::value::RawValue>,
    }
    let file: File<'_> =
        serde_json::from_str(include_str!("../../testdata/status_callbacks.json")).unwrap();
    Recorded {
        key: file.connector_public_key,
        bodies: file
            .callbacks
            .iter()
            .map(|body| crate::wire::json::compact(body.get()).into_owned())
            .collect(),
    }
}

/// A key of our own.
pub fn private(seed: u8) -> PKey<Private> {
    PKey::private_key_from_raw_bytes(&[seed; 57], Id::ED448).unwrap()
}

/// Its public half in hex.
pub fn hex_key(private: &PKey<Private>) -> String {
    hex::encode(private.raw_public_key().unwrap())
}

pub fn sha3(text: &str) -> [u8; 32] {
    Sha3_256::digest(text.as_bytes()).into()
}

/// The members of a compact object, and a signature over `digest` as the connector appends it.
pub fn signed_over(members: &str, digest: [u8; 32], private: &PKey<Private>) -> String {
    let mut signer = Signer::new_without_digest(private).unwrap();
    let mut bytes = signer.sign_oneshot_to_vec(&digest).unwrap();
    bytes.extend(private.raw_public_key().unwrap());
    let text = STANDARD.encode(bytes);
    let open = members.strip_suffix('}').unwrap();
    format!("{open},\"signature\":\"{text}\"}}")
}

/// The same, over the established encoding.
pub fn signed(members: &str, private: &PKey<Private>) -> String {
    signed_over(members, sha3(members), private)
}
