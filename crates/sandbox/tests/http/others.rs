//! What others asked before, what the connector has besides, and that a seed gives a run again.

use std::time::Duration;

use serde_json::{Value, json};
use verilane_sandbox::{Delivery, Scenario};

use crate::stage::{START, Stage};

const QR: &str = "/api/v1/kyc/qrcode";

#[tokio::test]
async fn a_slot_of_another_system_is_answered_with_until_it_lapses_and_calls_nobody_here() {
    let stage = Stage::set(Scenario::named("accept+other-system").unwrap()).await;
    let mut question = stage.qr_question("accepts", &["SH_EMAIL"]);
    let theirs = stage.ask(QR, &question).await;
    assert_eq!(theirs["alreadySent"], true);
    assert_eq!(theirs["expiration"], START.as_secs() - 60 + 600);
    stage.play_out().await;
    assert!(stage.receiver.calls().is_empty());
    let lapsed = START + Duration::from_secs(540);
    stage.clock.set(lapsed);
    question["expiration"] = (lapsed.as_secs() + 600).into();
    assert_eq!(stage.ask(QR, &question).await.get("alreadySent"), None);
    stage.end().await;
    let stage = Stage::set(Scenario::named("other-system-ongoing").unwrap()).await;
    let question = stage.qr_question("accepts", &["SH_EMAIL"]);
    let refusal = stage.refused(QR, &question).await;
    assert_eq!(
        refusal,
        "there is an ongoing request for this user and items"
    );
    stage.end().await;
}

#[tokio::test]
async fn the_history_holds_old_requests_of_the_month_and_none_from_before_it() {
    let stage = Stage::set(Scenario::named("past").unwrap()).await;
    stage.request("accepts", &["SH_EMAIL"]).await;
    let asked = json!({"user": stage.core_id("accepts"), "items": ["SH_EMAIL"]});
    let history = stage.ask("/api/v1/kyc/all-statuses", &asked).await;
    let ends: Vec<(String, i64)> = history["AllStatuses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let word = entry["status"].as_str().unwrap().to_owned();
            (
                word,
                START.as_secs() - entry["created_at"].as_i64().unwrap(),
            )
        })
        .filter(|(word, _)| word.starts_with("FINISH") || word == "PENDING")
        .collect();
    let days = |ago: i64| ago / 86_400;
    let told: Vec<_> = ends
        .iter()
        .map(|(word, ago)| (word.as_str(), days(*ago)))
        .collect();
    assert_eq!(
        told,
        [
            ("PENDING", 0),
            ("FINISH_FAILED", 2),
            ("PENDING", 3),
            ("FINISH_SUCCESS", 19),
            ("PENDING", 20),
        ]
    );
    stage.play_out().await;
    let newest = stage.ask("/api/v1/kyc/status", &asked).await;
    assert_eq!(newest["status"], "FINISH_SUCCESS");
    stage.end().await;
}

#[tokio::test]
async fn a_request_of_another_system_is_planted_by_hand() {
    let stage = Stage::set(Scenario::default()).await;
    let order = json!({
        "user": "accepts", "items": ["SH_EMAIL"], "seconds-ago": 30, "status": "ACCEPTED",
    });
    let planted = stage.ask("/control/requests", &order).await;
    assert_eq!(
        (&planted["planted"], &planted["status"]),
        (&json!(true), &json!("ACCEPTED"))
    );
    let question = stage.qr_question("accepts", &["SH_EMAIL"]);
    assert_eq!(stage.ask(QR, &question).await["alreadySent"], true);
    let wrong =
        json!({"user": "nobody", "items": ["SH_EMAIL"], "seconds-ago": 0, "status": "PENDING"});
    assert_eq!(stage.post("/control/requests", &wrong).await.status(), 404);
    stage.end().await;
}

#[tokio::test]
async fn valid_is_there_only_where_a_scenario_says_so_and_tells_what_is_still_true() {
    let path = "/api/v1/blockchain/valid";
    let stage = Stage::set(Scenario::default()).await;
    let user = stage.sandbox.user("accepts").unwrap();
    let info = |field: &str, data: &str| json!({"field": field, "data": data, "pepper": user.pepper(field)});
    let email = user.value("SH_EMAIL").unwrap();
    let passport = user.value("SH_Passport_DOB").unwrap();
    let question = json!({"user": user.core_id, "infos": [
        info("SH_EMAIL", &email),
        info("SH_PHONE", "+999 000 0000 000"),
        info("SH_Passport_DOB", &passport),
    ]});
    assert_eq!(stage.post(path, &question).await.status(), 404);
    stage
        .sandbox
        .set_scenario(Scenario::named("valid").unwrap());
    assert_eq!(
        stage.ask(path, &question).await,
        json!({"valids": ["SH_EMAIL", "SH_Passport_DOB"], "unValids": ["SH_PHONE"]})
    );
    stage
        .sandbox
        .set_scenario(Scenario::named("revoked").unwrap());
    assert_eq!(
        stage.ask(path, &question).await,
        json!({"valids": ["SH_EMAIL"], "unValids": ["SH_PHONE", "SH_Passport_DOB"]})
    );
    let mut other = question.clone();
    other["infos"][0]["pepper"] = "00".into();
    assert!(
        !stage.ask(path, &other).await["valids"]
            .to_string()
            .contains("EMAIL")
    );
    stage.end().await;
}

#[tokio::test]
async fn a_scenario_can_narrow_what_a_user_has_verified() {
    let stage = Stage::set(Scenario::default()).await;
    let own = Scenario {
        verified_only: Some(vec!["Passport".to_owned(), "SH_EMAIL".to_owned()]),
        ..Scenario::default()
    };
    stage
        .sandbox
        .set_user_scenario("accepts", Some(own))
        .unwrap();
    let items = ["SH_EMAIL", "SH_PHONE", "SH_Passport_DOB", "SH_IDCard_DOB"];
    let asked = json!({"user": stage.core_id("accepts"), "items": items});
    assert_eq!(
        stage.ask("/api/v1/blockchain/verified", &asked).await,
        json!({
            "verifiedItems": ["SH_EMAIL", "SH_Passport_DOB"],
            "unVerifiedItems": ["SH_PHONE", "SH_IDCard_DOB"],
        })
    );
    let question = stage.qr_question("accepts", &["SH_PHONE"]);
    let refusal = stage.refused(QR, &question).await;
    assert_eq!(refusal, "user does not have the requested items verified");
    stage.end().await;
}

/// Three users, one of whom has a scenario of their own; every call is made until it is answered.
async fn run(seed: u64) -> Vec<(String, Vec<(Value, Vec<u8>)>)> {
    let stage = Stage::set_with(|config| {
        config.seed = seed;
        config.scenario = Scenario::named("chaos").unwrap();
    })
    .await;
    let own = Scenario::named("chaos+validity-fails+json+sha256+secp256k1").unwrap();
    stage
        .sandbox
        .set_user_scenario("load-4", Some(own))
        .unwrap();
    let mut names = Vec::new();
    for who in ["accepts", "load-4", "load-5"] {
        let question = stage.qr_question(who, &["SH_EMAIL", "SH_PHONE"]);
        let url = format!("{}{QR}", stage.base);
        let mut codes = Vec::new();
        while codes.last() != Some(&200) {
            let sent = stage
                .client
                .post(&url)
                .body(question.to_string())
                .send()
                .await;
            codes.push(sent.map_or(0, |answer| answer.status().as_u16()));
        }
        names.push(format!("{who} {codes:?}"));
    }
    stage.play_out().await;
    let mut out = Vec::new();
    for (name, request) in names.into_iter().zip(stage.sandbox.requests(None).unwrap()) {
        let deliveries = stage.sandbox.deliveries(0, Some(&request.id)).into_iter();
        let told = deliveries.map(|delivery: Delivery| {
            let body = stage.sandbox.body(delivery.number).unwrap().to_vec();
            let mut told = serde_json::to_value(delivery).unwrap();
            // Where the test's service listens, and how users' runs lie in each other, is chance.
            for member in ["number", "host", "path_sha3"] {
                told[member] = Value::Null;
            }
            (told, body)
        });
        out.push((name, told.collect()));
    }
    stage.end().await;
    out
}

#[tokio::test]
async fn one_seed_gives_the_same_run_with_every_fault_and_another_seed_another() {
    let (first, again, other) = (run(7).await, run(7).await, run(8).await);
    assert_eq!(first.len(), 3);
    for (one, two) in first.iter().zip(&again) {
        assert_eq!(one.0, two.0);
        assert_eq!(one.1.len(), two.1.len(), "{}", one.0);
        for (one, two) in one.1.iter().zip(&two.1) {
            assert_eq!(one, two);
        }
    }
    assert_ne!(first, other);
}
