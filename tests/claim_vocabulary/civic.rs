//! The claims of a Civic Pass: which document they come from is known when they are there, and ages
//! follow from a birthdate that nobody may read.

use serde_json::{Value, json};
use tonic::Code;
use verilane_api::v1::claim_value::Kind;
use verilane_api::v1::{
    ClaimFromAnyDocument, ClaimKey, ClaimRequest, ClaimStatus, Date, Decision, DocumentType,
    Necessity, ReadClaimsRequest, State, Verification, claim_request,
};
use verilane_core::Timestamp;
use verilane_sandbox::{CivicPassScenario, Evidence};

use crate::harness::civic::{
    JWT, OAUTH, WALLET, create_with, hand_over, purpose, review, stage, start, until, widget,
};
use crate::harness::{Server, Stage, field, refusal};
use crate::page::Page;
use crate::{at, connections, each_stands_in_its_place, elements, read};

/// 2027-01-15, in the morning.
const TODAY: Timestamp = Timestamp::from_secs(1_800_000_000);
const AGES: [&str; 3] = ["age_over_16", "age_over_18", "age_over_21"];

fn from_any(name: &str) -> ClaimRequest {
    let claim = ClaimFromAnyDocument {
        name: name.to_owned(),
        ..ClaimFromAnyDocument::default()
    };
    ClaimRequest {
        selector: Some(claim_request::Selector::FromAnyDocument(claim)),
        necessity: Necessity::Required.into(),
    }
}

fn key(name: &str) -> ClaimKey {
    ClaimKey {
        name: name.to_owned(),
        document_type: DocumentType::Passport.into(),
    }
}

/// A verification of these claims whose user has shared what a scenario says, and that has come to a
/// state.
async fn shared(
    (stage, server): (&Stage, &Server),
    connection: &str,
    claims: Vec<ClaimRequest>,
    scenario: CivicPassScenario,
    state: State,
) -> Verification {
    let created = create_with(server, connection, WALLET, claims).await;
    let civic = stage.sandbox.civic_pass();
    let request = widget(stage, false);
    civic.set_request_scenario(&request.id, scenario).unwrap();
    let brought = &request.presentation_request_id;
    hand_over(server, &created.id, brought).await.unwrap();
    until(server, &created.id, state).await;
    server.get(&created.id).await
}

#[tokio::test]
async fn every_claim_of_a_civic_pass_stands_in_openids_json_where_the_table_says() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let page = Page::read();
    let pictures = ["evidence-document", "idDocumentBack", "evidence-selfie"];
    for connection in [OAUTH, JWT] {
        let all = connections(&server).await;
        let offered = all.into_iter().find(|one| one.name == connection).unwrap();
        let names = offered
            .claims
            .iter()
            .filter(|one| one.derived_from.is_empty());
        let mut claims: Vec<_> = names.map(|one| field(&one.provider_field)).collect();
        claims.extend(AGES.map(from_any));
        let scenario = CivicPassScenario {
            evidence: pictures.map(Evidence::of).into(),
            ..CivicPassScenario::named("ready").unwrap()
        };
        let count = claims.len();
        let scene = (&stage, &server);
        let row = shared(scene, connection, claims, scenario, State::InReview).await;
        // What may still be refused is not told as verified.
        let (answer, json) = read(&server, &row.id, &[]).await;
        assert_eq!(answer.claims.len(), count);
        assert_eq!(json, json!({ "verified_claims": [] }));
        review(&server, &row.id, Decision::Approve).await;
        until(&server, &row.id, State::Verified).await;
        let (answer, json) = read(&server, &row.id, &[]).await;
        assert_eq!(answer.claims.len(), count);
        let elements = elements(&json);
        // What the passport says, and what stands on no document.
        assert_eq!(elements.len(), 2);
        each_stands_in_its_place(&page, &answer, &elements);
        for element in &elements {
            let verification = &element["verification"];
            assert_eq!(verification["trust_framework"], "verilane:civic-pass");
            assert_eq!(verification["assurance_process"]["procedure"], "pulled");
            let check = at(element, "evidence.check_details");
            if let Some(check) = check.get(0) {
                assert_eq!(check["organization"], "civic-pass");
            }
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn the_claims_of_whom_a_reviewer_refused_are_not_told_as_verified() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let scenario = CivicPassScenario::named("ready").unwrap();
    let scene = (&stage, &server);
    let row = shared(
        scene,
        OAUTH,
        vec![field("email")],
        scenario,
        State::InReview,
    )
    .await;
    review(&server, &row.id, Decision::Reject).await;
    until(&server, &row.id, State::Rejected).await;
    let (answer, json) = read(&server, &row.id, &[]).await;
    assert_eq!(answer.claims.len(), 1);
    assert_eq!(json, json!({ "verified_claims": [] }));
    stage.end().await;
}

#[tokio::test]
async fn the_kind_of_a_document_is_told_in_civics_word_though_we_have_no_name_for_it() {
    let stage = stage("ready").await;
    let server = start(&stage);
    for word in ["Voter ID", "passport"] {
        let mut scenario = CivicPassScenario::named("ready").unwrap();
        let information = &mut scenario.more_claims;
        information.insert("documentType".to_owned(), json!(word));
        let claims = ["email", "documentNumber", "dateOfBirth"].map(field).into();
        let scene = (&stage, &server);
        let row = shared(scene, OAUTH, claims, scenario, State::InReview).await;
        let (answer, _) = read(&server, &row.id, &[]).await;
        let told = answer.claims.iter().map(|claim| {
            let provenance = claim.provenance.as_ref().unwrap();
            let field = provenance.provider_field.as_str();
            (field, provenance.provider_document_type.as_str())
        });
        let expected = [
            ("dateOfBirth", word),
            ("documentNumber", word),
            ("email", ""),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
    stage.end().await;
}

#[tokio::test]
async fn ages_are_told_from_civics_birthdate_and_it_can_t_be_read() {
    let stage = stage("ready").await;
    stage.clock.stop_at(TODAY);
    let server = start(&stage);
    for (connection, born, expected) in [
        (OAUTH, "2011-01-16", [false, false, false]),
        (JWT, "2011-01-15", [true, false, false]),
        (OAUTH, "2009-01-16", [true, false, false]),
        (OAUTH, "2009-01-15", [true, true, false]),
        (JWT, "2006-01-16", [true, true, false]),
        (JWT, "2006-01-15", [true, true, true]),
    ] {
        let mut scenario = CivicPassScenario::named("ready").unwrap();
        let information = &mut scenario.more_claims;
        information.insert("dateOfBirth".to_owned(), json!(born));
        let claims = AGES.map(from_any).into();
        let scene = (&stage, &server);
        let row = shared(scene, connection, claims, scenario, State::InReview).await;
        ages_are(&server, &row, born, expected).await;
        review(&server, &row.id, Decision::Approve).await;
        until(&server, &row.id, State::Verified).await;
        ages_are(&server, &row, born, expected).await;
    }
    stage.end().await;
}

async fn ages_are(server: &Server, row: &Verification, born: &str, expected: [bool; 3]) {
    let (answer, json) = read(server, &row.id, &[]).await;
    let told: Vec<_> = answer
        .claims
        .iter()
        .map(|claim| {
            let name = claim.claim.as_ref().unwrap().name.as_str();
            match claim.value.as_ref().unwrap().kind {
                Some(Kind::Boolean(yes)) => (name, yes),
                ref other => panic!("{name} is {other:?}"),
            }
        })
        .collect();
    let ages: Vec<_> = AGES.into_iter().zip(expected).collect();
    assert_eq!(told, ages, "{born}");
    let today = Date {
        year: 2027,
        month: 1,
        day: 15,
    };
    for claim in &answer.claims {
        assert_eq!(claim.as_of, Some(today));
        assert_eq!(claim.derived_from, [key("birthdate")]);
        assert!(claim.raw_value.is_empty() && claim.evidence_id.is_empty());
        assert_eq!(
            claim.provenance.as_ref().unwrap().provider_field,
            "dateOfBirth"
        );
    }
    let object: Value = ages.iter().map(|(name, yes)| (*name, *yes)).collect();
    match answer.state() {
        State::Verified => assert_eq!(json["verified_claims"]["claims"], object),
        _ => assert_eq!(json["verified_claims"], json!([])),
    }
    assert!(!answer.verified_claims_json.contains(born));
    assert!(answer.evidence.is_empty());
    for birthdate in [
        key("birthdate"),
        ClaimKey {
            document_type: 0,
            ..key("birthdate")
        },
    ] {
        let request = ReadClaimsRequest {
            verification_id: row.id.clone(),
            access_context: purpose(),
            claims: vec![birthdate],
            ..ReadClaimsRequest::default()
        };
        let refused = server.claims().read_claims(request).await.unwrap_err();
        let expected = (Code::InvalidArgument, "CLAIM_NOT_REQUESTED".to_owned());
        assert_eq!(refusal(&refused), expected);
    }
}

#[tokio::test]
async fn a_birthdate_of_civics_that_is_no_date_leads_to_no_age() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let mut scenario = CivicPassScenario::named("ready").unwrap();
    let information = &mut scenario.more_claims;
    information.insert("dateOfBirth".to_owned(), json!("in the spring"));
    let claims = vec![field("email"), from_any("age_over_18")];
    let scene = (&stage, &server);
    let row = shared(scene, OAUTH, claims, scenario, State::Failed).await;
    assert_eq!(row.reason, "REQUIRED_ITEM_MISSING");
    let status = |name: &str| {
        let mut claims = row.claims.iter();
        let claim = claims.find(|claim| claim.claim.as_ref().unwrap().name == name);
        claim.unwrap().status()
    };
    assert_eq!(status("age_over_18"), ClaimStatus::Invalid);
    assert_eq!(status("email"), ClaimStatus::Granted);
    stage.end().await;
}
