//! What a provider gives once, for a code that the user's browser brings back.
//!
//! A code is checked before anything is sent, sent once its intent is durable, and its answer kept as
//! received before it is read.

use bytes::Bytes;
use verilane_core::{Pii, Timestamp};

use super::{DataItem, DataReport};

/// A provider's message, as received. Personal data.
#[derive(Clone)]
pub struct ProviderMessage {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub body: Bytes,
}

impl std::fmt::Debug for ProviderMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProviderMessage({} bytes)", self.body.len())
    }
}

/// Everything that an exchange gave, to be read. Owned, since it is read on another thread.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// The user, as `prepare` named him; empty if the verification names nobody.
    pub subject: Pii<String>,
    /// What was asked for, sorted, each once.
    pub fields: Vec<String>,
    /// When the code was bound, before it was first sent: nothing true can be older.
    pub bind_time: Timestamp,
    /// When the answer came: what was good then is good however late it is read.
    pub receive_time: Timestamp,
    /// The answer.
    pub answer: ProviderMessage,
    /// What the answer points to, where it does not hold everything itself.
    pub rest: Option<ProviderMessage>,
}

/// What the user has granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Whether it is another user's than the one whom the verification names.
    pub is_anothers: bool,
    /// What was signed, of what was asked for; pictures too.
    pub data: DataReport,
    /// The user's own name at the provider, under the field that it is offered as. It stands outside the
    /// signature.
    pub subject: DataItem,
    /// The kind of document that the data comes from, in the provider's own word, known to us or not.
    pub document: Option<Pii<String>>,
    /// Whether a picture is not the one whose digest came beside it.
    pub digest_mismatch: bool,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// The fingerprint of the pinned key that signed it.
    pub key_fingerprint: String,
}
