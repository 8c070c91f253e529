//! The successful transfer from QR code to finish.

use serde_json::{Value, json};
use sha3::{Digest, Sha3_256};
use verilane_sandbox::{DataDelivery, DataShape, Scenario, Status};

use crate::receiver::signer;
use crate::stage::{LIMIT, START, Stage};

const ITEMS: [&str; 3] = [
    "SH_Passport_FULLNAME",
    "SH_IDCard_DOB",
    "SH_Passport_AML_Detail",
];

const CALLED: [&str; 10] = [
    "ACCEPTED",
    "INITIATE_SUBMITTED",
    "INITIATED",
    "KYC_RECEIVED",
    "VALIDITY_CHECK",
    "VALIDITY_SUCCEED",
    "CONFIRM_SUBMITTED",
    "CONFIRMED",
    "CALLBACK_SUCCEED",
    "FINISH_SUCCESS",
];

#[tokio::test]
async fn every_status_is_called_back_once_in_order_signed_and_a_step_apart() {
    let stage = Stage::set(Scenario::default()).await;
    stage.request("accepts", &ITEMS).await;
    stage.play_out().await;
    assert_eq!(stage.receiver.statuses(), CALLED);
    for (place, call) in stage.receiver.calls_at("/status").iter().enumerate() {
        assert_eq!(call.content_type, "application/json");
        assert_eq!(call.signer().as_ref(), Some(&stage.keys.0));
        let body = call.json();
        assert_eq!(body["user"], stage.core_id("accepts"));
        assert_eq!(body["expiration"], START.as_secs() + 600);
        let fields: Vec<String> = ITEMS
            .iter()
            .map(|item| hex::encode(Sha3_256::digest(item.as_bytes())))
            .collect();
        assert_eq!(body["fields"], json!(fields));
        // CALLBACK_SUCCEED takes the step in which the data callback went out.
        let time = START.as_secs() + place as i64 + 1;
        assert_eq!(body["deadline"], time + 180, "{body}");
    }
    stage.end().await;
}

#[tokio::test]
async fn all_statuses_agrees_with_what_was_called_back() {
    let stage = Stage::set(Scenario::default()).await;
    stage.request("accepts", &ITEMS).await;
    stage.play_out().await;
    let question = json!({"user": stage.core_id("accepts"), "items": ITEMS});
    let history = stage.ask("/api/v1/kyc/all-statuses", &question).await;
    let mut history = history["AllStatuses"].as_array().unwrap().clone();
    let newest = stage.ask("/api/v1/kyc/status", &question).await;
    assert_eq!(newest, history[0]);
    history.reverse();
    assert_eq!(
        history.remove(0),
        json!({"status": "PENDING", "created_at": START.as_secs()})
    );
    let called: Vec<Value> = stage
        .receiver
        .calls_at("/status")
        .iter()
        .map(|call| {
            let body = call.json();
            let mut entry = json!({
                "status": body["status"],
                "created_at": body["deadline"].as_i64().unwrap() - 180,
            });
            if let Some(hash) = body.get("tx_hash") {
                entry["tx_hash"] = hash.clone();
            }
            entry
        })
        .collect();
    assert_eq!(history, called);
    let hash = |status: &str| {
        let entry = history.iter().find(|entry| entry["status"] == status);
        entry.unwrap().get("tx_hash").cloned()
    };
    assert_eq!(hash("INITIATE_SUBMITTED"), hash("VALIDITY_SUCCEED"));
    assert!(hash("CONFIRM_SUBMITTED").is_some());
    assert_ne!(hash("INITIATE_SUBMITTED"), hash("CONFIRM_SUBMITTED"));
    assert_eq!(hash("ACCEPTED"), None);
    assert_eq!(hash("CONFIRMED"), None);
    stage.end().await;
}

/// The data callback's JSON text, whatever it came as.
async fn data_text(stage: &Stage, shape: DataShape) -> String {
    let calls = stage.receiver.calls_at("/data");
    let [call] = calls.as_slice() else {
        panic!("{} data callbacks", calls.len());
    };
    match shape {
        DataShape::Json => {
            assert_eq!(call.content_type, "application/json");
            String::from_utf8(call.body.to_vec()).unwrap()
        }
        DataShape::MultipartWhole => {
            let mut parts = call.parts().await;
            assert_eq!(parts.len(), 1);
            parts.remove(0).1
        }
        DataShape::MultipartMembers => {
            let members: Vec<String> = call
                .parts()
                .await
                .into_iter()
                .map(|(name, text)| match name.as_str() {
                    "user" | "signature" => format!(r#""{name}":"{text}""#),
                    _ => format!(r#""{name}":{text}"#),
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[tokio::test]
async fn the_data_callback_brings_values_and_peppers_signed_in_each_shape() {
    for shape in [
        DataShape::Json,
        DataShape::MultipartMembers,
        DataShape::MultipartWhole,
    ] {
        let scenario = Scenario {
            data_shape: shape,
            ..Scenario::default()
        };
        let stage = Stage::set(scenario).await;
        let id = stage.request("accepts", &ITEMS).await;
        stage.play_out().await;
        let text = data_text(&stage, shape).await;
        assert_eq!(signer(&text).as_ref(), Some(&stage.keys.1), "{shape:?}");
        let body: Value = serde_json::from_str(&text).unwrap();
        let user = stage.sandbox.user("accepts").unwrap();
        let infos: Vec<Value> = ITEMS
            .iter()
            .map(|item| {
                json!({
                    "fieldID": item,
                    "fieldValue": user.value(item),
                    "pepper": user.pepper(item),
                })
            })
            .collect();
        assert_eq!(body["infos"], json!(infos));
        assert_eq!(body["expiration"], START.as_secs() + 600);
        assert_eq!(body["deadline"], START.as_secs() + 9 + 180);
        // The way Go writes it.
        assert!(text.contains(r"PEP \u0026 sanctions"), "{text}");
        let view = stage.sandbox.request(&id).unwrap();
        assert_eq!(view.data, DataDelivery::Delivered);
        stage.end().await;
    }
}

#[tokio::test]
async fn who_ignores_a_request_leaves_it_pending_and_nobody_is_called() {
    let stage = Stage::set(Scenario::default()).await;
    let id = stage.request("ignores", &ITEMS).await;
    stage.play_out().await;
    assert_eq!(stage.sandbox.request(&id).unwrap().status, Status::Pending);
    assert!(stage.receiver.calls().is_empty());
    stage.end().await;
}

#[tokio::test]
async fn who_accepts_too_late_does_not_accept() {
    for (seconds, statuses) in [(599, CALLED.len()), (600, 0)] {
        let user = verilane_sandbox::UserBehaviour::AcceptAfter { seconds };
        let scenario = Scenario {
            user,
            ..Scenario::default()
        };
        let stage = Stage::set(scenario).await;
        stage.request("accepts", &ITEMS).await;
        stage.play_out().await;
        assert_eq!(stage.receiver.statuses().len(), statuses, "{seconds}");
        stage.end().await;
    }
}

#[tokio::test]
async fn one_seed_makes_the_same_bytes_and_another_makes_others() {
    let mut bodies = Vec::new();
    for seed in [7, 7, 8] {
        let stage = Stage::set_with(|config| {
            config.seed = seed;
            config.scenario = Scenario::named("storm").unwrap();
            config.scenario.faults.duplicates_at_once = false;
        })
        .await;
        stage.request("accepts", &ITEMS).await;
        stage.play_out().await;
        let calls = stage.receiver.calls().into_iter();
        bodies.push(calls.map(|call| call.body).collect::<Vec<_>>());
        stage.end().await;
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
}

#[tokio::test]
async fn two_hundred_transfers_at_once_all_finish() {
    let stage = Stage::set_with(|config| {
        config.load_users = 200;
        config.step = std::time::Duration::ZERO;
    })
    .await;
    for number in 4..204 {
        stage
            .request(&format!("load-{number}"), &["SH_EMAIL"])
            .await;
    }
    stage.sandbox.finished(LIMIT).await.unwrap();
    let requests = stage.sandbox.requests(None).unwrap();
    assert_eq!(requests.len(), 200);
    assert!(requests.iter().all(|r| r.status == Status::FinishSuccess));
    assert_eq!(stage.receiver.calls().len(), 200 * 11);
    stage.end().await;
}
