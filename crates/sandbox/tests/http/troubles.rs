//! What happens to single callbacks on their way, and what the connector makes of it.

use serde_json::json;
use verilane_sandbox::{CallbackKind, DataDelivery, Delivery, Failure, Scenario, Status};

use crate::receiver::signer;
use crate::stage::{START, Stage};

async fn played(names: &str) -> (Stage, String) {
    let stage = Stage::set(Scenario::named(names).unwrap()).await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    (stage, id)
}

fn tries(stage: &Stage, kind: CallbackKind) -> Vec<Delivery> {
    let deliveries = stage.sandbox.deliveries(0, None).into_iter();
    deliveries
        .filter(|delivery| delivery.kind == kind)
        .collect()
}

#[tokio::test]
async fn lost_data_never_arrives_and_the_request_finishes_well() {
    let (stage, id) = played("data-lost").await;
    assert!(stage.receiver.calls_at("/data").is_empty());
    let view = stage.sandbox.request(&id).unwrap();
    assert_eq!(view.status, Status::FinishSuccess);
    assert!(
        view.statuses
            .iter()
            .any(|s| s.status == Status::CallbackSucceed)
    );
    let data = &tries(&stage, CallbackKind::Data)[0];
    assert_eq!(
        (data.failure, data.was_taken()),
        (Some(Failure::NotSent), false)
    );
    stage.end().await;
    let (stage, _) = played("drop-all-statuses").await;
    assert!(stage.receiver.calls_at("/status").is_empty());
    assert_eq!(stage.receiver.calls_at("/data").len(), 1);
    stage.end().await;
    let (stage, _) = played("drop").await;
    assert!((1..10).contains(&stage.receiver.statuses().len()));
    stage.end().await;
}

#[tokio::test]
async fn an_answer_that_is_not_heard_was_given_all_the_same_and_a_retry_follows() {
    let (stage, id) = played("unheard").await;
    let data = tries(&stage, CallbackKind::Data);
    assert_eq!(data.len(), 2);
    assert!(data.iter().all(Delivery::was_taken));
    let view = stage.sandbox.request(&id).unwrap();
    let words: Vec<_> = view.statuses.iter().map(|s| s.status).collect();
    assert!(words.contains(&Status::CallbackFailed) && words.contains(&Status::CallbackSucceed));
    // Every callback came twice: eleven statuses, and the data.
    assert_eq!(stage.receiver.calls().len(), 2 * 12);
    stage.end().await;
}

#[tokio::test]
async fn half_a_callback_breaks_off_and_is_tried_again_whole() {
    let (stage, id) = played("half-callbacks").await;
    let data = tries(&stage, CallbackKind::Data);
    assert_eq!(data[0].failure, Some(Failure::Broken));
    assert!(data[1].was_taken());
    assert_eq!(stage.receiver.calls_at("/data").len(), 1);
    assert_eq!(
        stage.sandbox.request(&id).unwrap().data,
        DataDelivery::Delivered
    );
    stage.end().await;
}

#[tokio::test]
async fn late_callbacks_leave_after_their_deadline_and_replayed_ones_come_twice() {
    let (stage, _) = played("late").await;
    for delivery in stage.sandbox.deliveries(0, None) {
        let after = delivery.sent_at_ms / 1_000 - delivery.created_at;
        assert_eq!(after, 200, "{delivery:?}");
    }
    let first = stage.receiver.calls_at("/status")[0].json();
    assert!(first["deadline"].as_i64().unwrap() < START.as_secs() + 201);
    stage.end().await;
    let (stage, _) = played("replay").await;
    let calls = stage.receiver.calls();
    assert_eq!(calls.len(), 2 * 11);
    for call in &calls {
        assert_eq!(calls.iter().filter(|c| c.body == call.body).count(), 2);
    }
    stage.end().await;
}

#[tokio::test]
async fn stale_retries_arrive_with_their_first_bytes_past_their_deadline() {
    let (stage, _) = played("stale-retries+json").await;
    let data = tries(&stage, CallbackKind::Data);
    assert_eq!(data.len(), 3);
    assert_eq!(data[0].body_sha3, data[2].body_sha3);
    let body = stage.receiver.calls_at("/data")[0].json();
    assert!(body["deadline"].as_i64().unwrap() < data[2].sent_at_ms / 1_000);
    stage.end().await;
}

#[tokio::test]
async fn a_connector_that_gave_up_keeps_the_data_for_an_export_with_or_without_signature() {
    let (stage, id) = played("gives-up").await;
    assert_eq!(
        stage.sandbox.request(&id).unwrap().data,
        DataDelivery::GivenUp
    );
    assert!(stage.receiver.calls_at("/data").is_empty());
    let path = format!("/control/requests/{id}/export");
    let export = async |signed: bool| {
        let answer = stage.post(&path, &json!({"signed": signed})).await;
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    assert_eq!(signer(&export(true).await), Some(stage.keys.1.clone()));
    let unsigned: serde_json::Value = serde_json::from_str(&export(false).await).unwrap();
    assert_eq!(unsigned.get("signature"), None);
    let user = stage.sandbox.user("accepts").unwrap();
    assert_eq!(
        unsigned["infos"][0]["fieldValue"],
        user.value("SH_EMAIL").unwrap()
    );
    // What was delivered, or never came, can't be exported.
    stage.sandbox.set_scenario(Scenario::default());
    for who in ["load-4", "ignores"] {
        let id = stage.request(who, &["SH_EMAIL"]).await;
        stage.play_out().await;
        let path = format!("/control/requests/{id}/export");
        let refused = stage.post(&path, &json!({"signed": true})).await;
        assert_eq!(refused.status(), 409, "{who}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_connector_that_dies_on_either_side_of_its_data_callback_sends_it_again() {
    for (name, arrivals) in [("dies-before-data", 1), ("dies-after-data", 2)] {
        let (stage, id) = played(name).await;
        assert_eq!(stage.receiver.calls_at("/data").len(), arrivals, "{name}");
        let data = tries(&stage, CallbackKind::Data);
        assert_eq!(data.len(), 2);
        assert_eq!(data[0].was_taken(), arrivals == 2);
        let view = stage.sandbox.request(&id).unwrap();
        assert_eq!(
            (view.status, view.data),
            (Status::FinishSuccess, DataDelivery::Delivered)
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn keys_change_in_the_middle_of_a_request_or_at_once() {
    let stage = Stage::set(Scenario::named("rotation+json").unwrap()).await;
    let keys = stage.sandbox.keys();
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    for (place, call) in stage.receiver.calls_at("/status").iter().enumerate() {
        let key = if place < 4 {
            &keys.status
        } else {
            &keys.next_status
        };
        assert_eq!(call.signer().as_ref(), Some(key), "{place}");
    }
    let data = stage.receiver.calls_at("/data");
    assert_eq!(data[0].signer(), Some(keys.next_data.clone()));
    stage.sandbox.set_scenario(Scenario::named("json").unwrap());
    let rotated = stage.ask("/control/keys/rotate", &json!({})).await;
    assert_eq!(rotated["data"], keys.next_data);
    assert_ne!(rotated["next_data"], keys.next_data);
    stage.request("load-4", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let data = stage.receiver.calls_at("/data");
    assert_eq!(data[1].signer(), Some(keys.next_data));
    stage.end().await;
}
