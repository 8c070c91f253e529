//! A message of a provider that is believed, in the terms of decisions.

use bytes::Bytes;
use verilane_core::decide::{DATA_IDENTITY, Document, StatusArrival};
use verilane_core::{
    Assurance, AttemptNumber, BlindIndex, Fact, Pii, Principal, ProviderStatus, Timestamp,
};
use verilane_provider::{Granted, HistoryEntry, Reading, Report};
use verilane_store::Loaded;

use crate::{AccessContext, occurrence};

/// An operator who hands a message in, and why.
pub(super) struct HandedIn {
    pub(super) principal: Principal,
    pub(super) access: AccessContext,
}

/// What a callback says, in the terms of decisions.
pub(crate) struct Message {
    pub(super) attempt: AttemptNumber,
    pub(super) identity: String,
    pub(super) report: Report,
    pub(super) provider_time: Option<Timestamp>,
    pub(super) late: bool,
    pub(super) assurance: Assurance,
    pub(super) key_fingerprint: Option<String>,
    /// Who handed it in, if the provider did not.
    pub(super) handed_in: Option<HandedIn>,
    /// What becomes evidence of it.
    pub(super) source: Source,
    /// The document that its claims come from, where one document decides that.
    pub(super) document: Option<Document>,
    /// The kind of that document in the provider's own word.
    pub(super) document_word: Option<Pii<String>>,
    /// The field whose value stands outside the signature.
    pub(super) unsigned: Option<String>,
    /// Whether a picture is not the one whose digest came beside it.
    pub(super) digest_mismatch: bool,
    /// The subjects by which the verification is found while its claims stand, if it says anything about
    /// that.
    pub(super) lookup: Option<Vec<BlindIndex>>,
}

/// The message as received.
pub(super) enum Source {
    /// It came now, and is made durable once it is decided on.
    Body { media_type: String, body: Bytes },
    /// It is durable, and shows already.
    Shown,
}

impl Message {
    pub(super) fn new(
        attempt: AttemptNumber,
        reading: Reading,
        content_type: Option<String>,
        body: Bytes,
    ) -> Self {
        let identity = match &reading.report {
            Report::Status(report) => occurrence::key(report),
            Report::Failure(report) => report.identity.clone(),
            Report::Data(_) => DATA_IDENTITY.to_owned(),
        };
        Self {
            attempt,
            identity,
            report: reading.report,
            provider_time: reading.provider_time,
            late: reading.is_late,
            assurance: Assurance::Signed,
            key_fingerprint: Some(reading.key_fingerprint),
            handed_in: None,
            source: Source::Body {
                media_type: content_type.unwrap_or_default(),
                body,
            },
            document: None,
            document_word: None,
            unsigned: None,
            digest_mismatch: false,
            lookup: None,
        }
    }

    /// What a user has granted, whose message is durable and shows.
    pub(crate) fn granted(
        attempt: AttemptNumber,
        granted: &Granted,
        lookup: Vec<BlindIndex>,
    ) -> Self {
        let mut data = granted.data.clone();
        data.items.push(granted.subject.clone());
        let word = granted.document.as_ref().map(Pii::expose);
        Self {
            attempt,
            identity: DATA_IDENTITY.to_owned(),
            report: Report::Data(data),
            provider_time: granted.provider_time,
            late: false,
            assurance: Assurance::Signed,
            key_fingerprint: Some(granted.key_fingerprint.clone()),
            handed_in: None,
            source: Source::Shown,
            document: Some(Document::of_word(word.map(String::as_str))),
            document_word: granted.document.clone(),
            unsigned: Some(granted.subject.field.clone()),
            digest_mismatch: granted.digest_mismatch,
            lookup: Some(lookup),
        }
    }

    /// How far the value of a field can be trusted, and by which key.
    pub(super) fn assurance_of(&self, field: &str) -> (Assurance, Option<String>) {
        if self.unsigned.as_deref() == Some(field) {
            return (Assurance::Pulled, None);
        }
        (self.assurance, self.key_fingerprint.clone())
    }

    /// Whether only the provider's history can say whether it tells anything new.
    pub(super) fn needs_history(&self, loaded: &Loaded) -> bool {
        let Report::Status(report) = &self.report else {
            return false;
        };
        self.late || occurrence::may_repeat(&loaded.seen, self.attempt, report)
    }

    /// What it repeats under another time, by what the provider has noted.
    pub(super) fn repeats(&self, loaded: &Loaded, history: &[HistoryEntry]) -> Option<String> {
        let Report::Status(report) = &self.report else {
            return None;
        };
        occurrence::noted_as(&loaded.seen, self.attempt, report, history)
    }

    /// Whether the status that it tells stands in a history.
    pub(super) fn stands_in(&self, history: &[HistoryEntry]) -> bool {
        match &self.report {
            Report::Status(report) => occurrence::stands(report, history),
            Report::Failure(_) | Report::Data(_) => false,
        }
    }

    pub(super) fn status(
        &self,
        status: &ProviderStatus,
        rank: u16,
        fact: Option<Fact>,
    ) -> StatusArrival {
        StatusArrival {
            status: status.clone(),
            identity: self.identity.clone(),
            rank,
            fact,
            provider_time: self.provider_time,
            assurance: self.assurance,
            late: self.late,
        }
    }
}
