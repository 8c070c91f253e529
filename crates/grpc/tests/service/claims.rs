//! ReadClaims.

use verilane_api::v1;
use verilane_api::v1::claim_value::Kind;

use super::support::{because, key, told, world};

#[tokio::test]
async fn claims_are_typed_and_say_where_they_come_from_and_peppers_come_only_by_name() {
    let world = world().await;
    let mut client = world.claims().await;
    let made = world.create("ada").await;
    let mut read = v1::ReadClaimsRequest {
        verification_id: made.id.clone(),
        access_context: because("account-opening"),
        ..Default::default()
    };
    let status = client.read_claims(read.clone()).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition CLAIMS_NOT_AVAILABLE"]);

    world
        .call_back("DATA F_DOB=1986-9-06 F_MAIL=a@mail.example")
        .await;
    let answer = client.read_claims(read.clone()).await.unwrap().into_inner();
    assert_eq!(answer.state(), v1::State::Verified);
    assert_eq!(answer.revision, 3);
    let subject = answer.subject.unwrap().identifier.unwrap();
    assert!(subject == v1::subject::Identifier::CoreId("ada".to_owned()));
    let [birthdate, email] = answer.claims.as_slice() else {
        panic!("{} claims", answer.claims.len());
    };
    let date = v1::Date {
        year: 1986,
        month: 9,
        day: 6,
    };
    assert!(birthdate.value.as_ref().unwrap().kind == Some(Kind::Date(date)));
    assert_eq!(birthdate.raw_value, "1986-9-06");
    assert_eq!(birthdate.assurance(), v1::Assurance::Signed);
    let text = Kind::Text("a@mail.example".to_owned());
    assert!(email.value.as_ref().unwrap().kind == Some(text));
    assert!(answer.claims.iter().all(|claim| claim.pepper.is_none()));
    let provenance = birthdate.provenance.as_ref().unwrap();
    assert_eq!(
        (
            provenance.connection.as_str(),
            provenance.provider.as_str(),
            provenance.attempt,
            provenance.provider_field.as_str(),
            provenance.signing_key_fingerprint.as_str(),
        ),
        ("test", "obedient", 1, "F_DOB", "f00d")
    );
    assert_eq!(
        provenance.receive_time.unwrap().seconds,
        world.now().as_secs()
    );

    read.claims = vec![key("birthdate", v1::DocumentType::Unspecified)];
    read.peppers_of = vec![key("birthdate", v1::DocumentType::Passport)];
    let answer = client.read_claims(read).await.unwrap().into_inner();
    assert_eq!(answer.claims.len(), 1);
    assert_eq!(
        answer.claims[0].pepper.as_deref(),
        Some("pepper of 1986-9-06")
    );
}
