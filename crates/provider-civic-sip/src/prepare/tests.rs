use verilane_core::{ClaimName, ClaimRequest, ClaimSelector, DocumentType, Pii};

use super::*;
use crate::fields::{DOCUMENT_TYPE, Field, IGNORED, IMAGE, USER_ID};
use crate::scope::NAMES;

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

fn named(scope: &str, claims: Vec<ClaimRequest>) -> StartRequest {
    StartRequest {
        scope: Some(scope.to_owned()),
        ..request("", claims)
    }
}

const A_DAY: Duration = Duration::from_hours(24);

fn prepared(request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
    prepare(request, A_DAY)
}

fn violations(request: &StartRequest) -> Vec<(String, Reason)> {
    let violations = prepared(request).unwrap_err().into_iter();
    violations.map(|v| (v.field, v.reason)).collect()
}

#[test]
fn a_claim_keeps_the_document_that_it_is_wished_from() {
    let passport = Some(DocumentType::Passport);
    let wishes = vec![
        by_claim(ClaimName::Birthdate, passport),
        from_any(ClaimName::Name, vec![DocumentType::IdCard]),
        by_claim(ClaimName::Email, None),
        by_field("documents.genericId.number"),
    ];
    let prepared = prepared(&request("subject-id:C6D5", wishes)).unwrap();
    assert_eq!(prepared.subject.expose(), "subject-id:c6d5");
    assert_eq!(prepared.action_lifetime, LIFETIME.default);
    let sources = prepared.claims.iter().map(|wish| match &wish.sources[..] {
        [only] => (only.field.as_str(), only.document),
        more => panic!("{more:?}"),
    });
    let expected = [
        ("documents.genericId.dateOfBirth", passport),
        ("documents.genericId.name", None),
        ("contact.personal.email", None),
        ("documents.genericId.number", None),
    ];
    assert!(sources.eq(expected));
}

#[test]
fn the_smallest_scope_that_gives_all_is_asked_for_and_the_user_s_id_besides() {
    let table: [(&[&str], &str); 6] = [
        (&[USER_ID], "ANONYMOUS_LOGIN"),
        (&["contact.personal.email"], "BASIC_SIGNUP"),
        (&["contact.personal.phoneNumber", USER_ID], "BASIC_SIGNUP"),
        (&[DOCUMENT_TYPE], "PROOF_OF_IDENTITY"),
        (&[USER_ID, IMAGE], "PROOF_OF_IDENTITY"),
        (
            &["contact.personal.email", "documents.genericId.country"],
            "PROOF_OF_IDENTITY",
        ),
    ];
    for (fields, scope) in table {
        let wishes = fields.iter().map(|field| by_field(field)).collect();
        let prepared = prepared(&request("", wishes)).unwrap();
        assert_eq!(scope_of(&prepared.fields()).name(), scope, "{fields:?}");
        let besides = prepared.besides.iter().map(|wish| wish.name);
        let is_asked = fields.contains(&USER_ID);
        let expected = (!is_asked).then_some(ClaimName::ProviderSubject);
        assert!(besides.eq(expected), "{fields:?}");
        assert!(
            prepared.besides.iter().all(|wish| !wish.required),
            "{fields:?}"
        );
    }
}

#[test]
fn a_scope_that_is_named_is_the_one_that_is_asked_for_whatever_else_is() {
    for set in 0..1_u32 << FIELDS.len() {
        let is_in = |(place, _): &(usize, &Field)| set >> place & 1 == 1;
        let asked: Vec<&Field> = FIELDS
            .iter()
            .enumerate()
            .filter(is_in)
            .map(|(_, f)| f)
            .collect();
        let wishes: Vec<_> = asked.iter().map(|field| by_field(field.name)).collect();
        let smallest = fields::smallest_for(asked.iter().map(|field| field.name));
        if !asked.is_empty() {
            let prepared = prepared(&request("", wishes.clone())).unwrap();
            assert_eq!(scope_of(&prepared.fields()), smallest);
        }
        for scope in Scope::ALL {
            let outcome = prepared(&named(scope.name(), wishes.clone()));
            if !scope.covers(smallest) {
                let found = outcome.unwrap_err();
                let is_so = |v: &FieldViolation| v.reason == Reason::ClaimNotOffered;
                assert!(found.iter().all(is_so));
                continue;
            }
            let prepared = outcome.unwrap();
            assert_eq!(scope_of(&prepared.fields()), scope);
            assert_eq!(prepared.claims.len(), asked.len());
            // All that it gives, each once.
            let given = fields::given_by(scope).count();
            assert_eq!(prepared.claims.len() + prepared.besides.len(), given);
            assert_eq!(prepared.fields().len(), given);
        }
    }
}

#[test]
fn a_claim_that_the_named_scope_does_not_give_is_refused_at_its_place() {
    let wishes = vec![
        by_claim(ClaimName::Email, None),
        from_any(ClaimName::Name, Vec::new()),
        by_claim(ClaimName::ProviderSubject, None),
    ];
    let not_offered = |place: usize| (format!("claims[{place}]"), Reason::ClaimNotOffered);
    let told = |scope: &str| violations(&named(scope, wishes.clone()));
    assert_eq!(told("BASIC_SIGNUP"), [not_offered(1)]);
    assert_eq!(told("ANONYMOUS_LOGIN"), [not_offered(0), not_offered(1)]);
    assert!(prepared(&named("PROOF_OF_IDENTITY", wishes.clone())).is_ok());
    let unknown = [("scope".to_owned(), Reason::ScopeUnknown)];
    for scope in ["", "basic_signup", "KYC"] {
        assert_eq!(told(scope), unknown, "{scope}");
    }
    assert!(
        NAMES
            .iter()
            .all(|name| prepared(&named(name, Vec::new())).is_ok())
    );
}

#[test]
fn a_field_is_asked_for_once_from_whatever_document() {
    let wishes = vec![
        by_claim(ClaimName::Name, Some(DocumentType::Passport)),
        by_claim(ClaimName::Name, Some(DocumentType::IdCard)),
        from_any(ClaimName::Name, Vec::new()),
        by_field("documents.genericId.name"),
    ];
    let repeated = |place| (format!("claims[{place}]"), Reason::ClaimRepeated);
    let expected = [repeated(1), repeated(2), repeated(3)];
    assert_eq!(violations(&request("", wishes)), expected);
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let mut wrong = request(
        "wallet:0xab",
        vec![
            by_field(IGNORED),
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
        let mut wish = request("", vec![by_field(USER_ID)]);
        wish.action_lifetime = Some(Duration::from_secs(seconds));
        assert_eq!(prepared(&wish).is_ok(), is_taken, "{seconds}");
    }
}

#[test]
fn what_is_the_users_id_alone_is_kept_for_a_time_and_anything_else_for_good() {
    let retention = |request: &StartRequest| prepared(request).unwrap().retention;
    let user = by_claim(ClaimName::ProviderSubject, None);
    for anonymous in [
        named("ANONYMOUS_LOGIN", Vec::new()),
        named("ANONYMOUS_LOGIN", vec![by_field(USER_ID)]),
        request("", vec![user.clone()]),
        request("subject-id:C6D5", vec![by_field(USER_ID)]),
    ] {
        assert_eq!(retention(&anonymous), Some(A_DAY));
    }
    for other in [
        named("BASIC_SIGNUP", Vec::new()),
        named("BASIC_SIGNUP", vec![user.clone()]),
        named("PROOF_OF_IDENTITY", Vec::new()),
        request("", vec![user, by_claim(ClaimName::Email, None)]),
    ] {
        assert_eq!(retention(&other), None);
    }
}

#[test]
fn the_users_id_is_required_where_he_is_named_or_it_is_all_that_is_asked_for() {
    let optional = |name| ClaimRequest {
        required: false,
        ..by_claim(name, None)
    };
    let (user, email) = (ClaimName::ProviderSubject, ClaimName::Email);
    let about = |request: StartRequest| StartRequest {
        subject: Pii::from("subject-id:C6D5"),
        ..request
    };
    let table = [
        (named("ANONYMOUS_LOGIN", Vec::new()), true),
        (named("ANONYMOUS_LOGIN", vec![optional(user)]), true),
        (request("", vec![optional(user)]), true),
        (request("", vec![optional(email)]), false),
        (request("", vec![optional(user), optional(email)]), false),
        (named("BASIC_SIGNUP", Vec::new()), false),
        (named("PROOF_OF_IDENTITY", Vec::new()), false),
    ];
    for (wish, is_required) in table {
        for (wish, is_required) in [(wish.clone(), is_required), (about(wish), true)] {
            let prepared = prepared(&wish).unwrap();
            let all = || prepared.claims.iter().chain(&prepared.besides);
            let required: Vec<_> = all().filter(|wish| wish.required).collect();
            assert_eq!(required.len(), usize::from(is_required), "{wish:?}");
            assert!(required.iter().all(|wish| wish.name == user));
        }
    }
}
