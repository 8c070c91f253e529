//! From a caller's wish to what the connector is asked for. Pure.

use std::time::Duration;

use verilane_core::{ClaimRequest, ClaimSelector, ClaimSource, FieldViolation, Pii, Reason, Wish};
use verilane_provider::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

use crate::fields::{self, FIELDS, Field};
use crate::ican::CoreId;

/// How long the user's time to accept may be: 5 to 15 minutes, as documented.
pub const LIFETIME: ActionLifetime = ActionLifetime {
    min: Duration::from_secs(5 * 60),
    max: Duration::from_secs(15 * 60),
    default: Duration::from_secs(10 * 60),
};

/// Every field: each can be asked for.
#[must_use]
pub fn offered() -> Vec<OfferedClaim> {
    FIELDS
        .iter()
        .map(|field| OfferedClaim {
            name: field.claim,
            document: field.document,
            field: field.name,
        })
        .collect()
}

/// Checks a wish and puts it into the connector's terms: the subject in canonical form, of each claim
/// the fields that it can come from. The same claim is refused if it is asked for twice from the same
/// document, or twice from any; from any and from a certain one it may be asked for.
///
/// # Errors
/// Everything that is wrong with the wish.
pub fn prepare(request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
    let mut violations = Vec::new();
    let subject = CoreId::parse(request.subject.expose())
        .map_err(|error| {
            violations.push(FieldViolation {
                field: "subject".to_owned(),
                description: error.to_string(),
                reason: Reason::SubjectMalformed,
            });
        })
        .ok();
    let mut claims: Vec<Wish> = Vec::new();
    for (place, claim) in request.claims.iter().enumerate() {
        let refuse = |part: &str, (reason, description): (Reason, &str)| FieldViolation {
            field: format!("claims[{place}]{part}"),
            description: description.to_owned(),
            reason,
        };
        match sources_of(claim) {
            Err((part, why)) => violations.push(refuse(part, why)),
            Ok(wish) if claims.iter().any(|known| known.sources == wish.sources) => {
                violations.push(refuse("", (Reason::ClaimRepeated, "is asked for before")))
            }
            Ok(wish) => claims.push(wish),
        }
    }
    if request.claims.is_empty() {
        violations.push(FieldViolation {
            field: "claims".to_owned(),
            description: "must name at least one claim".to_owned(),
            reason: Reason::InvalidArgument,
        });
    }
    let lifetime = request.action_lifetime.unwrap_or(LIFETIME.default);
    if !(LIFETIME.min..=LIFETIME.max).contains(&lifetime) {
        violations.push(FieldViolation {
            field: "action_lifetime".to_owned(),
            description: "must be 5 to 15 minutes".to_owned(),
            reason: Reason::ActionLifetimeOutOfRange,
        });
    }
    match subject {
        Some(subject) if violations.is_empty() => Ok(Prepared {
            besides: Vec::new(),
            subject: Pii::from(subject.expose()),
            claims,
            action_lifetime: lifetime,
            retention: None,
        }),
        _ => Err(violations),
    }
}

type Why = (Reason, &'static str);

const NOT_OFFERED: Why = (Reason::ClaimNotOffered, "is not offered by the connector");

/// The fields that a claim can come from, or which part of it is wrong and why.
fn sources_of(claim: &ClaimRequest) -> Result<Wish, (&'static str, Why)> {
    let (fields, preferred) = match &claim.selector {
        ClaimSelector::AnyDocument { name, preferred } => {
            if !name.is_from_document() {
                let why = "comes from no document, so it can't be asked for from any";
                return Err(("", (Reason::InvalidArgument, why)));
            }
            (fields::of_claim(*name).collect(), preferred.clone())
        }
        _ => (vec![field_of(claim)?], Vec::new()),
    };
    let field = fields.first().ok_or(("", NOT_OFFERED))?;
    Ok(Wish {
        name: field.claim,
        sources: fields.iter().map(|field| source(field)).collect(),
        preferred,
        required: claim.required,
    })
}

/// The one field that a claim means.
fn field_of(claim: &ClaimRequest) -> Result<&'static Field, (&'static str, Why)> {
    match &claim.selector {
        ClaimSelector::ProviderField(name) => fields::by_name(name).ok_or((
            ".provider_field",
            (Reason::ClaimUnknown, "is not a field of the connector"),
        )),
        ClaimSelector::AnyDocument { .. } => Err(("", NOT_OFFERED)),
        ClaimSelector::Claim { name, document } => {
            match (document, name.is_from_document()) {
                (None, true) => {
                    let why = "must name the document, unless any is asked for";
                    return Err((".document", (Reason::InvalidArgument, why)));
                }
                (Some(_), false) => {
                    let why = "must be empty: the claim comes from no document";
                    return Err((".document", (Reason::InvalidArgument, why)));
                }
                _ => {}
            }
            fields::by_claim(*name, *document).ok_or(("", NOT_OFFERED))
        }
    }
}

fn source(field: &Field) -> ClaimSource {
    ClaimSource {
        document: field.document,
        field: field.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::{ClaimName, DocumentType};

    use super::*;

    const USER: &str = "ab22b1671b4f7ccc0b16a87514adde84513b6348232e";

    fn by_field(name: &str) -> ClaimRequest {
        ClaimRequest {
            selector: ClaimSelector::ProviderField(name.to_owned()),
            required: false,
        }
    }

    fn by_claim(name: ClaimName, document: Option<DocumentType>) -> ClaimRequest {
        ClaimRequest {
            selector: ClaimSelector::Claim { name, document },
            required: true,
        }
    }

    fn from_any(name: ClaimName, preferred: &[DocumentType]) -> ClaimRequest {
        ClaimRequest {
            selector: ClaimSelector::AnyDocument {
                name,
                preferred: preferred.to_vec(),
            },
            required: true,
        }
    }

    fn wish(subject: &str, claims: Vec<ClaimRequest>) -> StartRequest {
        StartRequest {
            scope: None,
            subject: Pii::from(subject),
            claims,
            action_lifetime: None,
        }
    }

    fn violations(request: &StartRequest) -> Vec<(String, Reason)> {
        prepare(request)
            .unwrap_err()
            .into_iter()
            .map(|violation| (violation.field, violation.reason))
            .collect()
    }

    #[test]
    fn claims_keep_their_order_and_the_subject_is_canonical() {
        let request = wish(
            &format!("0x{}", USER.to_uppercase()),
            vec![
                by_field("SH_PHONE"),
                by_claim(ClaimName::Birthdate, Some(DocumentType::Passport)),
                by_field("SH_EMAIL"),
            ],
        );
        let prepared = prepare(&request).unwrap();
        assert_eq!(prepared.subject.expose(), USER);
        assert_eq!(prepared.action_lifetime, LIFETIME.default);
        let required: Vec<_> = prepared.claims.iter().map(|wish| wish.required).collect();
        assert_eq!(required, [false, true, false]);
        assert_eq!(
            prepared.fields(),
            ["SH_EMAIL", "SH_PHONE", "SH_Passport_DOB"]
        );
    }

    #[test]
    fn a_claim_from_any_document_can_come_from_that_field_of_every_one() {
        let preferred = vec![DocumentType::Passport];
        let claim = from_any(ClaimName::Birthdate, &preferred);
        let prepared = prepare(&wish(USER, vec![claim])).unwrap();
        let [wish] = prepared.claims.as_slice() else {
            panic!("{:?}", prepared.claims);
        };
        assert_eq!(wish.preferred, preferred);
        let sources: Vec<_> = wish
            .sources
            .iter()
            .map(|source| (source.document.unwrap(), source.field.as_str()))
            .collect();
        assert_eq!(
            sources,
            [
                (DocumentType::IdCard, "SH_IDCard_DOB"),
                (DocumentType::Passport, "SH_Passport_DOB"),
                (DocumentType::ResidencePermit, "SH_ResidencePermit_DOB"),
                (DocumentType::DrivingPermit, "SH_DriverLicense_DOB"),
            ]
        );
    }

    #[test]
    fn the_same_claim_may_be_asked_for_from_any_and_from_a_given_document_each_once() {
        let passport = Some(DocumentType::Passport);
        let request = wish(
            USER,
            vec![
                from_any(ClaimName::Birthdate, &[]),
                by_claim(ClaimName::Birthdate, passport),
                from_any(ClaimName::Name, &[]),
            ],
        );
        assert_eq!(prepare(&request).unwrap().claims.len(), 3);
        let request = wish(
            USER,
            vec![
                from_any(ClaimName::Birthdate, &[]),
                by_claim(ClaimName::Birthdate, passport),
                by_field("SH_Passport_DOB"),
                from_any(ClaimName::Birthdate, &[DocumentType::IdCard]),
                from_any(ClaimName::Email, &[]),
            ],
        );
        assert_eq!(
            violations(&request),
            [
                ("claims[2]".to_owned(), Reason::ClaimRepeated),
                ("claims[3]".to_owned(), Reason::ClaimRepeated),
                ("claims[4]".to_owned(), Reason::InvalidArgument),
            ]
        );
    }

    #[test]
    fn every_field_can_be_asked_for_both_ways_pictures_too() {
        assert_eq!(offered().len(), FIELDS.len());
        for field in &FIELDS {
            let both = [by_field(field.name), by_claim(field.claim, field.document)];
            for claim in both {
                let outcome = prepare(&wish(USER, vec![claim]));
                assert_eq!(outcome.unwrap().fields(), [field.name]);
            }
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let request = StartRequest {
            scope: None,
            subject: Pii::from("ab23b1671b4f7ccc0b16a87514adde84513b6348232e"),
            claims: vec![
                by_field("SH_EMAIL"),
                by_claim(ClaimName::Email, None),
                by_field("SH_Email"),
                by_claim(ClaimName::Birthdate, None),
                by_claim(ClaimName::Email, Some(DocumentType::IdCard)),
            ],
            action_lifetime: Some(Duration::from_secs(299)),
        };
        let expected = [
            ("subject", Reason::SubjectMalformed),
            ("claims[1]", Reason::ClaimRepeated),
            ("claims[2].provider_field", Reason::ClaimUnknown),
            ("claims[3].document", Reason::InvalidArgument),
            ("claims[4].document", Reason::InvalidArgument),
            ("action_lifetime", Reason::ActionLifetimeOutOfRange),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(field, reason)| (field.to_owned(), reason))
            .collect();
        assert_eq!(violations(&request), expected);
        assert_eq!(
            violations(&wish(USER, Vec::new())),
            [("claims".to_owned(), Reason::InvalidArgument)]
        );
    }

    #[test]
    fn the_error_says_which_check_of_the_core_id_failed_and_not_the_id() {
        let request = wish(
            "ab23b1671b4f7ccc0b16a87514adde84513b6348232e",
            vec![by_field("SH_EMAIL")],
        );
        let description = &prepare(&request).unwrap_err()[0].description;
        assert_eq!(
            description,
            "the check digits of the Core ID do not fit its address"
        );
    }

    #[test]
    fn a_lifetime_of_5_to_15_minutes_is_taken() {
        for (seconds, is_taken) in [(299, false), (300, true), (900, true), (901, false)] {
            let mut request = wish(USER, vec![by_field("SH_EMAIL")]);
            request.action_lifetime = Some(Duration::from_secs(seconds));
            assert_eq!(prepare(&request).is_ok(), is_taken, "{seconds}");
        }
    }
}
