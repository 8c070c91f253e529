//! Claims are asked for from whichever document the user has verified, over the real binary and a
//! connector that knows of each user what that is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::collections::BTreeMap;

use harness::{CONNECTION, Stage, claim, create_request, field, info, refusal};
use tonic::Code;
use tonic_types::StatusExt as _;
use verilane_api::v1::claim_request::Selector;
use verilane_api::v1::{
    CheckAvailabilityRequest, CheckAvailabilityResponse, ClaimFromAnyDocument, ClaimKey,
    ClaimRequest, ClaimStatus, CreateVerificationRequest, DocumentType, GetVerificationRequest,
    Necessity, QrOrLink, ReadClaimsRequest, State, Verification, action, claim_value,
};
use verilane_sandbox::SandboxUser;

fn from_any(name: &str, preferred: &[DocumentType]) -> ClaimRequest {
    ClaimRequest {
        selector: Some(Selector::FromAnyDocument(ClaimFromAnyDocument {
            name: name.to_owned(),
            preferred_documents: preferred
                .iter()
                .map(|document| (*document).into())
                .collect(),
        })),
        necessity: Necessity::Required.into(),
    }
}

fn optional(claim: ClaimRequest) -> ClaimRequest {
    ClaimRequest {
        necessity: Necessity::Optional.into(),
        ..claim
    }
}

fn asking(user: &SandboxUser, claims: &[ClaimRequest]) -> CreateVerificationRequest {
    CreateVerificationRequest {
        claims: claims.to_vec(),
        ..create_request(user, &[])
    }
}

async fn check(
    server: &harness::Server,
    user: &SandboxUser,
    claims: &[ClaimRequest],
) -> CheckAvailabilityResponse {
    let create = asking(user, claims);
    let check = CheckAvailabilityRequest {
        connection: CONNECTION.to_owned(),
        subject: create.subject,
        claims: create.claims,
        access_context: create.access_context,
    };
    let answer = server.verifications().check_availability(check).await;
    answer.unwrap().into_inner()
}

fn shown(verification: &Verification) -> QrOrLink {
    let action = verification.attempts[0].action.clone().unwrap();
    let action::Kind::QrOrLink(action) = action.kind.unwrap() else {
        panic!("another kind of action");
    };
    action
}

#[tokio::test]
async fn claims_come_from_the_document_that_a_user_has_verified_whichever_is_preferred() {
    let stage = Stage::new().await;
    let server = stage.start();
    // Has verified the identity card and the e-mail address, and nothing else.
    let user = stage.user("partial");
    let claims = [
        from_any("birthdate", &[DocumentType::Passport]),
        from_any("document.document_number", &[]),
        optional(claim("name", DocumentType::Passport)),
        optional(field("SH_PHONE")),
    ];
    let checked = check(&server, &user, &claims).await;
    assert!(checked.can_create);
    let fields: Vec<_> = checked
        .claims
        .iter()
        .map(|claim| claim.provider_field.as_str())
        .collect();
    let held = ["SH_IDCard_DOB", "SH_IDCard_DocumentNumber"];
    assert_eq!(fields, [held[0], held[1], "", ""]);
    assert_eq!(
        checked.claims[0].tried_fields,
        [
            "SH_IDCard_DOB",
            "SH_Passport_DOB",
            "SH_ResidencePermit_DOB",
            "SH_DriverLicense_DOB",
        ]
    );
    assert!(stage.sandbox.requests(Some("partial")).unwrap().is_empty());

    let create = asking(&user, &claims);
    let created = server.verifications().create_verification(create).await;
    let created = created.unwrap().into_inner().verification.unwrap();
    let asked = stage.sandbox.requests(Some("partial")).unwrap();
    assert_eq!(asked[0].items, held);
    server.events_until_final(&created.id).await;
    let row = server.get(&created.id).await;
    assert_eq!(row.state(), State::Verified);
    let statuses: BTreeMap<_, _> = row
        .claims
        .iter()
        .map(|claim| (claim.provider_field.as_str(), claim.status()))
        .collect();
    assert_eq!(
        statuses,
        BTreeMap::from([
            ("SH_IDCard_DOB", ClaimStatus::Granted),
            ("SH_IDCard_DocumentNumber", ClaimStatus::Granted),
            ("SH_PHONE", ClaimStatus::NotHeld),
            ("SH_Passport_FULLNAME", ClaimStatus::NotHeld),
        ])
    );
    let read: BTreeMap<_, _> = server
        .read_claims(&created.id)
        .await
        .unwrap()
        .claims
        .into_iter()
        .map(|claim| (claim.provenance.unwrap().provider_field, claim.raw_value))
        .collect();
    let expected = held.map(|field| (field.to_owned(), user.value(field).unwrap()));
    assert_eq!(read, BTreeMap::from(expected));
    stage.end().await;
}

#[tokio::test]
async fn a_user_who_has_verified_all_is_asked_for_one_document_the_preferred_one() {
    let stage = Stage::new().await;
    let server = stage.start();
    let user = stage.user("ignores");
    let table: &[(&[ClaimRequest], &[&str])] = &[
        (
            &[
                from_any("name", &[DocumentType::ResidencePermit]),
                from_any("birthdate", &[DocumentType::Passport]),
            ],
            &["SH_ResidencePermit_FULLNAME", "SH_ResidencePermit_DOB"],
        ),
        (
            &[
                from_any("name", &[DocumentType::ResidencePermit]),
                claim("gender", DocumentType::DrivingPermit),
            ],
            &["SH_DriverLicense_FULLNAME", "SH_DriverLicense_Gender"],
        ),
        (
            &[from_any("birthdate", &[]), field("SH_Passport_DOB")],
            &["SH_Passport_DOB", "SH_Passport_DOB"],
        ),
    ];
    for (claims, expected) in table {
        let checked = check(&server, &user, claims).await;
        let fields: Vec<_> = checked.claims.iter().map(|c| &c.provider_field).collect();
        assert_eq!(fields, *expected);
        let create = asking(&user, claims);
        let created = server.verifications().create_verification(create).await;
        let created = created.unwrap().into_inner().verification.unwrap();
        let mut asked: Vec<_> = created.claims.iter().map(|c| &c.provider_field).collect();
        let mut wanted = expected.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        asked.sort_unstable();
        assert_eq!(asked, wanted);
    }
    stage.end().await;
}

#[tokio::test]
async fn what_a_user_lacks_is_listed_with_every_field_tried_and_nobody_is_bothered() {
    let stage = Stage::new().await;
    let server = stage.start();
    for (who, missing) in [
        ("partial", vec!["claims[1]"]),
        ("unverified", vec!["claims[0]", "claims[1]"]),
    ] {
        let user = stage.user(who);
        let claims = [from_any("birthdate", &[]), field("SH_PHONE")];
        assert!(!check(&server, &user, &claims).await.can_create);
        let create = asking(&user, &claims);
        let answer = server.verifications().create_verification(create).await;
        let status = answer.unwrap_err();
        let expected = (Code::FailedPrecondition, "CLAIMS_NOT_HELD".to_owned());
        assert_eq!(refusal(&status), expected);
        let details = status.get_error_details();
        let failure = details.precondition_failure().unwrap();
        let places: Vec<_> = failure.violations.iter().map(|v| &v.subject).collect();
        assert_eq!(places, missing, "{who}");
        let fields = &info(&status).metadata["fields"];
        assert!(fields.contains("SH_PHONE"), "{fields}");
        assert_eq!(fields.contains("SH_Passport_DOB"), who == "unverified");
        assert!(stage.sandbox.requests(Some(who)).unwrap().is_empty());
    }
    stage.end().await;
}

#[tokio::test]
async fn an_age_is_asked_for_as_the_birthdate_and_read_without_it() {
    let stage = Stage::new().await;
    let server = stage.start();
    // Has verified the identity card, and no passport.
    let user = stage.user("partial");
    let claims = [
        from_any("age_over_18", &[DocumentType::Passport]),
        optional(from_any("age_over_21", &[])),
        optional(claim("age_over_16", DocumentType::Passport)),
    ];
    let checked = check(&server, &user, &claims).await;
    assert!(checked.can_create);
    let fields: Vec<_> = checked.claims.iter().map(|c| &c.provider_field).collect();
    assert_eq!(fields, ["SH_IDCard_DOB", "SH_IDCard_DOB", ""]);
    let create = asking(&user, &claims);
    let created = server.verifications().create_verification(create).await;
    let created = created.unwrap().into_inner().verification.unwrap();
    let asked = stage.sandbox.requests(Some("partial")).unwrap();
    assert_eq!(asked[0].items, ["SH_IDCard_DOB"]);
    server.events_until_final(&created.id).await;
    let row = server.get(&created.id).await;
    assert_eq!(row.state(), State::Verified);
    let statuses: BTreeMap<_, _> = row
        .claims
        .iter()
        .map(|claim| (claim.claim.clone().unwrap().name, claim.status()))
        .collect();
    assert_eq!(
        statuses,
        BTreeMap::from([
            ("age_over_16".to_owned(), ClaimStatus::NotHeld),
            ("age_over_18".to_owned(), ClaimStatus::Granted),
            ("age_over_21".to_owned(), ClaimStatus::Granted),
        ])
    );

    let key = |name: &str| ClaimKey {
        name: name.to_owned(),
        document_type: DocumentType::Idcard.into(),
    };
    let read = |claims: &[ClaimKey], peppers_of: &[ClaimKey]| ReadClaimsRequest {
        verification_id: created.id.clone(),
        access_context: create_request(&user, &[]).access_context,
        claims: claims.to_vec(),
        peppers_of: peppers_of.to_vec(),
        as_openid_identity_assurance: true,
    };
    let peppers = [key("age_over_18"), key("age_over_21")];
    let answer = server.claims().read_claims(read(&[], &peppers)).await;
    let answer = answer.unwrap().into_inner();
    let names: Vec<_> = answer.claims.iter().map(|c| c.claim.clone()).collect();
    assert_eq!(names, peppers.map(Some));
    for claim in &answer.claims {
        let value = claim.value.clone().unwrap().kind;
        assert!(matches!(value, Some(claim_value::Kind::Boolean(_))));
        assert_eq!(claim.derived_from, [key("birthdate")]);
        assert!(claim.as_of.is_some() && claim.raw_value.is_empty());
        assert!(claim.pepper.is_none() && claim.evidence_id.is_empty());
        let provenance = claim.provenance.as_ref().unwrap();
        assert_eq!(provenance.provider_field, "SH_IDCard_DOB");
    }
    let born = user.value("SH_IDCard_DOB").unwrap();
    assert!(!answer.verified_claims_json.contains(&born));
    for wish in [
        read(&[key("birthdate")], &[]),
        read(&[], &[key("birthdate")]),
    ] {
        let refused = server.claims().read_claims(wish).await.unwrap_err();
        let expected = (Code::InvalidArgument, "CLAIM_NOT_REQUESTED".to_owned());
        assert_eq!(refusal(&refused), expected);
    }
    stage.end().await;
}

#[tokio::test]
async fn a_link_without_its_code_is_enough_and_the_code_is_drawn_when_it_is_wanted() {
    let stage = Stage::new().await;
    let server = stage.start();
    let user = stage.user("ignores");
    let create = CreateVerificationRequest {
        without_qr_png: true,
        ..create_request(&user, &["SH_EMAIL"])
    };
    let created = server.verifications().create_verification(create).await;
    let created = created.unwrap().into_inner().verification.unwrap();
    let link = shown(&created).link;
    assert!(link.starts_with("corepass:"), "{link}");
    assert!(shown(&created).qr_png.is_empty());
    assert!(server.terminate().await.success());

    let server = stage.start();
    let drawn = shown(&server.get(&created.id).await);
    assert_eq!(drawn.link, link);
    assert!(drawn.qr_png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let get = GetVerificationRequest {
        verification_id: created.id.clone(),
        without_qr_png: true,
    };
    let got = server.verifications().get_verification(get).await;
    let got = got.unwrap().into_inner().verification.unwrap();
    assert!(shown(&got).qr_png.is_empty());
    stage.end().await;
}
