//! What a provider says, as it came in, and what a plug-in reads in it. Plain types.
//!
//! Bodies, values and pepper are personal data; statuses and identities are not.

use std::sync::Arc;

use bytes::Bytes;
use verilane_core::{CallbackChannel, Checks, Fact, Pii, ProviderStatus, Reason, Timestamp};

/// A provider's call, as it came in. Owned, since it is read on another thread.
#[derive(Clone)]
pub struct Callback {
    /// On which path.
    pub channel: CallbackChannel,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its body. Personal data.
    pub body: Bytes,
    /// When it came.
    pub receive_time: Timestamp,
    /// The attempts that it can be about, newest first.
    pub candidates: Vec<Candidate>,
}

/// An attempt that a callback can be about.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The user.
    pub subject: Pii<String>,
    /// What was asked for, sorted. Shared by the attempts of a slot, of which there can be many.
    pub fields: Arc<[String]>,
    /// When its intent was committed.
    pub start_time: Timestamp,
    /// The expiry that the provider was asked for.
    pub requested_expiry: Timestamp,
    /// The expiry that it answered, once it did.
    pub expire_time: Option<Timestamp>,
    /// Whether a caller called it off.
    pub is_cancelled: bool,
    /// Whether the provider is known to have taken its request. What does not say which request it is
    /// about is about none that was not taken.
    pub was_taken: bool,
}

/// A callback that is what it claims to be.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The index of the candidate that it is about.
    pub candidate: usize,
    /// What it says.
    pub report: Report,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// Whether its deadline has passed.
    pub is_late: bool,
    /// The fingerprint of the pinned key that signed it.
    pub key_fingerprint: String,
    /// Which of the known encodings the signature holds for.
    pub encoding: &'static str,
}

/// What a callback says.
#[derive(Clone, Debug)]
pub enum Report {
    /// How far the provider is.
    Status(StatusReport),
    /// Verified data.
    Data(DataReport),
    /// A failure.
    Failure(FailureReport),
}

/// How far a provider is.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// Its word, one of those it documents; `"OTHER"` for any else.
    pub status: ProviderStatus,
    /// What makes this report one and the same when it comes again. Without personal data.
    pub identity: String,
    /// The provider's time of it, if an attempt can come to this more than once: then that belongs
    /// to what makes it the same. A history has it exactly; of a callback it can be that of a
    /// repeat, and so lie later.
    pub occurrence: Option<Timestamp>,
    /// The word's place in the provider's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt.
    pub fact: Option<Fact>,
    /// The hash of a transaction on a public chain. Leads back to a person.
    pub tx_hash: Option<Pii<String>>,
}

/// A question for the statuses that a provider has noted. It is about a user and fields, not about
/// an attempt: where a provider keeps several requests apart, the plug-in answers with all of them.
#[derive(Debug)]
pub struct HistoryRequest<'a> {
    /// The user.
    pub subject: &'a Pii<String>,
    /// What was asked for, sorted, each once.
    pub fields: &'a [&'a str],
}

/// A status that a provider has noted.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// What it says, under the identity that a callback about it has.
    pub report: StatusReport,
    /// The provider's own time of it.
    pub provider_time: Timestamp,
    /// Whether it is told if no callback told it. What the answer to a start says already is not; it
    /// stands there for a callback that comes late.
    pub is_news: bool,
}

/// Verified data.
#[derive(Clone, Debug)]
pub struct DataReport {
    /// One entry for each field that was asked for and came. No field twice.
    pub items: Vec<DataItem>,
    /// How many items came that nobody asked for.
    pub unrequested: usize,
}

/// The value of one field.
#[derive(Clone, Debug)]
pub struct DataItem {
    /// The provider's name for the field.
    pub field: String,
    /// The value, as received.
    pub value: Pii<String>,
    /// What the provider's fingerprint of the value was salted with. As sensitive as the value.
    pub pepper: Option<Pii<String>>,
    /// The picture that the value encodes, where the field holds one.
    pub image: Option<Image>,
    /// What the provider says of the value beside it, where it says anything.
    pub checks: Option<Checks>,
}

/// A picture, taken out of the text that encodes it.
#[derive(Clone, Debug)]
pub enum Image {
    /// Its file, byte for byte.
    File(Pii<Vec<u8>>),
    /// The text encodes nothing.
    Unreadable,
}

/// Data that is right in everything but its signature. Nobody believes it.
#[derive(Clone, Debug)]
pub struct UnsignedData {
    /// The index of the candidate that it would be about.
    pub candidate: usize,
    /// What it says. Nothing in it was left unasked, and it holds something.
    pub data: DataReport,
    /// The provider's own time of it, by its own word.
    pub provider_time: Option<Timestamp>,
    /// Whether its deadline has passed.
    pub is_late: bool,
}

/// A value to be checked again.
#[derive(Clone, Copy, Debug)]
pub struct ValueToCheck<'a> {
    /// The provider's name for the field.
    pub field: &'a str,
    /// The value, as received.
    pub value: &'a Pii<String>,
    /// What its fingerprint was salted with.
    pub pepper: &'a Pii<String>,
}

/// What a provider says of values that it was asked about: each is on one list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revalidated {
    /// The fields whose values hold.
    pub valid: Vec<String>,
    /// The fields whose values don't hold.
    pub invalid: Vec<String>,
}

/// A failure.
#[derive(Clone, Debug)]
pub struct FailureReport {
    /// The provider's word, if it is one that it documents; else `"OTHER"`.
    pub status: ProviderStatus,
    /// The word's place in the provider's order; 0 if it has none.
    pub rank: u16,
    /// What makes this report one and the same when it comes again. Without personal data.
    pub identity: String,
    /// What it tells about the attempt.
    pub fact: Fact,
}

/// A callback that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("callback refused: {reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}
