//! What operators hand in, and what became of it.

use bytes::Bytes;
use verilane_api::admin;
use verilane_api::admin::provider_message::Source;
use verilane_api::v1;
use verilane_core::Principal;
use verilane_engine::{EngineError, ImportMessage, ImportSource, Imported, Verdict};

use super::create::access;
use super::violations::Violations;
use super::words::assurance;

/// Reads what is to be imported; the bytes of an exported message are still to come.
pub(crate) fn read_import(
    message: admin::ProviderMessage,
    operator: Principal,
) -> Result<ImportMessage, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let verification = check.id("verification_id", &message.verification_id);
    let access = access(check, message.access_context, true);
    let source = match message.source {
        Some(Source::Quarantined(from)) => Some(ImportSource::Quarantine(match from.attempt {
            0 => None,
            attempt => Some(attempt),
        })),
        Some(Source::Exported(from)) => Some(ImportSource::Body {
            content_type: Some(from.content_type).filter(|kind| !kind.is_empty()),
            body: Bytes::new(),
        }),
        None => {
            check.invalid("source", "must be set");
            None
        }
    };
    let read = verification.zip(source);
    let read = read.map(|(verification, source)| ImportMessage {
        operator,
        access,
        verification,
        source,
    });
    violations.into_result(read)
}

/// What became of an import.
pub(crate) fn imported(imported: &Imported) -> admin::ImportProviderMessageResponse {
    admin::ImportProviderMessageResponse {
        verification_id: imported.verification.to_string(),
        attempt: imported.attempt,
        verdict: verdict(imported.verdict).into(),
        assurance: imported
            .assurance
            .map_or(v1::Assurance::Unspecified, assurance)
            .into(),
    }
}

const fn verdict(verdict: Verdict) -> admin::Verdict {
    match verdict {
        Verdict::Accepted => admin::Verdict::Accepted,
        Verdict::Repeated => admin::Verdict::Repeated,
        Verdict::NotKept => admin::Verdict::NotKept,
    }
}
