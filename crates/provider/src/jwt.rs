//! JSON Web Tokens (RFC 7519) as providers use them: compact, signed by ECDSA over SHA-256.
//!
//! Read strictly: three parts, each in the one spelling that base64url has for it, a header that asks
//! for nothing which is not understood. Invariant: an algorithm is refused before any key is touched,
//! and what a token claims is given out only once its signature holds, but for
//! [`unchecked_claims`]. Which claims there must be is the plug-in's business.

mod keys;
mod signer;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use verilane_core::Pii;

pub use keys::{Curve, PinnedKeys, PinningFault};
pub use signer::{PRIVATE_KEY_FORMS, Signer};

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is no token.
    #[error("it is not a token")]
    Malformed,
    /// It is signed by something else than ES256 and ES256K, or by one for which no key is pinned.
    #[error("no key is pinned for its algorithm")]
    Algorithm,
    /// Its signature holds under no pinned key.
    #[error("its signature holds under no pinned key")]
    Signature,
}

/// A token whose signature holds.
pub struct Opened<'k> {
    /// What it claims, as JSON.
    pub claims: Pii<Vec<u8>>,
    /// The fingerprint of the key that signed it.
    pub key: &'k str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What must be understood (RFC 7515, section 4.1.11). Nothing is.
    crit: Option<IgnoredAny>,
}

struct Parts<'t> {
    /// The header and the claims, as they were signed.
    signed: &'t str,
    header: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl PinnedKeys {
    /// Takes a token apart and checks its signature.
    ///
    /// # Errors
    /// [`TokenFault`], by the first check that fails.
    pub fn open(&self, token: &str) -> Result<Opened<'_>, TokenFault> {
        let parts = split(token)?;
        let header: Header = object(&decoded(parts.header)?)?;
        if header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let curve = match header.alg.as_str() {
            "ES256" => Curve::P256,
            "ES256K" => Curve::Secp256k1,
            _ => return Err(TokenFault::Algorithm),
        };
        if !self.has(curve) {
            return Err(TokenFault::Algorithm);
        }
        let claims = decoded(parts.claims)?;
        let signature = decoded(parts.signature)?;
        let key = self
            .signer_of(curve, parts.signed.as_bytes(), &signature)
            .ok_or(TokenFault::Signature)?;
        Ok(Opened {
            claims: Pii::new(claims),
            key,
        })
    }
}

/// What a token claims, whoever signed it: for one that was opened before.
#[must_use]
pub fn unchecked_claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    object(&decoded(split(token).ok()?.claims).ok()?).ok()
}

/// Reads a JSON object.
///
/// # Errors
/// [`TokenFault::Malformed`] for anything else, an array of its members' values among it.
pub fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, TokenFault> {
    let is_object = json.trim_ascii_start().starts_with(b"{");
    let read = is_object.then(|| serde_json::from_slice(json).ok());
    read.flatten().ok_or(TokenFault::Malformed)
}

fn split(token: &str) -> Result<Parts<'_>, TokenFault> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
    Ok(Parts {
        signed,
        header,
        claims,
        signature,
    })
}

/// A further dot is no base64, so a token of more parts ends here.
fn decoded(part: &str) -> Result<Vec<u8>, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| TokenFault::Malformed)
}

#[cfg(test)]
mod tests;
