//! Everything that turns personal data into bytes a store may hold, and back.
//!
//! # Keys
//!
//! A [`Keyring`] is a file with two kinds of key. *Key-encryption keys* have ids; the primary one
//! wraps, all of them unwrap, so a key can be replaced without touching what older ones wrapped.
//! The *index key* never changes: with another one, nothing indexed before would be found.
//!
//! Each verification has a *data key* of its own, kept only wrapped. What the verification knows
//! about a person is sealed under it. Destroying the wrapped data key therefore erases whatever a
//! backup or a free page may still hold of the ciphertext, as long as no copy of the wrapped key
//! is left. What has to outlive erasure (the callback paths of a slot) is wrapped under the
//! keyring itself.
//!
//! # Formats
//!
//! Each begins with a version, so that another algorithm or layout can stand beside it. Numbers
//! are big-endian. `tag` is AES-256-GCM's 16 bytes, `nonce` its 12, drawn at random each time.
//!
//! | value | bytes, version 1 | associated data |
//! | --- | --- | --- |
//! | [`Sealed`](verilane_core::Sealed) | `01`, nonce, ciphertext, tag | the [`SealContext`] |
//! | [`Wrapped`](verilane_core::Wrapped) | `01`, length of key id, key id, nonce, ciphertext, tag | the header before the nonce; purpose; what it belongs to |
//! | [`BlindIndex`](verilane_core::BlindIndex) | HMAC-SHA256 under the index key | |
//!
//! The associated data is not stored. Whoever opens a value says what it is and where it was
//! found, and a value that was altered, moved or sealed for something else does not open.
//!
//! A random nonce repeats with a chance of 2^-32 after 2^32 values under one key. No verification
//! comes near; a key-encryption key wraps one value a verification and one a slot, and is to be
//! replaced before four thousand million of them.
//!
//! # What this crate leaves to others
//!
//! Where the bytes are kept, when a data key is destroyed, and who may read. It does no I/O but
//! the keyring's file, and has no notion of time.

mod aead;
mod chunks;
mod context;
mod data_key;
mod error;
mod framing;
mod index;
mod keyring;
mod keyring_file;
mod random;
mod vault;

pub use chunks::EVIDENCE_CHUNK_BYTES;
pub use context::{SealContext, SealedWhat};
pub use data_key::DataKey;
pub use error::VaultError;
pub use index::IndexKind;
pub use keyring::{KeyId, Keyring, KeyringError};
pub use vault::{Vault, WrapPurpose};
