//! Transfers that end otherwise than well.

use serde_json::{Value, json};
use verilane_sandbox::{
    CallbackKind, Course, DataDelivery, Notice, Scenario, Stage as Failing, Status,
};

use crate::receiver::Call;
use crate::stage::Stage;

async fn played(names: &str) -> (Stage, String) {
    let stage = Stage::set(Scenario::named(names).unwrap()).await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    (stage, id)
}

async fn json_of(call: &Call) -> Value {
    if call.content_type.starts_with("application/json") {
        return call.json();
    }
    let parts = call.parts().await;
    if let [(_, whole)] = parts.as_slice() {
        return serde_json::from_str(whole).unwrap();
    }
    let members = parts.into_iter().map(|(name, text)| {
        let raw = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (name, raw)
    });
    Value::Object(members.collect())
}

#[tokio::test]
async fn each_failure_has_its_status_its_failure_callback_in_every_shape_and_its_end() {
    for (name, error, place) in [
        ("initiation-fails", "INITIATED_FAILED", 3),
        ("validity-fails", "VALIDITY_FAILED", 6),
        ("confirmation-fails", "CONFIRM_FAILED", 8),
        ("confirmation-fails-too", "CONFIRMED_FAILED", 8),
        ("finish-fails", "FINISH_FAILED", 9),
    ] {
        for shape in ["json", "multipart-whole", "scripted"] {
            let (stage, id) = played(&format!("{name}+{shape}")).await;
            let statuses = stage.receiver.statuses();
            assert_eq!(statuses[place - 1], error, "{statuses:?}");
            assert_eq!(statuses.last().unwrap(), "FINISH_FAILED");
            let told = stage.receiver.calls_at("/data");
            assert_eq!(told.len(), 1, "{name}");
            let body = json_of(&told[0]).await;
            let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
            assert_eq!(
                members,
                [
                    "deadline",
                    "error",
                    "expiration",
                    "items",
                    "signature",
                    "user"
                ]
            );
            assert_eq!(body["error"], error);
            assert_eq!(body["items"], json!(["SH_EMAIL"]));
            let deliveries = stage.sandbox.deliveries(0, Some(&id));
            let failure = deliveries.iter().find(|d| d.kind == CallbackKind::Failure);
            assert_eq!(failure.unwrap().status.unwrap().as_str(), error);
            // The slot is free again.
            let again = stage.qr_question("accepts", &["SH_EMAIL"]);
            let fresh = stage.ask("/api/v1/kyc/qrcode", &again).await;
            assert_eq!(fresh.get("alreadySent"), None);
            stage.end().await;
        }
    }
}

#[tokio::test]
async fn finish_failed_can_stand_before_the_data_or_after_it() {
    for (name, order) in [
        (
            "finish-fails-before-data",
            ["CONFIRMED", "FINISH_FAILED", "CALLBACK_SUCCEED"],
        ),
        (
            "finish-fails-after-data",
            ["CONFIRMED", "CALLBACK_SUCCEED", "FINISH_FAILED"],
        ),
    ] {
        let (stage, id) = played(name).await;
        assert_eq!(stage.receiver.statuses()[7..], order);
        assert_eq!(
            stage.sandbox.request(&id).unwrap().data,
            DataDelivery::Delivered
        );
        let told = stage.receiver.calls_at("/data").len();
        assert_eq!(told, if name.ends_with("after-data") { 2 } else { 1 });
        stage.end().await;
    }
}

#[tokio::test]
async fn a_failure_callback_that_is_refused_is_tried_again() {
    let stage = Stage::set(Scenario::named("validity-fails+json").unwrap()).await;
    stage
        .receiver
        .answer(|call| if call.path == "/data" { 500 } else { 200 });
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    assert_eq!(stage.receiver.calls_at("/data").len(), 4);
    assert!(
        !stage
            .receiver
            .statuses()
            .contains(&"CALLBACK_FAILED".to_owned())
    );
    stage.end().await;
}

#[tokio::test]
async fn a_failure_says_a_text_of_its_own_before_the_status_or_nothing() {
    let (stage, _) = played("fails-in-words+json").await;
    let words = &stage.receiver.calls_at("/data")[0];
    assert_eq!(words.json()["error"], "the document could not be read");
    let calls = stage.receiver.calls();
    let place = |path: &str, status: &str| {
        let found = |call: &Call| call.path == path && call.text().contains(status);
        calls.iter().position(found).unwrap()
    };
    assert!(place("/data", "document") < place("/status", "VALIDITY_FAILED"));
    stage.end().await;
    let silent = Course::Failed {
        at: Failing::Confirmation,
        notice: Notice::None,
        notice_first: false,
        unfinished: true,
    };
    let stage = Stage::set(Scenario {
        course: silent,
        ..Scenario::default()
    })
    .await;
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    assert!(stage.receiver.calls_at("/data").is_empty());
    assert_eq!(stage.receiver.statuses().last().unwrap(), "CONFIRM_FAILED");
    let again = stage.qr_question("accepts", &["SH_EMAIL"]);
    let refusal = stage.refused("/api/v1/kyc/qrcode", &again).await;
    assert!(refusal.contains("ongoing"), "{refusal}");
    stage.end().await;
}

#[tokio::test]
async fn a_stalled_transfer_is_ongoing_without_end() {
    let (stage, id) = played("ongoing").await;
    let view = stage.sandbox.request(&id).unwrap();
    assert_eq!(view.status, Status::InitiateSubmitted);
    stage
        .clock
        .advance(std::time::Duration::from_secs(40 * 86_400));
    let again = stage.qr_question("accepts", &["SH_EMAIL"]);
    assert_eq!(
        stage.refused("/api/v1/kyc/qrcode", &again).await,
        "there is an ongoing request for this user and items"
    );
    stage.end().await;
}
