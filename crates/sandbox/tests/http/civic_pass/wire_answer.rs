//! What answers say, and lack.

use serde_json::{Value, json};

use super::{Civic, json_of, link};

#[tokio::test]
async fn an_answer_names_the_user_as_the_widget_was_told() {
    let civic = Civic::set("ready").await;
    let order = json!({"wallet": "0xAb", "did": "did:x:1", "person": 0});
    let id = civic.widget(order).await;
    let token = civic.token().await;
    let answer = civic.pii(&id, &token).await;
    assert_eq!(answer["type"], "gatekeeperProofOfIdentityWithIdDocument-v3");
    assert_eq!(link(&answer, "self").unwrap(), civic.url(&id));
    assert_eq!(answer.get("reference"), None);
    let told = answer["verifiedInformation"].as_object().unwrap();
    let mut members: Vec<&str> = told.keys().map(String::as_str).collect();
    members.sort_unstable();
    let all = [
        "accountId",
        "address",
        "dateOfBirth",
        "dateOfExpiry",
        "documentNumber",
        "documentType",
        "email",
        "issueCountry",
        "name",
        "phoneNumber",
    ];
    assert_eq!(members, all);
    assert_eq!(told["name"], "Marit Solberg-Quist");
    assert_eq!(
        (&told["address"], &told["accountId"]),
        (&json!("0xAb"), &json!("did:x:1"))
    );
    let view = civic
        .stage
        .get(&format!("/control/civic-pass/requests/{id}"))
        .await;
    assert_eq!(view["verified_information"], answer["verifiedInformation"]);
    civic.stage.end().await;
}

#[tokio::test]
async fn answers_can_name_somebody_else_or_nobody_and_carry_another_id() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let answer = async |names: &str| {
        let order =
            json!({"wallet": "0xAb", "did": "did:x:1", "scenario": format!("ready+{names}")});
        let id = civic.widget(order).await;
        (civic.pii(&id, &token).await, id)
    };
    let (told, _) = answer("another-wallet").await;
    assert_ne!(told["verifiedInformation"]["address"], "0xAb");
    assert_eq!(told["verifiedInformation"]["accountId"], "did:x:1");
    let (told, _) = answer("another-did").await;
    assert_eq!(told["verifiedInformation"]["address"], "0xAb");
    assert_ne!(told["verifiedInformation"]["accountId"], "did:x:1");
    let (told, _) = answer("unnamed").await;
    let members = told["verifiedInformation"].as_object().unwrap();
    assert!(!members.contains_key("address") && !members.contains_key("accountId"));
    let (told, id) = answer("wrong-id").await;
    assert_ne!(told["id"], id.as_str());
    let order = json!({"url-id": true, "scenario": "ready+id-as-given"});
    let given = civic.widget(order).await;
    let told = json_of(civic.get(&given, Some(&civic.jwt(&given))).await).await;
    assert_eq!(told["id"], given.as_str());
    civic.stage.end().await;
}

#[tokio::test]
async fn answers_vary_in_what_they_hold_as_the_scenario_says() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let answer = async |names: &str| {
        let id = civic
            .widget(json!({"person": 3, "scenario": format!("ready+{names}")}))
            .await;
        civic.pii(&id, &token).await
    };
    for (name, member) in [
        ("without-status", "status"),
        ("without-id", "id"),
        ("without-links", "links"),
        ("without-claims", "verifiedInformation"),
    ] {
        let told = answer(name).await;
        assert_eq!(told.get(member), None, "{name}");
        assert_eq!(told.as_object().unwrap().len(), 4, "{name}");
    }
    assert_eq!(answer("reference").await["reference"], "1234");
    assert_eq!(answer("proof-of-identity").await["type"], "proofOfIdentity");
    let told = answer("unknown-claims").await;
    assert_eq!(
        told["verifiedInformation"]["screening"]["lists"],
        json!(["EU", "UN"])
    );
    let told = answer("few-claims+unnamed").await;
    assert_eq!(told["verifiedInformation"].as_object().unwrap().len(), 2);
    let links = answer("no-evidence").await["links"].clone();
    assert_eq!(links.as_array().unwrap().len(), 1);
    let documents = [
        ("scripted", "Passport", 3),
        ("driving-license", "Driving License", 2),
        ("id-card", "ID Card", 2),
    ];
    for (name, kind, letters) in documents {
        let told = &answer(name).await["verifiedInformation"];
        assert_eq!(told["documentType"], kind);
        assert_eq!(
            told["issueCountry"].as_str().unwrap().len(),
            letters,
            "{name}"
        );
    }
    let id = civic.widget(json!({"scenario": "ready+not-json"})).await;
    let page = civic.get(&civic.url(&id), Some(&token)).await;
    assert_eq!(page.status(), 200);
    let text = page.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err());
    civic.stage.end().await;
}
