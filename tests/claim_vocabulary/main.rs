//! The vocabulary of claims is what `docs/claims.md` says: what there is, what each provider calls it,
//! of which type its value is and where it stands in OpenID Identity Assurance, over the real binary.
//!
//! A provider gets its column by a connection to it here: see [`connections`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod civic;
#[path = "../harness/mod.rs"]
mod harness;
mod page;
mod schema;
mod sip;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Server, Stage, claim, create_request};
use serde_json::{Value, json};
use verilane_api::v1::claim_value::Kind;
use verilane_api::v1::{
    AccessContext, Claim, ClaimKey, ClaimRequest, Connection, CreateVerificationRequest,
    DocumentType, ListConnectionsRequest, ReadClaimsRequest, ReadClaimsResponse,
    RevalidateClaimsRequest, State,
};
use verilane_core::ClaimName;
use verilane_sandbox::SandboxUser;

use page::Page;

/// The connections to every provider that there is.
async fn connections(server: &Server) -> Vec<Connection> {
    let request = ListConnectionsRequest::default();
    let answer = server.connections().list_connections(request).await;
    answer.unwrap().into_inner().connections
}

fn document_word(number: i32) -> Option<&'static str> {
    match DocumentType::try_from(number).unwrap() {
        DocumentType::Unspecified => None,
        DocumentType::Idcard => Some("idcard"),
        DocumentType::Passport => Some("passport"),
        DocumentType::ResidencePermit => Some("residence_permit"),
        DocumentType::DrivingPermit => Some("driving_permit"),
    }
}

/// A verification of these claims that has come to its end.
async fn verified(server: &Server, user: &SandboxUser, claims: Vec<ClaimRequest>) -> String {
    let create = CreateVerificationRequest {
        claims,
        ..create_request(user, &[])
    };
    let created = server.verifications().create_verification(create).await;
    let created = created.unwrap().into_inner().verification.unwrap();
    server.events_until_final(&created.id).await;
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    created.id
}

/// Some claims, all if none is named, with their JSON, which keeps the rules.
async fn read(server: &Server, id: &str, claims: &[ClaimKey]) -> (ReadClaimsResponse, Value) {
    let request = ReadClaimsRequest {
        verification_id: id.to_owned(),
        access_context: Some(AccessContext {
            purpose: "black-box-test".to_owned(),
            ..AccessContext::default()
        }),
        claims: claims.to_vec(),
        as_openid_identity_assurance: true,
        ..ReadClaimsRequest::default()
    };
    let answer = server.claims().read_claims(request).await;
    let answer = answer.unwrap().into_inner();
    let json = serde_json::from_str(&answer.verified_claims_json).unwrap();
    assert_eq!(schema::faults(&json), [""; 0], "{json}");
    (answer, json)
}

fn elements(json: &Value) -> Vec<Value> {
    match &json["verified_claims"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    }
}

/// The place within an element that the table names.
fn at(element: &Value, place: &str) -> Value {
    let pointer = match place.strip_prefix("evidence.") {
        Some(rest) => format!("/verification/evidence/0/{}", rest.replace('.', "/")),
        None => format!("/{}", place.replace('.', "/")),
    };
    element.pointer(&pointer).cloned().unwrap_or_default()
}

fn written(kind: &Kind) -> (&'static str, Value) {
    match kind {
        Kind::Text(text) => ("text", json!(text)),
        Kind::Boolean(yes) => ("yes or no", json!(yes)),
        Kind::Date(date) => {
            let (year, month, day) = (date.year, date.month, date.day);
            ("date", json!(format!("{year:04}-{month:02}-{day:02}")))
        }
        Kind::Country(country) => (
            "country",
            json!({ "country": country.alpha2, "country_code": country.alpha3 }),
        ),
    }
}

/// What the JSON has to hold of a claim, and the type of its value.
fn expected(answer: &ReadClaimsResponse, claim: &Claim) -> (&'static str, Value) {
    match claim.value.as_ref().and_then(|value| value.kind.as_ref()) {
        Some(kind) => written(kind),
        None => {
            let mut pieces = answer.evidence.iter();
            let piece = pieces.find(|piece| piece.id == claim.evidence_id).unwrap();
            let digest = json!({ "alg": "sha-256", "value": STANDARD.encode(&piece.sha256) });
            let url = format!("urn:uuid:{}", piece.id);
            ("picture", json!([url, digest]))
        }
    }
}

#[tokio::test]
async fn the_table_names_every_claim_and_what_each_provider_calls_it() {
    let all = [harness::civic::CONNECTIONS, harness::sip::CONNECTION].concat();
    let stage = Stage::with(|_| {}, &all).await;
    let launch = harness::Launch::default().of_civic_partner(&stage);
    let server = stage.start_as(harness::sip::launch(&stage, launch));
    let page = Page::read();
    let listed: Vec<_> = page.rows.iter().map(|row| row.claim.as_str()).collect();
    let known: Vec<_> = ClaimName::ALL.iter().map(|name| name.as_str()).collect();
    assert_eq!(listed, known);
    let connections = connections(&server).await;
    let providers: BTreeSet<_> = connections.iter().map(|c| &c.provider).collect();
    assert_eq!(page.providers.iter().collect::<BTreeSet<_>>(), providers);
    for connection in &connections {
        let column = page
            .providers
            .iter()
            .position(|p| *p == connection.provider);
        let column = column.unwrap();
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for claim in &connection.claims {
            let key = claim.claim.as_ref().unwrap();
            assert!(claim.requestable);
            assert_eq!(claim.image, page.row(&key.name).value == "picture");
            let source = claim.derived_from.first().unwrap_or(key);
            let is_derived = ClaimName::from_name(&key.name).unwrap().is_derived();
            assert_eq!(is_derived, source.name != key.name);
            fields
                .entry(&key.name)
                .or_default()
                .push(&claim.provider_field);
        }
        for row in &page.rows {
            let offered = fields.remove(row.claim.as_str()).unwrap_or_default();
            assert_eq!(row.fields[column], offered, "{}", row.claim);
        }
        assert!(fields.is_empty());
    }
    server.terminate().await;
    stage.end().await;
}

/// Whether each claim stands in the JSON where the table says, and nothing that has no place there.
fn each_stands_in_its_place(page: &Page, answer: &ReadClaimsResponse, elements: &[Value]) {
    for claim in &answer.claims {
        let key = claim.claim.as_ref().unwrap();
        let document = document_word(key.document_type);
        let kind = "evidence.document_details.type";
        let element = elements.iter().find(|e| at(e, kind).as_str() == document);
        let element = element.unwrap();
        let row = page.row(&key.name);
        let (value, expected) = expected(answer, claim);
        assert_eq!(row.value, value, "{}", key.name);
        match row.place.as_deref() {
            Some("evidence.attachments") => {
                let attachments = at(element, "evidence.attachments");
                let attached = |piece: &Value| json!([piece["url"], piece["digest"]]) == expected;
                assert!(
                    attachments.as_array().unwrap().iter().any(attached),
                    "{}",
                    key.name
                );
            }
            Some(place) => assert_eq!(at(element, place), expected, "{}", key.name),
            None if value == "text" => {
                assert!(!answer.verified_claims_json.contains(&claim.raw_value));
            }
            None => {}
        }
    }
    let without_place = page.rows.iter().filter(|row| row.place.is_none());
    for row in without_place {
        let member = row.claim.split('.').next_back().unwrap();
        let quoted = format!("\"{member}\"");
        assert!(
            !answer.verified_claims_json.contains(&quoted),
            "{}",
            row.claim
        );
    }
}

#[tokio::test]
async fn every_claim_stands_in_openids_json_where_the_table_says() {
    let stage = Stage::new().await;
    let server = stage.start();
    let page = Page::read();
    let user = stage.user("accepts");
    let offered = &connections(&server).await[0].claims;
    let claims = offered.iter().map(|offered| ClaimRequest {
        selector: Some(verilane_api::v1::claim_request::Selector::Claim(
            offered.claim.clone().unwrap(),
        )),
        ..ClaimRequest::default()
    });
    let id = verified(&server, &user, claims.collect()).await;
    let (answer, json) = read(&server, &id, &[]).await;
    assert_eq!(answer.claims.len(), offered.len());
    let elements = elements(&json);
    assert_eq!(elements.len(), DocumentType::DrivingPermit as usize + 1);
    each_stands_in_its_place(&page, &answer, &elements);
    for element in &elements {
        let verification = &element["verification"];
        assert_eq!(verification["trust_framework"], "verilane:corepass");
        assert_eq!(verification["assurance_process"]["procedure"], "signed");
        assert_eq!(verification["verification_process"], format!("{id}/1"));
        let checks = at(element, "evidence.check_details");
        if let Some(check) = checks.get(0) {
            assert_eq!(check["organization"], "corepass");
            assert_eq!(check["check_id"], verification["verification_process"]);
        }
    }
    server.terminate().await;
    stage.end().await;
}

#[tokio::test]
async fn the_json_holds_the_wanted_claims_and_no_others() {
    let stage = Stage::new().await;
    let server = stage.start();
    let user = stage.user("accepts");
    let passport = DocumentType::Passport;
    let claims = vec![
        claim("age_over_18", passport),
        claim("name", passport),
        harness::field("SH_EMAIL"),
        claim("aml.detail", passport),
        claim("document.document_number", passport),
        claim("document.face_image", passport),
    ];
    let id = verified(&server, &user, claims).await;
    let key = |name: &str| ClaimKey {
        name: name.to_owned(),
        ..ClaimKey::default()
    };
    let (_, json) = read(&server, &id, &[]).await;
    assert_eq!(elements(&json).len(), 2);

    // One that stands on no document has none for its evidence, and stands alone.
    let (_, json) = read(&server, &id, &[key("email")]).await;
    let one = &json["verified_claims"];
    assert_eq!(
        one["claims"],
        json!({ "email": user.value("SH_EMAIL").unwrap() })
    );
    assert!(one["verification"].get("evidence").is_none());

    let (answer, json) = read(&server, &id, &[key("age_over_18")]).await;
    assert_eq!(
        json["verified_claims"]["claims"],
        json!({ "age_over_18": true })
    );
    let document = at(&json["verified_claims"], "evidence.document_details");
    assert_eq!(document, json!({ "type": "passport" }));
    let born = user.value("SH_Passport_DOB").unwrap();
    assert!(!answer.verified_claims_json.contains(&born));

    // A document alone is no claim, and an element has one at least.
    for alone in [
        "aml.detail",
        "document.document_number",
        "document.face_image",
    ] {
        let (_, json) = read(&server, &id, &[key(alone)]).await;
        assert_eq!(json, json!({ "verified_claims": [] }), "{alone}");
    }
    let plain = server.read_claims(&id).await.unwrap();
    assert!(plain.verified_claims_json.is_empty());
    // What a client logs of an answer shows none of it.
    assert!(!format!("{answer:?}").contains("age_over_18"));
    server.terminate().await;
    stage.end().await;
}

#[tokio::test]
async fn a_claim_that_does_not_hold_any_more_is_not_in_the_json_nor_is_what_is_derived_from_it() {
    let stage = Stage::with(|config| config.scenario.has_valid = true, "").await;
    let server = stage.start();
    let user = stage.user("accepts");
    let passport = DocumentType::Passport;
    let claims = ["birthdate", "age_over_18", "name"];
    let claims = claims.map(|name| claim(name, passport));
    let id = verified(&server, &user, claims.to_vec()).await;
    let members = |json: &Value| -> Vec<String> {
        let claims = json["verified_claims"]["claims"].as_object().unwrap();
        claims.keys().cloned().collect()
    };
    let (_, json) = read(&server, &id, &[]).await;
    assert_eq!(members(&json), ["age_over_18", "birthdate", "name"]);

    let mut revoked = stage.sandbox.scenario();
    revoked.revoked.push("SH_Passport_DOB".to_owned());
    stage.sandbox.set_scenario(revoked);
    let request = RevalidateClaimsRequest {
        verification_id: id.clone(),
        access_context: create_request(&user, &[]).access_context,
        claims: Vec::new(),
    };
    server.claims().revalidate_claims(request).await.unwrap();
    let (answer, json) = read(&server, &id, &[]).await;
    assert_eq!(answer.claims.len(), 3);
    assert_eq!(members(&json), ["name"]);
    server.terminate().await;
    stage.end().await;
}
