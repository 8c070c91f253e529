//! What answers say, and each way in which they can be odd.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::{MessageDigest, hash};
use serde_json::{Value, json};
use verilane_sandbox::{CivicSipScenario, Scope, ScopeOrder};

use super::{Sip, claims, header, holds};

/// The answer to an exchange in a scenario.
async fn answer(sip: &Sip, scope: Scope, names: &str) -> Value {
    let order = ScopeOrder {
        scope,
        scenario: Some(CivicSipScenario::named(names).unwrap()),
        person: Some(0),
        ..ScopeOrder::default()
    };
    let token = sip.civic.approved(order).unwrap();
    sip.exchanged(&token, 200).await
}

/// The attributes of an answer in a scenario.
async fn attributes(sip: &Sip, scope: Scope, names: &str) -> Vec<Value> {
    let answer = answer(sip, scope, names).await;
    sip.attributes(answer["data"].as_str().unwrap())
}

fn value<'a>(attributes: &'a [Value], label: &str) -> &'a str {
    let found = attributes
        .iter()
        .find(|attribute| attribute["label"] == label);
    found.unwrap()["value"].as_str().unwrap()
}

#[tokio::test]
async fn each_scope_brings_what_the_document_says() {
    let sip = Sip::set("scripted").await;
    let basic = attributes(&sip, Scope::BasicSignup, "scripted").await;
    assert_eq!(
        basic,
        [
            json!({
                "label": "contact.personal.email",
                "value": value(&basic, "contact.personal.email"),
                "isValid": true,
                "isOwner": true,
            }),
            json!({
                "label": "contact.personal.phoneNumber",
                "value": value(&basic, "contact.personal.phoneNumber"),
                "isValid": true,
                "isOwner": true,
            }),
        ]
    );
    let level = json!({
        "label": "verifications.levels.CIVIC:IAL1",
        "value": "CIVIC:IAL1",
        "isValid": true,
        "isOwner": true,
    });
    let anonymous = attributes(&sip, Scope::AnonymousLogin, "scripted").await;
    assert_eq!(anonymous, std::slice::from_ref(&level));
    let all = attributes(&sip, Scope::ProofOfIdentity, "scripted").await;
    assert_eq!((all.len(), &all[0]), (12, &level));
    assert_eq!(value(&all, "documents.genericId.type"), "passport");
    assert_eq!(
        value(&all, "documents.genericId.name"),
        "Marit Solberg-Quist"
    );
    assert_eq!(value(&all, "documents.genericId.country").len(), 3);
    assert_eq!(all[10..], basic);
    sip.stage.end().await;
}

#[tokio::test]
async fn the_picture_and_its_md5_are_what_a_scenario_says() {
    let sip = Sip::set("scripted").await;
    let md5 = |bytes: &[u8]| hex::encode(hash(MessageDigest::md5(), bytes).unwrap());
    for (names, start, of_bytes, of_text) in [
        ("scripted", "/9j/4AA", true, false),
        ("md5-of-text", "/9j/4AA", false, true),
        ("wrong-md5", "/9j/4AA", false, false),
        ("png", "iVBORw0KGgo", true, false),
        ("png+md5-of-text", "iVBORw0KGgo", false, true),
        ("not-a-picture", "9", true, false),
    ] {
        let all = attributes(&sip, Scope::ProofOfIdentity, names).await;
        let image = value(&all, "documents.genericId.image");
        assert!(image.starts_with(start), "{names}: {image:.16}");
        let said = value(&all, "documents.genericId.image_md5");
        assert_eq!(said.len(), 32);
        assert_eq!(
            md5(&STANDARD.decode(image).unwrap()) == said,
            of_bytes,
            "{names}"
        );
        assert_eq!(md5(image.as_bytes()) == said, of_text, "{names}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn what_is_known_of_the_user_can_be_invalid_not_theirs_missing_or_more() {
    let sip = Sip::set("scripted").await;
    let flags = |attributes: &[Value], flag: &str| {
        let flags = attributes.iter().map(|attribute| attribute[flag].clone());
        flags.collect::<Vec<_>>()
    };
    for (names, valid, owner) in [
        ("not-valid", [false, false], [true, true]),
        ("not-owner", [true, true], [false, false]),
        ("email-not-valid", [false, true], [true, true]),
        ("email-not-owner", [true, true], [false, true]),
        ("email-not-valid+not-owner", [false, true], [false, false]),
    ] {
        let known = attributes(&sip, Scope::BasicSignup, names).await;
        assert_eq!(flags(&known, "isValid"), valid, "{names}");
        assert_eq!(flags(&known, "isOwner"), owner, "{names}");
    }
    for (names, missing) in [
        ("without-email", "contact.personal.email"),
        ("without-phone", "contact.personal.phoneNumber"),
        ("without-name", "documents.genericId.name"),
    ] {
        let known = attributes(&sip, Scope::ProofOfIdentity, names).await;
        assert_eq!(known.len(), 11, "{names}");
        assert!(known.iter().all(|attribute| attribute["label"] != missing));
    }
    let known = attributes(&sip, Scope::BasicSignup, "more-labels").await;
    assert_eq!(
        value(&known, "documents.genericId.issuer"),
        "Passport Office"
    );
    for (names, kind) in [
        ("driving-license", "Driving License"),
        ("id-card", "ID Card"),
        ("residence-permit", "Biometric Residence Permit"),
    ] {
        let known = attributes(&sip, Scope::ProofOfIdentity, names).await;
        assert_eq!(value(&known, "documents.genericId.type"), kind);
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn an_answers_token_can_be_wrong_in_each_part() {
    let sip = Sip::set("scripted").await;
    let (own, old) = (
        sip.app.civic_public_key.clone(),
        sip.app.civic_secp256k1_key.clone(),
    );
    let data = async |names: &str| {
        let answer = answer(&sip, Scope::BasicSignup, names).await;
        answer["data"].as_str().unwrap().to_owned()
    };
    assert!(!holds(&data("answer-other-key").await, &own));
    assert!(holds(&data("answer-es256k").await, &old));
    assert_eq!(header(&data("answer-hs256").await)["alg"], "HS256");
    assert!(data("answer-unsigned").await.ends_with('.'));
    for (names, member, wrong) in [
        ("answer-other-issuer", "iss", "another-service"),
        ("answer-other-audience", "aud", "https://api.example/sip/"),
        ("answer-other-subject", "sub", "another"),
    ] {
        let token = data(names).await;
        assert!(holds(&token, &own), "{names}");
        assert_eq!(claims(&token)[member], wrong);
    }
    let now = sip.now();
    for (names, iat, exp) in [
        ("whole-times", 0, 1_800),
        ("answer-early+whole-times", -600, 1_200),
        ("answer-expired+whole-times", 0, -120),
    ] {
        let said = claims(&data(names).await);
        let times = (json!(now + iat), json!(now + exp));
        assert_eq!((said["iat"].clone(), said["exp"].clone()), times, "{names}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn what_is_in_an_answers_token_can_be_damaged_plain_or_no_list() {
    let sip = Sip::set("scripted").await;
    for names in [
        "damaged",
        "cut-ciphertext",
        "not-base64",
        "other-secret",
        "no-ciphertext",
    ] {
        let answer = answer(&sip, Scope::BasicSignup, names).await;
        assert_eq!(answer["encrypted"], true);
        let clear = sip.clear(answer["data"].as_str().unwrap());
        let list = clear.and_then(|clear| serde_json::from_str::<Value>(&clear).ok());
        assert_eq!(list, None, "{names}");
    }
    for (names, encrypted) in [
        ("plain", json!(false)),
        ("plain-unmarked", Value::Null),
        ("plain-marked-encrypted", json!(true)),
    ] {
        let answer = answer(&sip, Scope::BasicSignup, names).await;
        assert_eq!(answer["encrypted"], encrypted, "{names}");
        let claim = claims(answer["data"].as_str().unwrap())["data"].clone();
        let list: Vec<Value> = serde_json::from_str(claim.as_str().unwrap()).unwrap();
        assert_eq!(list.len(), 2);
    }
    for (names, clear) in [
        ("not-json", r#"[{"label":"#),
        ("not-a-list", r#"{"label":"contact.personal.email"}"#),
        ("no-attributes", "[]"),
    ] {
        let answer = answer(&sip, Scope::BasicSignup, names).await;
        let said = sip.clear(answer["data"].as_str().unwrap()).unwrap();
        assert_eq!(said, clear, "{names}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn members_of_an_answer_can_be_missing_or_somebody_elses() {
    let sip = Sip::set("scripted").await;
    let usual = answer(&sip, Scope::AnonymousLogin, "scripted").await;
    let user = usual["userId"].as_str().unwrap();
    assert_eq!(user.len(), 64);
    let other = answer(&sip, Scope::AnonymousLogin, "another-user").await;
    assert_ne!(other["userId"], user);
    let none = answer(&sip, Scope::AnonymousLogin, "without-user-id").await;
    assert_eq!(none.get("userId"), None);
    let none = answer(&sip, Scope::AnonymousLogin, "without-data").await;
    assert_eq!(none.get("data"), None);
    // A user is the same for one application, whatever is asked.
    let again = answer(&sip, Scope::BasicSignup, "scripted").await;
    assert_eq!(again["userId"], user);
    sip.stage.end().await;
}
