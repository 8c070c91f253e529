//! What callers wish to know of a person, and what they are told of what he holds.

use verilane_api::v1;
use verilane_api::v1::claim_request::Selector;
use verilane_core::{ClaimName, ClaimRequest, ClaimSelector, DocumentType, Principal, Reason};
use verilane_engine::{AvailabilityView, CheckAvailability, ClaimAvailability, EngineError};

use super::create::{access, subject};
use super::violations::Violations;
use super::words::{claim_key, claim_name, document_type, necessity, read_claim_key};

/// Claims that one request asks for at most.
const MAX_CLAIMS: usize = 128;
/// Bytes of a provider's field name at most.
const MAX_FIELD: usize = 128;

/// Reads a request to check what a subject holds.
pub(crate) fn read(
    request: v1::CheckAvailabilityRequest,
    principal: Principal,
) -> Result<CheckAvailability, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let connection = check.connection("connection", &request.connection);
    let subject = subject(check, "subject", request.subject);
    let claims = claims(check, &request.claims);
    let access = access(check, request.access_context, true);
    let read = connection
        .zip(subject)
        .map(|(connection, subject)| CheckAvailability {
            principal,
            connection,
            subject,
            claims,
            access,
        });
    violations.into_result(read)
}

/// The claims of a request, in its order.
pub(crate) fn claims(violations: &mut Violations, said: &[v1::ClaimRequest]) -> Vec<ClaimRequest> {
    violations.each_of_at_most(MAX_CLAIMS, "claims", said, claim)
}

fn claim(
    violations: &mut Violations,
    field: &str,
    said: &v1::ClaimRequest,
) -> Option<ClaimRequest> {
    let selector = match &said.selector {
        Some(Selector::Claim(key)) => {
            let key_field = format!("{field}.claim");
            read_claim_key(violations, &key_field, key)
                .map(|(name, document)| ClaimSelector::Claim { name, document })
        }
        Some(Selector::FromAnyDocument(any)) => {
            let any_field = format!("{field}.from_any_document");
            from_any_document(violations, &any_field, any)
        }
        Some(Selector::ProviderField(name)) if name.len() <= MAX_FIELD => {
            Some(ClaimSelector::ProviderField(name.clone()))
        }
        Some(Selector::ProviderField(_)) => {
            let description = "is longer than any field's name";
            let field = format!("{field}.provider_field");
            violations.add(Reason::ClaimUnknown, field, description);
            None
        }
        None => {
            violations.invalid(field, "must name a claim or a provider's field");
            None
        }
    };
    let required = match v1::Necessity::try_from(said.necessity) {
        Ok(v1::Necessity::Unspecified | v1::Necessity::Required) => Some(true),
        Ok(v1::Necessity::Optional) => Some(false),
        Err(_) => {
            violations.invalid(format!("{field}.necessity"), "must be a necessity");
            None
        }
    };
    Some(ClaimRequest {
        selector: selector?,
        required: required?,
    })
}

fn from_any_document(
    violations: &mut Violations,
    field: &str,
    said: &v1::ClaimFromAnyDocument,
) -> Option<ClaimSelector> {
    let name = claim_name(violations, field, &said.name);
    if name.is_some_and(|name| !name.is_from_document()) {
        let description = "must be a claim that stands on a document";
        violations.invalid(format!("{field}.name"), description);
    }
    let mut preferred = Vec::new();
    let list = format!("{field}.preferred_documents");
    // No more are read than there can be without a repetition, and one.
    let said = said.preferred_documents.iter().enumerate();
    for (place, number) in said.take(DocumentType::ALL.len() + 1) {
        let known = DocumentType::ALL
            .iter()
            .find(|known| i32::from(document_type(Some(**known))) == *number);
        match known {
            Some(document) if !preferred.contains(document) => preferred.push(*document),
            Some(_) => violations.invalid(format!("{list}[{place}]"), "must not be named before"),
            None => violations.invalid(format!("{list}[{place}]"), "must be a document type"),
        }
    }
    let name = name?;
    Some(ClaimSelector::AnyDocument { name, preferred })
}

/// What was found.
pub(crate) fn answer(view: &AvailabilityView) -> v1::CheckAvailabilityResponse {
    v1::CheckAvailabilityResponse {
        can_create: view.can_create,
        claims: view.claims.iter().map(availability).collect(),
    }
}

fn availability(claim: &ClaimAvailability) -> v1::ClaimAvailability {
    let wish = &claim.wish;
    // One that can come from a single source is told with it, held or not.
    let only = match wish.sources.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let document = claim.source.as_ref().or(only).and_then(|s| s.document);
    let field = claim.source.as_ref().map(|source| source.field.clone());
    v1::ClaimAvailability {
        held: claim.source.is_some(),
        claim: Some(claim_key(wish.name, document)),
        provider_field: field.unwrap_or_default(),
        tried_fields: wish.fields().map(str::to_owned).collect(),
        necessity: necessity(wish.required).into(),
    }
}

/// How a claim that is not held is told in words: the fact, and the fields that were tried.
pub(crate) fn tried(name: ClaimName, fields: &[String]) -> String {
    format!("`{name}` is not held: tried {}", fields.join(", "))
}
