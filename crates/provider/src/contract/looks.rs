//! What a provider that does not call us is asked, and what it answers.
//!
//! The user's browser brings back the name of the provider's request; from then on the provider is
//! looked at, now and then. What a look shows is compared with the look before by whoever asked.

use async_trait::async_trait;
use bytes::Bytes;
use verilane_core::{Fact, Pii, ProviderStatus, Whose};

use super::DataReport;
use crate::ProviderError;

/// What a browser brought back, named by what it is.
#[derive(Clone, Debug)]
pub enum Continuation {
    /// The name of a presentation request: an id, or a URL.
    PresentationRequest(Pii<String>),
    /// A code that the provider gives the user's data for, once: as it stands, or in the event that the
    /// provider's script gave to the page, as JSON.
    AuthorizationCode(Pii<String>),
}

/// How often a provider is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// After the last news.
    pub first: std::time::Duration,
    /// At most between two looks at a request that is open.
    pub longest: std::time::Duration,
}

/// A request to look at.
#[derive(Debug)]
pub struct LookRequest<'a> {
    /// Its name, as [`read_continuation`](super::Provider::read_continuation) gave it.
    pub reference: &'a Pii<String>,
    /// The user, as `prepare` named him; empty if the verification names nobody.
    pub subject: &'a Pii<String>,
    /// What was asked for, sorted, each once.
    pub fields: &'a [&'a str],
}

/// What a provider shows of a request.
#[derive(Clone, Debug)]
pub struct LookAnswer {
    /// Its word, as [`word_or_other`](verilane_core::word_or_other) makes it: those that it does not document
    /// are passed on too.
    pub status: ProviderStatus,
    /// The word's place in the provider's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt, if the request is its user's.
    pub fact: Option<Fact>,
    /// Its second word for how far it is.
    pub progress: Option<ProviderStatus>,
    /// What stands behind those of the two that are no words.
    pub unshown: Unshown,
    /// Whose the request is: compared whenever the answer names somebody, whatever its status.
    pub whose: Whose,
    /// What it gives of what was asked for, pictures left out; none as long as nothing can be read, or of
    /// another's. Of one that names nobody it is taken only if the user was named before.
    pub data: Option<DataReport>,
    /// The kind of document that the data comes from, in the provider's own word, known to us or not.
    pub document: Option<Pii<String>>,
    /// The names of all that it links to, asked for or not, whatever its status: words, none twice.
    pub links: Vec<String>,
    /// What it offers as evidence, of what was asked for. No field twice.
    pub offers: Vec<EvidenceOffer>,
    /// The answer, as received, and its media type.
    pub message: Pii<Vec<u8>>,
    /// The media type of the message.
    pub media_type: String,
}

/// Texts in the place of words, which could name somebody: whoever asked tells by them that something has
/// changed, and shows them nowhere.
#[derive(Clone, Debug, Default)]
pub struct Unshown {
    /// In the place of the status.
    pub status: Option<Pii<String>>,
    /// In the place of the second word.
    pub progress: Option<Pii<String>>,
}

/// A piece of evidence that can be fetched, for a while.
#[derive(Clone, Debug)]
pub struct EvidenceOffer {
    /// The provider's name for the field.
    pub field: String,
    /// Where it lies. Grants access, so it is as secret as what lies there. Links that differ behind the
    /// first `?` or `#` alone lead to the same bytes, which are fetched once then.
    pub link: Pii<String>,
}

/// The bytes of a piece of evidence, as they come.
#[async_trait]
pub trait EvidenceBody: Send {
    /// The next bytes, never none; nothing once all have come.
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError>;
}
