//! The wrong requests that CreateVerification can get. None of them asks the provider anything.

use verilane_api::v1;
use verilane_api::v1::claim_request::Selector;
use verilane_api::v1::create_verification_request::Lifetime;

use super::provider::NOBODY;
use super::support::{because, claim, core_id, key, request, told, world};
use super::wrong_requests::{events, seconds};

#[tokio::test]
async fn wrong_requests_to_create() {
    type Change = fn(&mut v1::CreateVerificationRequest);
    let table: &[(Change, &[&str])] = &[
        (
            |r| r.request_id.clear(),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.request_id = "x".repeat(65),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.request_id = "a b".to_owned(),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.connection.clear(),
            &["InvalidArgument INVALID_ARGUMENT connection"],
        ),
        (
            |r| r.connection = "Live!".to_owned(),
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
            |r| r.subject = Some(v1::Subject::default()),
            &["InvalidArgument SUBJECT_MALFORMED subject"],
        ),
        (
            |r| r.subject = core_id(NOBODY),
            &["InvalidArgument SUBJECT_MALFORMED subject"],
        ),
        (
            |r| r.subject_ref = "x".repeat(201),
            &["InvalidArgument INVALID_ARGUMENT subject_ref"],
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
            |r| r.claims[1].selector = None,
            &["InvalidArgument INVALID_ARGUMENT claims[1]"],
        ),
        (
            |r| {
                let name = key("shoe_size", v1::DocumentType::Unspecified);
                r.claims[0] = claim(name, v1::Necessity::Required);
            },
            &["InvalidArgument CLAIM_UNKNOWN claims[0].claim.name"],
        ),
        (
            |r| {
                let mut name = key("birthdate", v1::DocumentType::Passport);
                name.document_type = 77;
                r.claims[0] = claim(name, v1::Necessity::Required);
            },
            &["InvalidArgument INVALID_ARGUMENT claims[0].claim.document_type"],
        ),
        (
            |r| {
                let name = key("name", v1::DocumentType::Passport);
                r.claims[0] = claim(name, v1::Necessity::Required);
            },
            &["InvalidArgument CLAIM_NOT_OFFERED claims[0]"],
        ),
        (
            |r| r.claims[0].selector = Some(Selector::ProviderField("x".repeat(129))),
            &["InvalidArgument CLAIM_UNKNOWN claims[0].provider_field"],
        ),
        (
            |r| r.claims[0].necessity = 77,
            &["InvalidArgument INVALID_ARGUMENT claims[0].necessity"],
        ),
        (
            |r| r.labels = (0..17).map(|n| (format!("k{n}"), String::new())).collect(),
            &["InvalidArgument INVALID_ARGUMENT labels"],
        ),
        (
            |r| r.labels = [("Team".to_owned(), String::new())].into(),
            &["InvalidArgument INVALID_ARGUMENT labels"],
        ),
        (
            |r| r.labels = [("team".to_owned(), "x".repeat(201))].into(),
            &["InvalidArgument INVALID_ARGUMENT labels"],
        ),
        (
            |r| r.access_context = None,
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.access_context = because("  "),
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.access_context = because(&"x".repeat(201)),
            &["InvalidArgument INVALID_ARGUMENT access_context.purpose"],
        ),
        (
            |r| {
                r.lifetime = seconds(3).map(Lifetime::Ttl);
            },
            &["InvalidArgument EXPIRE_TIME_OUT_OF_RANGE ttl"],
        ),
        (
            |r| {
                r.lifetime = seconds(-3).map(Lifetime::Ttl);
            },
            &["InvalidArgument INVALID_ARGUMENT ttl"],
        ),
        (
            |r| {
                let past = prost_types::Timestamp::default();
                r.lifetime = Some(Lifetime::ExpireTime(past));
            },
            &["InvalidArgument EXPIRE_TIME_OUT_OF_RANGE expire_time"],
        ),
        (
            |r| r.action_lifetime = seconds(-1),
            &["InvalidArgument INVALID_ARGUMENT action_lifetime"],
        ),
        (
            |r| r.max_attempts = 11,
            &["InvalidArgument INVALID_ARGUMENT max_attempts"],
        ),
        (
            |r| {
                r.request_id.clear();
                r.connection.clear();
                r.access_context = None;
            },
            &[
                "InvalidArgument INVALID_ARGUMENT request_id",
                "InvalidArgument INVALID_ARGUMENT connection",
                "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
            ],
        ),
    ];
    let world = world().await;
    let mut client = world.verifications().await;
    for (number, (change, expected)) in table.iter().enumerate() {
        let mut wrong = request("ada");
        change(&mut wrong);
        let status = client.create_verification(wrong).await.unwrap_err();
        assert_eq!(told(&status), *expected, "row {number}");
    }
    assert_eq!(events(&world).await, 0);
    assert!(world.provider.told.lock().is_empty());
}
