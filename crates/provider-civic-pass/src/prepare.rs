//! From a caller's wish to what is looked for in Civic's answer. Pure.
//!
//! Which document a user shows, he chooses in Civic's widget: it is known when the answer is there. So a
//! claim from a certain document, and one from any, is the same field; the first is met only if that
//! document was shown.

use std::time::Duration;

use verilane_core::{ClaimRequest, ClaimSelector, ClaimSource, FieldViolation, Reason, Wish};
use verilane_provider::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

use crate::fields::{self, FIELDS, Field};
use crate::subject;

/// For how long what the widget's user brings back is taken.
pub const LIFETIME: ActionLifetime = ActionLifetime {
    min: Duration::from_secs(5 * 60),
    max: Duration::from_secs(30 * 24 * 60 * 60),
    default: Duration::from_secs(60 * 60),
};

/// Every field: each can be asked for, from whichever document.
#[must_use]
pub fn offered() -> Vec<OfferedClaim> {
    let offered = FIELDS.iter().map(|field| OfferedClaim {
        name: field.claim,
        document: None,
        field: field.name,
    });
    offered.collect()
}

/// Checks a wish and puts it into Civic's terms: the subject in canonical form, each claim as the one
/// field that it is. A field is asked for once, from whatever document.
///
/// # Errors
/// Everything that is wrong with the wish.
pub fn prepare(request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
    let mut violations = Vec::new();
    let mut refuse = |field: String, reason, description: &str| {
        violations.push(FieldViolation {
            field,
            description: description.to_owned(),
            reason,
        });
    };
    let subject = subject::canonical(request.subject.expose());
    if subject.is_none() {
        let why = "must be a wallet's address or a DID, or unset";
        refuse("subject".to_owned(), Reason::SubjectMalformed, why);
    }
    let mut claims: Vec<Wish> = Vec::new();
    for (place, claim) in request.claims.iter().enumerate() {
        match wish(claim) {
            Err((part, reason, why)) => refuse(format!("claims[{place}]{part}"), reason, why),
            Ok(wish) if claims.iter().any(|known| known.fields().eq(wish.fields())) => {
                let why = "is asked for before, perhaps from another document";
                refuse(format!("claims[{place}]"), Reason::ClaimRepeated, why);
            }
            Ok(wish) => claims.push(wish),
        }
    }
    if request.claims.is_empty() {
        let why = "must name at least one claim";
        refuse("claims".to_owned(), Reason::InvalidArgument, why);
    }
    let lifetime = request.action_lifetime.unwrap_or(LIFETIME.default);
    if !(LIFETIME.min..=LIFETIME.max).contains(&lifetime) {
        let why = "must be 5 minutes to 30 days";
        let field = "action_lifetime".to_owned();
        refuse(field, Reason::ActionLifetimeOutOfRange, why);
    }
    match subject {
        Some(subject) if violations.is_empty() => Ok(Prepared {
            besides: Vec::new(),
            subject,
            claims,
            action_lifetime: lifetime,
            retention: None,
        }),
        _ => Err(violations),
    }
}

type Wrong = (&'static str, Reason, &'static str);

fn wish(claim: &ClaimRequest) -> Result<Wish, Wrong> {
    const NOT_OFFERED: Wrong = ("", Reason::ClaimNotOffered, "is not offered by Civic Pass");
    let (field, document, preferred): (&Field, _, _) = match &claim.selector {
        ClaimSelector::ProviderField(name) => {
            let why = "is not a field of Civic Pass";
            let unknown = (".provider_field", Reason::ClaimUnknown, why);
            (fields::by_name(name).ok_or(unknown)?, None, Vec::new())
        }
        ClaimSelector::AnyDocument { name, preferred } => {
            if !name.is_from_document() {
                let why = "comes from no document, so it can't be asked for from any";
                return Err(("", Reason::InvalidArgument, why));
            }
            let field = fields::by_claim(*name).ok_or(NOT_OFFERED)?;
            (field, None, preferred.clone())
        }
        ClaimSelector::Claim { name, document } => {
            let wrong = |why| Err((".document", Reason::InvalidArgument, why));
            match (document, name.is_from_document()) {
                (None, true) => return wrong("must name the document, unless any is asked for"),
                (Some(_), false) => {
                    return wrong("must be empty: the claim comes from no document");
                }
                _ => {}
            }
            let field = fields::by_claim(*name).ok_or(NOT_OFFERED)?;
            (field, *document, Vec::new())
        }
    };
    Ok(Wish {
        name: field.claim,
        sources: vec![ClaimSource {
            document,
            field: field.name.to_owned(),
        }],
        preferred,
        required: claim.required,
    })
}

#[cfg(test)]
mod tests {
    use verilane_core::{ClaimName, DocumentType, Pii};

    use super::*;

    fn claim(selector: ClaimSelector) -> ClaimRequest {
        ClaimRequest {
            selector,
            required: true,
        }
    }

    fn by_field(name: &str) -> ClaimRequest {
        claim(ClaimSelector::ProviderField(name.to_owned()))
    }

    fn by_claim(name: ClaimName, document: Option<DocumentType>) -> ClaimRequest {
        claim(ClaimSelector::Claim { name, document })
    }

    fn from_any(name: ClaimName, preferred: Vec<DocumentType>) -> ClaimRequest {
        claim(ClaimSelector::AnyDocument { name, preferred })
    }

    fn request(subject: &str, claims: Vec<ClaimRequest>) -> StartRequest {
        StartRequest {
            scope: None,
            subject: Pii::from(subject),
            claims,
            action_lifetime: None,
        }
    }

    fn violations(request: &StartRequest) -> Vec<(String, Reason)> {
        let violations = prepare(request).unwrap_err().into_iter();
        violations.map(|v| (v.field, v.reason)).collect()
    }

    #[test]
    fn a_claim_keeps_the_document_that_it_is_wished_from() {
        let passport = Some(DocumentType::Passport);
        let wishes = vec![
            by_claim(ClaimName::Birthdate, passport),
            from_any(ClaimName::Name, vec![DocumentType::IdCard]),
            by_claim(ClaimName::Email, None),
            by_field("documentNumber"),
        ];
        let prepared = prepare(&request("wallet:0xAB", wishes)).unwrap();
        assert_eq!(prepared.subject.expose(), "wallet:0xab");
        assert_eq!(prepared.action_lifetime, LIFETIME.default);
        let sources = prepared.claims.iter().map(|wish| match &wish.sources[..] {
            [only] => (only.field.as_str(), only.document),
            more => panic!("{more:?}"),
        });
        let expected = [
            ("dateOfBirth", passport),
            ("name", None),
            ("email", None),
            ("documentNumber", None),
        ];
        assert!(sources.eq(expected));
    }

    #[test]
    fn a_field_is_asked_for_once_from_whatever_document() {
        let wishes = vec![
            by_claim(ClaimName::Name, Some(DocumentType::Passport)),
            by_claim(ClaimName::Name, Some(DocumentType::IdCard)),
            from_any(ClaimName::Name, Vec::new()),
            by_field("name"),
        ];
        let repeated = |place| (format!("claims[{place}]"), Reason::ClaimRepeated);
        let expected = [repeated(1), repeated(2), repeated(3)];
        assert_eq!(violations(&request("", wishes)), expected);
    }

    #[test]
    fn both_sides_of_a_document_can_be_asked_for() {
        let wishes = vec![
            from_any(ClaimName::DocumentImage, Vec::new()),
            by_field("idDocumentBack"),
            by_field("evidence-selfie"),
        ];
        let prepared = prepare(&request("", wishes)).unwrap();
        let fields = ["evidence-document", "evidence-selfie", "idDocumentBack"];
        assert_eq!(prepared.fields(), fields);
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let mut wrong = request(
            "ab22b1671b4f7ccc0b16a87514adde84513b6348232e",
            vec![
                by_field("address"),
                by_claim(ClaimName::Name, None),
                by_claim(ClaimName::Email, Some(DocumentType::IdCard)),
                from_any(ClaimName::Email, Vec::new()),
                from_any(ClaimName::Gender, Vec::new()),
            ],
        );
        wrong.action_lifetime = Some(Duration::from_secs(299));
        let expected = [
            ("subject", Reason::SubjectMalformed),
            ("claims[0].provider_field", Reason::ClaimUnknown),
            ("claims[1].document", Reason::InvalidArgument),
            ("claims[2].document", Reason::InvalidArgument),
            ("claims[3]", Reason::InvalidArgument),
            ("claims[4]", Reason::ClaimNotOffered),
            ("action_lifetime", Reason::ActionLifetimeOutOfRange),
        ];
        let expected = expected.map(|(field, reason)| (field.to_owned(), reason));
        assert_eq!(violations(&wrong), expected);
        let nothing = violations(&request("", Vec::new()));
        assert_eq!(nothing, [("claims".to_owned(), Reason::InvalidArgument)]);
    }

    #[test]
    fn a_lifetime_of_5_minutes_to_30_days_is_taken() {
        let month = 30 * 86_400;
        for (seconds, is_taken) in [(299, false), (300, true), (month, true), (month + 1, false)] {
            let mut wish = request("", vec![by_field("email")]);
            wish.action_lifetime = Some(Duration::from_secs(seconds));
            assert_eq!(prepare(&wish).is_ok(), is_taken, "{seconds}");
        }
    }
}
