//! The connector's own four endpoints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use verilane_core::Timestamp;
use verilane_sandbox::Scenario;

use crate::stage::{START, Stage};

const QR: &str = "/api/v1/kyc/qrcode";

fn members(answer: &Value) -> Vec<&str> {
    answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn the_first_answer_has_a_qr_code_and_the_second_the_same_one() {
    let stage = Stage::set(Scenario::default()).await;
    let mut question = stage.qr_question("ignores", &["SH_EMAIL"]);
    question.as_object_mut().unwrap().remove("withoutQRCode");
    let first = stage.ask(QR, &question).await;
    assert_eq!(members(&first), ["expiration", "link", "qrcode"]);
    let png = STANDARD.decode(first["qrcode"].as_str().unwrap()).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let mut again = question.clone();
    again["expiration"] = (START.as_secs() + 700).into();
    again["callback"] = "http://elsewhere.example/x".into();
    let second = stage.ask(QR, &again).await;
    assert_eq!(
        members(&second),
        ["alreadySent", "expiration", "link", "qrcode"]
    );
    assert_eq!(second["alreadySent"], true);
    for member in ["qrcode", "link", "expiration"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    again["withoutQRCode"] = true.into();
    let third = stage.ask(QR, &again).await;
    assert_eq!(members(&third), ["alreadySent", "expiration", "link"]);
    stage.end().await;
}

#[tokio::test]
async fn refusals_are_the_documented_sentences() {
    let stage = Stage::set(Scenario::default()).await;
    let mut early = stage.qr_question("accepts", &["SH_EMAIL"]);
    early["expiration"] = (START.as_secs() + 299).into();
    assert_eq!(
        stage.refused(QR, &early).await,
        "expiration time is invalid, it should be unix time in seconds and between 5-15 minutes"
    );
    let unverified = stage.qr_question("partial", &["SH_EMAIL", "SH_Passport_DOB"]);
    assert_eq!(
        stage.refused(QR, &unverified).await,
        "user does not have the requested items verified"
    );
    let question = stage.qr_question("accepts", &["SH_EMAIL"]);
    stage.ask(QR, &question).await;
    // Accepted, but not submitted: still the same slot.
    stage
        .play_until(START + std::time::Duration::from_secs(1))
        .await;
    assert_eq!(stage.ask(QR, &question).await["alreadySent"], true);
    stage
        .play_until(START + std::time::Duration::from_secs(2))
        .await;
    assert_eq!(
        stage.refused(QR, &question).await,
        "there is an ongoing request for this user and items"
    );
    stage.play_out().await;
    let fresh = stage.ask(QR, &question).await;
    assert_eq!(fresh.get("alreadySent"), None);
    stage.end().await;
}

#[tokio::test]
async fn verified_tells_verified_from_unverified_items_and_leaves_empty_lists_out() {
    let stage = Stage::set(Scenario::default()).await;
    let ask = async |who: &str, items: &[&str]| {
        let question = json!({"user": stage.core_id(who), "items": items});
        stage.ask("/api/v1/blockchain/verified", &question).await
    };
    let items = ["SH_IDCard_DOB", "SH_Passport_DocumentNumber", "SH_EMAIL"];
    assert_eq!(
        ask("partial", &items).await,
        json!({
            "verifiedItems": ["SH_IDCard_DOB", "SH_EMAIL"],
            "unVerifiedItems": ["SH_Passport_DocumentNumber"]
        })
    );
    assert_eq!(
        ask("accepts", &items).await,
        json!({ "verifiedItems": items })
    );
    assert_eq!(
        ask("unverified", &items).await,
        json!({ "unVerifiedItems": items })
    );
    assert_eq!(
        ask("accepts", &["SH_LibraryCard"]).await,
        json!({"unVerifiedItems": ["SH_LibraryCard"]})
    );
    stage.end().await;
}

#[tokio::test]
async fn the_history_mixes_requests_of_a_user_and_items_newest_first() {
    let stage = Stage::set(Scenario::default()).await;
    let id = stage.request("ignores", &["SH_EMAIL", "SH_PHONE"]).await;
    let lapsed = START.as_secs() + 600;
    stage.play_until(Timestamp::from_secs(lapsed)).await;
    let second = stage.request("ignores", &["SH_PHONE", "SH_EMAIL"]).await;
    assert_ne!(id, second);
    stage.sandbox.accept(&second).unwrap();
    let question = json!({
        "user": stage.core_id("ignores").to_uppercase(),
        "items": ["SH_EMAIL", "SH_PHONE"],
    });
    let history = stage.ask("/api/v1/kyc/all-statuses", &question).await;
    assert_eq!(
        history,
        json!({"AllStatuses": [
            {"status": "ACCEPTED", "created_at": lapsed},
            {"status": "PENDING", "created_at": lapsed},
            {"status": "PENDING", "created_at": START.as_secs()},
        ]})
    );
    stage.end().await;
}

#[tokio::test]
async fn bad_input_is_refused_and_harms_nothing() {
    let stage = Stage::set(Scenario::default()).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = format!(r#"{{"user":"{}"}}"#, "a".repeat(100_000));
    let wrong_type = r#"{"user":1,"items":["SH_EMAIL"]}"#;
    let not_core_id = r#"{"user":"ab22","items":["SH_EMAIL"]}"#;
    let twice = r#"{"user":"a","user":"b","items":[]}"#;
    let bodies: [(&[u8], u16); 8] = [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (deep.as_bytes(), 400),
        (huge.as_bytes(), 413),
        (wrong_type.as_bytes(), 400),
        (not_core_id.as_bytes(), 400),
        (twice.as_bytes(), 400),
    ];
    for path in [
        "/api/v1/blockchain/verified",
        QR,
        "/api/v1/kyc/status",
        "/api/v1/kyc/all-statuses",
    ] {
        for (body, code) in bodies {
            let url = format!("{}{path}", stage.base);
            let sent = stage
                .client
                .post(url)
                .body(body.to_vec())
                .send()
                .await
                .unwrap();
            assert_eq!(
                sent.status(),
                code,
                "{path} {:.40}",
                String::from_utf8_lossy(body)
            );
        }
        let got = stage
            .client
            .get(format!("{}{path}", stage.base))
            .send()
            .await;
        assert_eq!(got.unwrap().status(), 405);
    }
    let mut far = stage.qr_question("accepts", &["SH_EMAIL"]);
    far["expiration"] = i64::MIN.into();
    stage.refused(QR, &far).await;
    let unknown = json!({"user": stage.core_id("accepts"), "items": ["SH_EMAIL"]});
    stage.refused("/api/v1/kyc/status", &unknown).await;
    assert_eq!(
        stage.ask("/api/v1/kyc/all-statuses", &unknown).await,
        json!({"AllStatuses": []})
    );
    assert!(stage.sandbox.requests(None).unwrap().is_empty());
    stage.end().await;
}
