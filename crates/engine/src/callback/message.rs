//! A message of a provider that is believed, in the terms of decisions.

use bytes::Bytes;
use verilane_core::decide::{DATA_IDENTITY, StatusArrival};
use verilane_core::{Assurance, AttemptNumber, Fact, Principal, ProviderStatus, Timestamp};
use verilane_provider::{HistoryEntry, Reading, Report};
use verilane_store::Loaded;

use crate::{AccessContext, occurrence};

/// An operator who hands a message in, and why.
pub(super) struct HandedIn {
    pub(super) principal: Principal,
    pub(super) access: AccessContext,
}

/// What a callback says, in the terms of decisions.
pub(super) struct Message {
    pub(super) attempt: AttemptNumber,
    pub(super) identity: String,
    pub(super) report: Report,
    pub(super) provider_time: Option<Timestamp>,
    pub(super) late: bool,
    pub(super) assurance: Assurance,
    pub(super) key_fingerprint: Option<String>,
    /// Who handed it in, if the provider did not.
    pub(super) handed_in: Option<HandedIn>,
    /// The message as received, and the piece of evidence that it becomes.
    pub(super) media_type: String,
    pub(super) body: Bytes,
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
            media_type: content_type.unwrap_or_default(),
            body,
        }
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
