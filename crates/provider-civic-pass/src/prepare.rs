//! From a caller's wish to what is looked for in Civic's answer. Pure.
//!
//! Which document a user shows, he chooses in Civic's widget: see [`asking`].

use std::time::Duration;

use verilane_core::FieldViolation;
use verilane_provider::asking::{self, Terms};
use verilane_provider::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

use crate::fields::FIELDS;
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
    let subject = subject::canonical(request.subject.expose());
    asking::prepare(
        request,
        Terms {
            offered: &offered(),
            lifetime: LIFETIME,
            subject: subject.ok_or("must be a wallet's address or a DID, or unset"),
            against: &|_| None,
        },
    )
}

#[cfg(test)]
mod tests {
    use verilane_core::{ClaimName, ClaimRequest, ClaimSelector, DocumentType, Pii, Reason};

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
