//! Evidence as callers see it, and claims that are checked again.

use std::str::FromStr as _;

use bytes::Bytes;
use verilane_api::v1;
use verilane_core::{EvidenceId, EvidenceKind, Pii, Principal, Verification};
use verilane_engine::{
    DownloadEvidence, EngineError, EvidenceView, Revalidate, Revalidation, RevalidationView,
};

use super::claims::selector;
use super::create::access;
use super::violations::Violations;
use super::words::{claim_key, timestamp};

/// Reads a request to download.
pub(crate) fn read_download(
    request: v1::DownloadEvidenceRequest,
    principal: Principal,
) -> Result<DownloadEvidence, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let verification = check.id("verification_id", &request.verification_id);
    let evidence = EvidenceId::from_str(&request.evidence_id).ok();
    if evidence.is_none() {
        check.invalid("evidence_id", "must be a UUID in hyphenated form");
    }
    let access = access(check, request.access_context, true);
    let read = verification.zip(evidence);
    let read = read.map(|(verification, evidence)| DownloadEvidence {
        principal,
        access,
        verification,
        evidence,
        offset: request.offset,
    });
    violations.into_result(read)
}

/// Reads a request to have claims checked again.
pub(crate) fn read_revalidate(
    request: v1::RevalidateClaimsRequest,
    principal: Principal,
) -> Result<Revalidate, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let verification = check.id("verification_id", &request.verification_id);
    let access = access(check, request.access_context, true);
    let claims = check.each("claims", &request.claims, selector);
    let read = verification.map(|verification| Revalidate {
        principal,
        access,
        verification,
        claims,
    });
    violations.into_result(read)
}

/// What providers say of claims.
pub(crate) fn revalidated(view: &RevalidationView) -> v1::RevalidateClaimsResponse {
    let claims = view
        .claims
        .iter()
        .map(|(claim, said)| v1::RevalidatedClaim {
            claim: Some(claim_key(claim.name, claim.document)),
            provider_field: claim.field.clone(),
            validity: validity(*said).into(),
        });
    v1::RevalidateClaimsResponse {
        verification_id: view.row.id.to_string(),
        revision: view.row.revision.0,
        claims: claims.collect(),
    }
}

const fn validity(said: Revalidation) -> v1::Validity {
    match said {
        Revalidation::Holds => v1::Validity::Valid,
        Revalidation::DoesNotHold => v1::Validity::Invalid,
        Revalidation::NotCheckable => v1::Validity::NotCheckable,
    }
}

/// A piece of evidence, without its bytes.
pub(crate) fn wire_evidence(row: &Verification, view: &EvidenceView) -> v1::Evidence {
    let record = &view.record;
    let claim = record
        .field
        .as_deref()
        .and_then(|field| row.claim_of(field));
    v1::Evidence {
        id: record.id.to_string(),
        kind: kind(record.kind).into(),
        claim: claim.map(|claim| claim_key(claim.name, claim.document)),
        provider_field: record.field.clone().unwrap_or_default(),
        attempt: record.attempt,
        media_type: view.media_type.clone(),
        size: record.size,
        sha256: Bytes::copy_from_slice(&view.sha256),
        receive_time: Some(timestamp(record.receive_time)),
    }
}

/// The first message of a download.
pub(crate) fn description(evidence: v1::Evidence) -> v1::DownloadEvidenceResponse {
    v1::DownloadEvidenceResponse {
        item: Some(v1::download_evidence_response::Item::Evidence(evidence)),
    }
}

/// Another message of a download.
pub(crate) fn data(bytes: &Pii<Vec<u8>>) -> v1::DownloadEvidenceResponse {
    let bytes = Bytes::copy_from_slice(bytes.expose());
    v1::DownloadEvidenceResponse {
        item: Some(v1::download_evidence_response::Item::Data(bytes)),
    }
}

const fn kind(kind: EvidenceKind) -> v1::EvidenceKind {
    match kind {
        EvidenceKind::DocumentImage => v1::EvidenceKind::DocumentImage,
        EvidenceKind::FaceImage => v1::EvidenceKind::FaceImage,
        EvidenceKind::ClaimText => v1::EvidenceKind::ClaimText,
        EvidenceKind::ProviderMessage | EvidenceKind::QuarantinedMessage => {
            v1::EvidenceKind::Unspecified
        }
    }
}
