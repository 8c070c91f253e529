//! Asking: claims from any document, what is told of what a subject holds, and QR codes that nobody
//! wants, or wants later.

use tonic_types::StatusExt as _;
use verilane_api::v1;
use verilane_api::v1::DocumentType::{self, Idcard, Passport, ResidencePermit};
use verilane_api::v1::claim_request::Selector;

use super::provider::{EMPTY_HANDED, GARBLED_EARLY, NOBODY, PNG, TRAVELLER};
use super::support::{CONNECTION, World, because, claim, core_id, key, request, told, world};
use super::wrong_requests::events;

fn from_any(name: &str, preferred: &[DocumentType]) -> v1::ClaimRequest {
    v1::ClaimRequest {
        selector: Some(Selector::FromAnyDocument(v1::ClaimFromAnyDocument {
            name: name.to_owned(),
            preferred_documents: preferred.iter().map(|d| (*d).into()).collect(),
        })),
        necessity: v1::Necessity::Required.into(),
    }
}

fn check(name: &str, claims: Vec<v1::ClaimRequest>) -> v1::CheckAvailabilityRequest {
    v1::CheckAvailabilityRequest {
        connection: CONNECTION.to_owned(),
        subject: core_id(name),
        claims,
        access_context: because("test"),
    }
}

fn action(verification: &v1::Verification) -> &v1::QrOrLink {
    let action = verification.attempts[0].action.as_ref().unwrap();
    let Some(v1::action::Kind::QrOrLink(action)) = &action.kind else {
        panic!("no action");
    };
    action
}

async fn get(world: &World, id: &str, without_qr_png: bool) -> v1::Verification {
    let get = v1::GetVerificationRequest {
        verification_id: id.to_owned(),
        without_qr_png,
    };
    let answer = world.verifications().await.get_verification(get).await;
    answer.unwrap().into_inner().verification.unwrap()
}

#[tokio::test]
async fn what_a_subject_holds_is_told_claim_by_claim_and_is_what_would_be_asked_for() {
    let world = world().await;
    let mut client = world.verifications().await;
    let email = claim(
        key("email", DocumentType::Unspecified),
        v1::Necessity::Optional,
    );
    let land = claim(key("document.country", Passport), v1::Necessity::Optional);
    let claims = vec![from_any("birthdate", &[Idcard]), email, land];
    for (who, document, field) in [("ada", Passport, "F_DOB"), (TRAVELLER, Passport, "F_DOB")] {
        let checked = client
            .check_availability(check(who, claims.clone()))
            .await
            .unwrap()
            .into_inner();
        assert!(checked.can_create);
        let first = &checked.claims[0];
        assert!(first.held);
        // The passport is needed anyway.
        assert_eq!(first.claim, Some(key("birthdate", document)));
        assert_eq!(first.provider_field, field);
        assert_eq!(first.tried_fields, ["F_DOB", "F_ID_DOB"]);
        assert_eq!(first.necessity(), v1::Necessity::Required);
        assert_eq!(checked.claims[1].provider_field, "F_MAIL");
        assert_eq!(checked.claims[1].necessity(), v1::Necessity::Optional);
    }
    assert_eq!(events(&world).await, 0);
    let wish = v1::CreateVerificationRequest {
        claims: vec![from_any("birthdate", &[Idcard])],
        ..request(TRAVELLER)
    };
    let made = client.create_verification(wish).await.unwrap().into_inner();
    let asked = &made.verification.unwrap().claims[0];
    assert_eq!(asked.claim, Some(key("birthdate", Passport)));
    assert_eq!(asked.provider_field, "F_DOB");
}

#[tokio::test]
async fn a_claim_that_is_not_held_is_told_with_the_fields_tried_and_refuses_a_create() {
    let world = world().await;
    let mut client = world.verifications().await;
    let land = claim(key("document.country", Passport), v1::Necessity::Required);
    let claims = vec![from_any("birthdate", &[]), land];
    let checked = client
        .check_availability(check(EMPTY_HANDED, claims.clone()))
        .await
        .unwrap()
        .into_inner();
    assert!(!checked.can_create);
    let unnamed = key("birthdate", DocumentType::Unspecified);
    assert_eq!(checked.claims[0].claim, Some(unnamed));
    let named = key("document.country", Passport);
    assert_eq!(checked.claims[1].claim, Some(named));
    for one in &checked.claims {
        assert!(!one.held && one.provider_field.is_empty());
    }
    let wish = v1::CreateVerificationRequest {
        claims,
        ..request(EMPTY_HANDED)
    };
    let status = client.create_verification(wish).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition CLAIMS_NOT_HELD"]);
    let details = status.get_error_details();
    let failure = details.precondition_failure().unwrap();
    let said: Vec<_> = failure
        .violations
        .iter()
        .map(|v| {
            (
                v.r#type.as_str(),
                v.subject.as_str(),
                v.description.as_str(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                "CLAIMS_NOT_HELD",
                "claims[0]",
                "`birthdate` is not held: tried F_DOB, F_ID_DOB"
            ),
            (
                "CLAIMS_NOT_HELD",
                "claims[1]",
                "`document.country` is not held: tried F_LAND"
            ),
        ]
    );
    let info = details.error_info().unwrap();
    assert_eq!(info.metadata["fields"], "F_DOB,F_ID_DOB,F_LAND");
    assert_eq!(events(&world).await, 0);
}

#[tokio::test]
async fn a_code_that_was_not_wanted_is_drawn_from_the_link_once_it_is() {
    let world = world().await;
    let mut client = world.verifications().await;
    let wish = v1::CreateVerificationRequest {
        without_qr_png: true,
        ..request("ada")
    };
    let made = client.create_verification(wish).await.unwrap().into_inner();
    let made = made.verification.unwrap();
    assert_eq!(action(&made).link, "obedient:ada");
    assert!(action(&made).qr_png.is_empty());
    assert!(action(&get(&world, &made.id, true).await).qr_png.is_empty());
    let drawn = get(&world, &made.id, false).await;
    let drawn = &action(&drawn).qr_png;
    assert!(drawn.starts_with(b"\x89PNG\r\n\x1a\n") && drawn.len() > PNG.len());

    // One that was wanted is the provider's own, and can be left out later.
    let other = world.create("grace").await;
    assert_eq!(action(&other).qr_png, PNG);
    assert_eq!(action(&get(&world, &other.id, false).await).qr_png, PNG);
    assert!(
        action(&get(&world, &other.id, true).await)
            .qr_png
            .is_empty()
    );
}

/// A wrong claim, and what is said of it.
type Wrong = (fn() -> v1::ClaimRequest, &'static [&'static str]);

/// What is wrong with a claim from any document, for both RPCs that take one.
const WRONG_CLAIMS: &[Wrong] = &[
    (
        || from_any("shoe_size", &[]),
        &["CLAIM_UNKNOWN claims[0].from_any_document.name"],
    ),
    (
        || from_any("", &[]),
        &["CLAIM_UNKNOWN claims[0].from_any_document.name"],
    ),
    (
        || from_any("email", &[]),
        &["INVALID_ARGUMENT claims[0].from_any_document.name"],
    ),
    (|| from_any("name", &[]), &["CLAIM_NOT_OFFERED claims[0]"]),
    (
        || from_any("birthdate", &[Passport, Idcard, Passport]),
        &["INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[2]"],
    ),
    (
        || from_any("birthdate", &[DocumentType::Unspecified, ResidencePermit]),
        &["INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[0]"],
    ),
    (
        || v1::ClaimRequest {
            selector: Some(Selector::FromAnyDocument(v1::ClaimFromAnyDocument {
                name: "birthdate".to_owned(),
                preferred_documents: vec![77; 1_000],
            })),
            necessity: 77,
        },
        &[
            "INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[0]",
            "INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[1]",
            "INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[2]",
            "INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[3]",
            "INVALID_ARGUMENT claims[0].from_any_document.preferred_documents[4]",
            "INVALID_ARGUMENT claims[0].necessity",
        ],
    ),
];

#[tokio::test]
async fn wrong_claims_from_any_document_are_refused_by_create_and_check_alike() {
    let world = world().await;
    let mut client = world.verifications().await;
    for (number, (claim, expected)) in WRONG_CLAIMS.iter().enumerate() {
        let expected: Vec<_> = expected
            .iter()
            .map(|expected| format!("InvalidArgument {expected}"))
            .collect();
        let create = v1::CreateVerificationRequest {
            claims: vec![claim()],
            ..request("ada")
        };
        let status = client.create_verification(create).await.unwrap_err();
        assert_eq!(told(&status), expected, "row {number}, create");
        let status = client
            .check_availability(check("ada", vec![claim()]))
            .await
            .unwrap_err();
        assert_eq!(told(&status), expected, "row {number}, check");
    }
    assert_eq!(events(&world).await, 0);
}

#[tokio::test]
async fn wrong_requests_to_check_availability() {
    type Change = fn(&mut v1::CheckAvailabilityRequest);
    let table: &[(Change, &[&str])] = &[
        (
            |r| r.connection.clear(),
            &["InvalidArgument INVALID_ARGUMENT connection"],
        ),
        (
            |r| r.connection = "another".to_owned(),
            &["NotFound CONNECTION_NOT_FOUND"],
        ),
        (
            |r| r.subject = None,
            &["InvalidArgument SUBJECT_MALFORMED subject"],
        ),
        (
            |r| r.subject = core_id(NOBODY),
            &["InvalidArgument SUBJECT_MALFORMED subject"],
        ),
        (
            |r| r.claims.clear(),
            &["InvalidArgument INVALID_ARGUMENT claims"],
        ),
        (
            |r| r.claims = vec![r.claims[0].clone(); 129],
            &["InvalidArgument INVALID_ARGUMENT claims"],
        ),
        (
            |r| r.claims[0].selector = None,
            &["InvalidArgument INVALID_ARGUMENT claims[0]"],
        ),
        (
            |r| r.claims[0].selector = Some(Selector::ProviderField("F_NONE".to_owned())),
            &["InvalidArgument CLAIM_NOT_OFFERED claims[0]"],
        ),
        (
            |r| r.access_context = None,
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.access_context = because(" \t"),
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| {
                r.connection.clear();
                r.access_context = None;
            },
            &[
                "InvalidArgument INVALID_ARGUMENT connection",
                "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
            ],
        ),
        (
            |r| r.subject = core_id(GARBLED_EARLY),
            &["Unavailable PROVIDER_ANSWER_INVALID"],
        ),
    ];
    let world = world().await;
    let mut client = world.verifications().await;
    for (number, (change, expected)) in table.iter().enumerate() {
        let mut wrong = check("ada", vec![from_any("birthdate", &[])]);
        change(&mut wrong);
        let status = client.check_availability(wrong).await.unwrap_err();
        assert_eq!(told(&status), *expected, "row {number}");
    }
    assert_eq!(events(&world).await, 0);
    assert!(world.provider.told.lock().is_empty());
}
