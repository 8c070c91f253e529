//! Words that wire and domain both have: states, kinds, statuses, document types, times.
//!
//! Every match is exhaustive, so that a new word in the domain does not compile until it has one on
//! the wire.

use std::time::Duration;

use verilane_api::v1;
use verilane_core::{
    Assurance, ClaimName, ClaimStatus, Decision, DocumentType, EventKind, Reason, State, Timestamp,
};

use super::violations::Violations;

pub(crate) const fn state(state: State) -> v1::State {
    match state {
        State::Pending => v1::State::Pending,
        State::Processing => v1::State::Processing,
        State::InReview => v1::State::InReview,
        State::Verified => v1::State::Verified,
        State::Rejected => v1::State::Rejected,
        State::Failed => v1::State::Failed,
        State::Expired => v1::State::Expired,
        State::Cancelled => v1::State::Cancelled,
    }
}

/// States that are asked for.
pub(crate) fn states(violations: &mut Violations, field: &str, said: &[i32]) -> Vec<State> {
    violations.each(field, said, |violations, field, number| {
        let read = State::ALL
            .into_iter()
            .find(|known| i32::from(state(*known)) == *number);
        if read.is_none() {
            violations.invalid(field, "must be a state");
        }
        read
    })
}

pub(crate) const fn assurance(assurance: Assurance) -> v1::Assurance {
    match assurance {
        Assurance::Signed => v1::Assurance::Signed,
        Assurance::Pulled => v1::Assurance::Pulled,
        Assurance::Local => v1::Assurance::Local,
    }
}

pub(crate) const fn event_type(kind: EventKind) -> v1::EventType {
    match kind {
        EventKind::Created => v1::EventType::Created,
        EventKind::ActionAvailable => v1::EventType::ActionAvailable,
        EventKind::StartFailed => v1::EventType::StartFailed,
        EventKind::ProviderStatus => v1::EventType::ProviderStatus,
        EventKind::DataReceived => v1::EventType::DataReceived,
        EventKind::FailureReported => v1::EventType::FailureReported,
        EventKind::DataDiscarded => v1::EventType::DataDiscarded,
        EventKind::Expired => v1::EventType::Expired,
        EventKind::DeadlinePassed => v1::EventType::DeadlinePassed,
        EventKind::Cancelled => v1::EventType::Cancelled,
        EventKind::AttemptStarted => v1::EventType::AttemptStarted,
        EventKind::RequestAdopted => v1::EventType::RequestAdopted,
        EventKind::ActionWithdrawn => v1::EventType::ActionWithdrawn,
        EventKind::DuplicateSuccess => v1::EventType::DuplicateSuccess,
        EventKind::RetryClosed => v1::EventType::RetryClosed,
        EventKind::DataQuarantined => v1::EventType::DataQuarantined,
        EventKind::DataImported => v1::EventType::DataImported,
        EventKind::ClaimInvalidated => v1::EventType::ClaimInvalidated,
        EventKind::Continued => v1::EventType::Continued,
        EventKind::ProviderProgress => v1::EventType::ProviderProgress,
        EventKind::EvidenceOffered => v1::EventType::EvidenceOffered,
        EventKind::ReviewNeeded => v1::EventType::ReviewNeeded,
        EventKind::ReviewDecided => v1::EventType::ReviewDecided,
        EventKind::ReviewReminder => v1::EventType::ReviewReminder,
        EventKind::ReviewOverdue => v1::EventType::ReviewOverdue,
        EventKind::RequestSeen => v1::EventType::RequestSeen,
        EventKind::RequestDeclined => v1::EventType::RequestDeclined,
        EventKind::PageError => v1::EventType::PageError,
        EventKind::CodeExchanged => v1::EventType::CodeExchanged,
        EventKind::ClaimsForgotten => v1::EventType::ClaimsForgotten,
    }
}

pub(crate) const fn decision(decision: Decision) -> v1::Decision {
    match decision {
        Decision::Approve => v1::Decision::Approve,
        Decision::Reject => v1::Decision::Reject,
    }
}

pub(crate) const fn claim_status(status: ClaimStatus) -> v1::ClaimStatus {
    match status {
        ClaimStatus::Requested => v1::ClaimStatus::Requested,
        ClaimStatus::Granted => v1::ClaimStatus::Granted,
        ClaimStatus::NotHeld => v1::ClaimStatus::NotHeld,
        ClaimStatus::Invalid => v1::ClaimStatus::Invalid,
        ClaimStatus::Forgotten => v1::ClaimStatus::Forgotten,
    }
}

pub(crate) const fn necessity(required: bool) -> v1::Necessity {
    if required {
        v1::Necessity::Required
    } else {
        v1::Necessity::Optional
    }
}

pub(crate) const fn document_type(document: Option<DocumentType>) -> v1::DocumentType {
    match document {
        None => v1::DocumentType::Unspecified,
        Some(DocumentType::IdCard) => v1::DocumentType::Idcard,
        Some(DocumentType::Passport) => v1::DocumentType::Passport,
        Some(DocumentType::ResidencePermit) => v1::DocumentType::ResidencePermit,
        Some(DocumentType::DrivingPermit) => v1::DocumentType::DrivingPermit,
    }
}

/// A claim by its name and document.
pub(crate) fn claim_key(name: ClaimName, document: Option<DocumentType>) -> v1::ClaimKey {
    v1::ClaimKey {
        name: name.as_str().to_owned(),
        document_type: document_type(document).into(),
    }
}

/// The claims that a claim is derived from; none if it is not derived.
pub(crate) fn derived_from(name: ClaimName, document: Option<DocumentType>) -> Vec<v1::ClaimKey> {
    let source = name.derived_from();
    let keys = source.map(|source| claim_key(source, document));
    keys.into_iter().collect()
}

/// The claim of a name.
pub(crate) fn claim_name(
    violations: &mut Violations,
    field: &str,
    said: &str,
) -> Option<ClaimName> {
    let name = ClaimName::from_name(said);
    if name.is_none() {
        let description = "must be a claim of the vocabulary";
        violations.add(Reason::ClaimUnknown, format!("{field}.name"), description);
    }
    name
}

/// The claim that a key names.
pub(crate) fn read_claim_key(
    violations: &mut Violations,
    field: &str,
    key: &v1::ClaimKey,
) -> Option<(ClaimName, Option<DocumentType>)> {
    let name = claim_name(violations, field, &key.name);
    let known = [None]
        .into_iter()
        .chain(DocumentType::ALL.iter().copied().map(Some));
    let mut matching =
        known.filter(|document| i32::from(document_type(*document)) == key.document_type);
    let document = matching.next();
    if document.is_none() {
        violations.invalid(format!("{field}.document_type"), "must be a document type");
    }
    Some((name?, document?))
}

pub(crate) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.as_micros().rem_euclid(1_000_000).saturating_mul(1_000);
    prost_types::Timestamp {
        seconds: time.as_secs(),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

pub(crate) fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

/// A reason's code; empty if there is none.
pub(crate) fn reason(reason: Option<Reason>) -> String {
    reason.map_or_else(String::new, |reason| reason.code().to_owned())
}

/// Reasons' codes.
pub(crate) fn codes(reasons: &[Reason]) -> Vec<String> {
    let codes = reasons.iter().map(|reason| reason.code().to_owned());
    codes.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_word_has_one_of_its_own_with_the_same_name() {
        for known in State::ALL {
            let name = format!("STATE_{}", known.as_str());
            assert_eq!(state(known).as_str_name(), name);
        }
        for kind in EventKind::ALL {
            let name = format!("EVENT_TYPE_{}", kind.as_str());
            assert_eq!(event_type(kind).as_str_name(), name);
        }
        for status in ClaimStatus::ALL {
            let name = format!("CLAIM_STATUS_{}", status.as_str());
            assert_eq!(claim_status(status).as_str_name(), name);
        }
        let documents: HashSet<_> = DocumentType::ALL
            .iter()
            .map(|document| document_type(Some(*document)))
            .collect();
        assert_eq!(documents.len(), DocumentType::ALL.len());
    }

    #[test]
    fn every_claim_is_read_back_from_its_key() {
        for name in ClaimName::ALL {
            for document in [None, Some(DocumentType::Passport)] {
                let mut violations = Violations::default();
                let key = claim_key(*name, document);
                let read = read_claim_key(&mut violations, "claim", &key);
                assert_eq!(read, Some((*name, document)));
            }
        }
    }

    #[test]
    fn times_before_the_epoch_keep_their_fraction() {
        let time = timestamp(Timestamp::from_micros(-1));
        assert_eq!((time.seconds, time.nanos), (-1, 999_999_000));
    }
}
