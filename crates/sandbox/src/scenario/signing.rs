//! How callbacks are signed: what the connector's documentation leaves open, as options.

use serde::{Deserialize, Serialize};

/// What a data or failure callback's signature is made over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// The compact JSON of the body in wire order, as for statuses.
    #[default]
    Wire,
    /// The same without `expiration`.
    WithoutExpiration,
    /// The documentation's Go structure: capitalised names, Go's escapes, a line end.
    GoStruct,
}

/// What the encoding is digested with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    /// SHA3-256.
    #[default]
    Sha3,
    /// SHA-256.
    Sha256,
}

/// What the digest is signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// 114 bytes of Ed448, then the 57 of the public key.
    #[default]
    Ed448,
    /// 65 bytes of recoverable ECDSA on secp256k1: `r`, `s`, and a `v` of 0 or 1.
    Secp256k1,
    /// The same with a `v` of 27 or 28.
    Secp256k1V27,
}

/// How callbacks are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Signing {
    /// What data and failure callbacks are encoded as.
    pub encoding: Encoding,
    /// What that is digested with.
    pub digest: Digest,
    /// The scheme of data and failure callbacks.
    pub data_scheme: Scheme,
    /// The scheme of status callbacks; theirs is always the SHA3-256 of the wire's JSON.
    pub status_scheme: Scheme,
}
