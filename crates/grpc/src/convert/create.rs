//! What a caller asks for when creating a verification, or a new attempt of one.

use std::collections::HashMap;

use verilane_api::v1;
use verilane_core::{Pii, Principal, Reason, Revision, TraceParent};
use verilane_engine::{AccessContext, CreateVerification, EngineError, Expire, RetryVerification};
use verilane_telemetry::propagation;

use super::asking;
use super::violations::Violations;

/// Characters of a request id at most.
const MAX_REQUEST_ID: usize = 64;
const MAX_LABELS: usize = 16;
const MAX_LABEL_KEY: usize = 63;

/// Reads a request to create a verification.
pub(crate) fn read(
    request: v1::CreateVerificationRequest,
    principal: Principal,
) -> Result<CreateVerification, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    request_id(check, &request.request_id);
    let connection = check.connection("connection", &request.connection);
    let subject = subject(check, "subject", request.subject);
    let subject_ref = check.text("subject_ref", request.subject_ref);
    let claims = asking::claims(check, &request.claims);
    let labels = labels(check, "labels", request.labels);
    let access = access(check, request.access_context, true);
    let expire = expire(check, request.lifetime);
    let action_lifetime = check.duration("action_lifetime", request.action_lifetime);
    let read = connection
        .zip(subject)
        .map(|(connection, subject)| CreateVerification {
            principal,
            request_id: Some(request.request_id),
            connection,
            subject,
            subject_ref: Some(subject_ref).filter(|text| !text.expose().is_empty()),
            claims,
            scope: Some(request.scope).filter(|scope| !scope.is_empty()),
            labels,
            access,
            expire,
            action_lifetime,
            max_attempts: Some(request.max_attempts).filter(|attempts| *attempts != 0),
            without_picture: request.without_qr_png,
            trace_parent: propagation::current_traceparent().map(TraceParent),
        });
    violations.into_result(read)
}

/// Reads a request for a new attempt.
pub(crate) fn read_retry(
    request: v1::RetryVerificationRequest,
    principal: Principal,
) -> Result<RetryVerification, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let verification = check.id("verification_id", &request.verification_id);
    request_id(check, &request.request_id);
    let access = access(check, request.access_context, true);
    let action_lifetime = check.duration("action_lifetime", request.action_lifetime);
    let read = verification.map(|verification| RetryVerification {
        principal,
        request_id: Some(request.request_id),
        verification,
        expected: request.expected_revision.map(Revision),
        access,
        action_lifetime,
        without_picture: request.without_qr_png,
    });
    violations.into_result(read)
}

fn request_id(violations: &mut Violations, text: &str) {
    if !is_request_id(text) {
        violations.invalid("request_id", "must be 1 to 64 visible ASCII characters");
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The person, as the provider knows him. What spellings there are is the provider's business.
pub(crate) fn subject(
    violations: &mut Violations,
    field: &str,
    said: Option<v1::Subject>,
) -> Option<Pii<String>> {
    let read = match said.and_then(|subject| subject.identifier) {
        // Whether somebody must be named, the provider says.
        None => return Some(Pii::from("")),
        Some(identifier) => super::subject::read(identifier),
    };
    if read.is_none() {
        violations.add(Reason::SubjectMalformed, field, "names nobody");
    }
    read
}

/// Labels, sorted by key.
pub(crate) fn labels(
    violations: &mut Violations,
    field: &str,
    said: HashMap<String, String>,
) -> Vec<(String, Pii<String>)> {
    if said.len() > MAX_LABELS {
        violations.invalid(field, "must have 16 labels at most");
    }
    let mut labels: Vec<_> = said.into_iter().collect();
    labels.sort_unstable();
    if !labels.iter().all(|(key, _)| is_label_key(key)) {
        let description = "must have keys of 1 to 63 characters of a-z, 0-9, '-', '_' and '.'";
        violations.invalid(field, description);
    }
    labels
        .into_iter()
        .map(|(key, value)| (key, violations.text(field, value)))
        .collect()
}

fn is_label_key(key: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    (1..=MAX_LABEL_KEY).contains(&key.len()) && key.bytes().all(fits)
}

/// Why and for whom.
pub(crate) fn access(
    violations: &mut Violations,
    said: Option<v1::AccessContext>,
    needs_purpose: bool,
) -> AccessContext {
    let said = said.unwrap_or_default();
    if needs_purpose && said.purpose.trim().is_empty() {
        let field = "access_context.purpose";
        violations.add(Reason::PurposeRequired, field, "must be stated");
    }
    AccessContext {
        purpose: violations.text("access_context.purpose", said.purpose),
        actor: violations.text("access_context.actor", said.actor),
        reference: violations.text("access_context.reference", said.reference),
    }
}

fn expire(
    violations: &mut Violations,
    said: Option<v1::create_verification_request::Lifetime>,
) -> Expire {
    use v1::create_verification_request::Lifetime;
    match said {
        None => Expire::Default,
        Some(Lifetime::ExpireTime(time)) => violations
            .time("expire_time", Some(time))
            .map_or(Expire::Default, Expire::At),
        Some(Lifetime::Ttl(ttl)) => violations
            .duration("ttl", Some(ttl))
            .map_or(Expire::Default, Expire::After),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_claims_are_read_as_the_api_promises_and_no_more() {
        let asked = |count| {
            let selector = v1::claim_request::Selector::ProviderField("F".to_owned());
            let wanted = v1::ClaimRequest {
                selector: Some(selector),
                ..Default::default()
            };
            let request = v1::CreateVerificationRequest {
                request_id: "request".to_owned(),
                connection: "test".to_owned(),
                subject: Some(v1::Subject {
                    identifier: Some(v1::subject::Identifier::CoreId("ada".to_owned())),
                }),
                claims: vec![wanted; count],
                access_context: Some(v1::AccessContext {
                    purpose: "test".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            read(request, Principal::anonymous())
        };
        assert_eq!(asked(128).unwrap().claims.len(), 128);
        let error = asked(129).unwrap_err();
        assert_eq!(error.violations[0].field, "claims");
    }
}
