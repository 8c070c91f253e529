//! Claims as callers read them, and how they name them.

use verilane_api::v1;
use verilane_core::{
    Checks, ClaimSelector, ClaimValue, ConnectionName, Date, DigestOf, Pii, Principal,
    ProviderName, StoredClaim, VerificationId, normalise,
};
use verilane_engine::{ClaimView, ClaimsView, EngineError, ReadClaims};

use super::create::access;
use super::evidence::wire_evidence;
use super::identity_assurance;
use super::subject;
use super::violations::Violations;
use super::words::{assurance, claim_key, derived_from, read_claim_key, state, timestamp};

/// Reads a request to read claims.
pub(crate) fn read(
    request: v1::ReadClaimsRequest,
    principal: Principal,
) -> Result<(VerificationId, ReadClaims), EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let id = check.id("verification_id", &request.verification_id);
    let access = access(check, request.access_context, true);
    let claims = check.each("claims", &request.claims, selector);
    let peppers_of = check.each("peppers_of", &request.peppers_of, selector);
    let read = id.map(|id| {
        let read = ReadClaims {
            principal,
            access,
            claims,
            peppers_of,
        };
        (id, read)
    });
    violations.into_result(read)
}

pub(super) fn selector(
    violations: &mut Violations,
    field: &str,
    key: &v1::ClaimKey,
) -> Option<ClaimSelector> {
    read_claim_key(violations, field, key)
        .map(|(name, document)| ClaimSelector::Claim { name, document })
}

/// What was read; if wanted, as OpenID Identity Assurance JSON too.
///
/// # Errors
/// `INTERNAL`, if that can't be written.
pub(crate) fn answer(
    view: &ClaimsView,
    as_identity_assurance: bool,
) -> Result<v1::ReadClaimsResponse, EngineError> {
    let row = &view.row;
    let json = as_identity_assurance.then(|| identity_assurance::json(view));
    let json = json.transpose()?;
    Ok(v1::ReadClaimsResponse {
        verification_id: row.id.to_string(),
        state: state(row.state().0).into(),
        revision: row.revision.0,
        subject: subject::answer(&view.subject),
        claims: view
            .claims
            .iter()
            .map(|claim| wire_claim(view, claim))
            .collect(),
        evidence: view
            .evidence
            .iter()
            .map(|evidence| wire_evidence(&view.row, evidence))
            .collect(),
        verified_claims_json: json.map(|json| json.expose().clone()).unwrap_or_default(),
    })
}

/// The connection that a claim came over, and the provider behind it.
pub(super) fn origin<'a>(
    view: &'a ClaimsView,
    claim: &StoredClaim,
) -> (&'a ConnectionName, &'a ProviderName) {
    view.row.attempt(claim.attempt).map_or_else(
        || (&view.row.connection, &view.row.provider),
        |attempt| (&attempt.connection, &attempt.provider),
    )
}

fn wire_claim(view: &ClaimsView, claim: &ClaimView) -> v1::Claim {
    let stored = &claim.claim;
    let raw = claim.raw.as_ref().map(Pii::expose);
    let (connection, provider) = origin(view, stored);
    v1::Claim {
        claim: Some(claim_key(claim.name, stored.document)),
        value: typed(claim).map(|typed| value(&typed)),
        raw_value: raw.cloned().unwrap_or_default(),
        provenance: Some(v1::Provenance {
            connection: connection.to_string(),
            provider: provider.to_string(),
            attempt: stored.attempt,
            provider_field: stored.field.clone(),
            provider_document_type: claim
                .provider_document
                .as_ref()
                .map(|word| word.expose().clone())
                .unwrap_or_default(),
            provider_time: stored.provider_time.map(timestamp),
            receive_time: Some(timestamp(stored.receive_time)),
            signing_key_fingerprint: stored.key_fingerprint.clone().unwrap_or_default(),
            imported: stored.imported,
        }),
        assurance: assurance(stored.assurance).into(),
        pepper: claim.pepper.as_ref().map(|pepper| pepper.expose().clone()),
        evidence_id: match &claim.derived {
            Some(_) => String::new(),
            None => stored.evidence.map(|id| id.to_string()).unwrap_or_default(),
        },
        derived_from: derived_from(claim.name, stored.document),
        as_of: claim
            .derived
            .as_ref()
            .map(|derived| date(derived.as_of.expose())),
        checks: stored.checks.map(checks),
    }
}

fn checks(checks: Checks) -> v1::ProviderChecks {
    let digest_of = match checks.digest {
        None => v1::DigestOf::Unspecified,
        Some(DigestOf::Text) => v1::DigestOf::Text,
        Some(DigestOf::Bytes) => v1::DigestOf::Bytes,
        Some(DigestOf::Neither) => v1::DigestOf::Neither,
    };
    v1::ProviderChecks {
        valid: checks.is_valid,
        owner: checks.is_owner,
        digest_of: digest_of.into(),
    }
}

/// The value of a claim by its type; none if it has none, or if evidence holds it.
pub(super) fn typed(claim: &ClaimView) -> Option<ClaimValue> {
    match (&claim.derived, &claim.raw) {
        (Some(derived), _) => derived.value.clone(),
        (None, Some(raw)) => Some(normalise(claim.name, raw.expose())),
        (None, None) => None,
    }
}

fn date(date: &Date) -> v1::Date {
    v1::Date {
        year: date.year(),
        month: i32::from(date.month()),
        day: i32::from(date.day()),
    }
}

fn value(value: &ClaimValue) -> v1::ClaimValue {
    use v1::claim_value::Kind;
    let kind = match value {
        ClaimValue::Text(text) => Kind::Text(text.expose().clone()),
        ClaimValue::Boolean(yes) => Kind::Boolean(*yes.expose()),
        ClaimValue::Date(day) => Kind::Date(date(day.expose())),
        ClaimValue::Country(country) => {
            let country = country.expose();
            Kind::Country(v1::Country {
                alpha3: country.alpha3().to_owned(),
                alpha2: country.alpha2().to_owned(),
            })
        }
    };
    v1::ClaimValue { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use verilane_core::ClaimName;

    use super::*;

    #[test]
    fn a_value_goes_out_by_its_type() {
        use v1::claim_value::Kind;
        let table = [
            (
                ClaimName::Name,
                "Zoë Çelik",
                Kind::Text("Zoë Çelik".to_owned()),
            ),
            (
                ClaimName::Birthdate,
                "1986-9-06",
                Kind::Date(v1::Date {
                    year: 1986,
                    month: 9,
                    day: 6,
                }),
            ),
            (
                ClaimName::DocumentCountry,
                "DE",
                Kind::Country(v1::Country {
                    alpha3: "DEU".to_owned(),
                    alpha2: "DE".to_owned(),
                }),
            ),
            (ClaimName::AmlCheck, "true", Kind::Boolean(true)),
            (
                ClaimName::Birthdate,
                "06.09.1986",
                Kind::Text("06.09.1986".to_owned()),
            ),
        ];
        for (name, raw, expected) in table {
            assert!(
                value(&normalise(name, raw)).kind == Some(expected),
                "{name}"
            );
        }
    }
}
