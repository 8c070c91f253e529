//! The control API over HTTP.

use serde_json::{Value, json};
use verilane_sandbox::{Scenario, Status, UserBehaviour};

use crate::stage::{LIMIT, START, Stage};

#[tokio::test]
async fn keys_users_and_scenarios_can_be_looked_up() {
    let stage = Stage::set(Scenario::default()).await;
    let keys = stage.get("/control/keys").await;
    assert_eq!(keys["status"], stage.keys.0);
    assert_eq!(keys["data"], stage.keys.1);
    assert_eq!(stage.keys.0.len(), 114);
    let users = stage.get("/control/users").await;
    assert_eq!(users.as_array().unwrap().len(), 6);
    let grown = stage.ask("/control/users", &json!({"count": 300})).await;
    assert_eq!(grown.as_array().unwrap().len(), 300);
    let user = stage.get("/control/users/accepts").await;
    assert_eq!(user["values"].as_object().unwrap().len(), 46);
    assert_eq!(
        user["values"]["SH_Passport_FULLNAME"]["value"],
        "Marit Solberg-Quist"
    );
    let by_id = stage
        .get(&format!("/control/users/{}", stage.core_id("accepts")))
        .await;
    assert_eq!(user, by_id);
    let scenarios = stage.get("/control/scenarios").await;
    assert_eq!(scenarios.as_array().unwrap().len(), Scenario::names().len());
    stage.end().await;
}

async fn put(stage: &Stage, path: &str, body: &Value) -> u16 {
    let url = format!("{}{path}", stage.base);
    let sent = stage.client.put(url).body(body.to_string()).send().await;
    sent.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_scenario_is_set_for_all_or_for_one_user_by_name_or_in_full() {
    let stage = Stage::set(Scenario::default()).await;
    assert_eq!(
        put(&stage, "/control/scenario", &json!("ignore")).await,
        200
    );
    assert_eq!(
        stage.get("/control/scenario").await["user"]["does"],
        "ignore"
    );
    let own = json!({"user": {"does": "accept-after", "seconds": 5}});
    assert_eq!(
        put(&stage, "/control/users/load-4/scenario", &own).await,
        200
    );
    let ignored = stage.request("accepts", &["SH_EMAIL"]).await;
    let accepted = stage.request("load-4", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let status = |id: &str| stage.sandbox.request(id).unwrap().status;
    assert_eq!(status(&ignored), Status::Pending);
    assert_eq!(status(&accepted), Status::FinishSuccess);
    let url = format!("{}/control/users/load-4/scenario", stage.base);
    assert_eq!(stage.client.delete(url).send().await.unwrap().status(), 204);
    let now_ignored = stage.request("load-4", &["SH_EMAIL"]).await;
    stage.play_out().await;
    assert_eq!(status(&now_ignored), Status::Pending);
    assert_eq!(
        put(&stage, "/control/scenario", &json!("nonsense")).await,
        400
    );
    assert_eq!(
        put(&stage, "/control/scenario", &json!({"faults": 1})).await,
        400
    );
    assert_eq!(
        put(&stage, "/control/users/nobody/scenario", &own).await,
        404
    );
    assert_eq!(stage.sandbox.scenario().user, UserBehaviour::Ignore);
    stage.end().await;
}

#[tokio::test]
async fn a_request_is_accepted_by_hand_once_and_waited_for_until_a_status() {
    let stage = Stage::set(Scenario::named("ignore").unwrap()).await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    let listed = stage.get("/control/requests?user=accepts&wait=60000").await;
    assert_eq!(listed[0]["id"], id);
    assert_eq!(listed[0]["status"], "PENDING");
    let accepted = stage
        .ask(&format!("/control/requests/{id}/accept"), &json!({}))
        .await;
    assert_eq!(accepted["status"], "ACCEPTED");
    let again = stage
        .post(&format!("/control/requests/{id}/accept"), &json!({}))
        .await;
    assert_eq!(again.status(), 409);
    let path = format!("/control/requests/{id}?until=CONFIRMED&wait=60000");
    let (reached, ()) = tokio::join!(stage.get(&path), stage.play_out());
    let statuses = reached["statuses"].as_array().unwrap();
    assert!(statuses.iter().any(|entry| entry["status"] == "CONFIRMED"));
    let idle = stage.get("/control/idle?finished=true&wait=60000").await;
    assert_eq!(
        idle,
        json!({"idle": true, "finished": true, "next_due_ms": null})
    );
    stage.end().await;
}

#[tokio::test]
async fn held_callbacks_wait_while_time_goes_on_and_then_come_in_order() {
    let stage = Stage::set(Scenario::default()).await;
    let held = stage.request("accepts", &["SH_EMAIL"]).await;
    let free = stage.request("load-4", &["SH_EMAIL"]).await;
    let hold = stage
        .post(&format!("/control/requests/{held}/hold"), &json!({}))
        .await;
    assert_eq!(hold.status(), 204);
    stage.play_out().await;
    assert_eq!(
        stage.sandbox.request(&free).unwrap().status,
        Status::FinishSuccess
    );
    let view = stage.sandbox.request(&held).unwrap();
    // The data callback is held too, and what comes after waits for its answer.
    assert_eq!(
        (view.status, view.waiting_to_be_sent),
        (Status::Confirmed, 9)
    );
    assert_eq!(stage.receiver.calls().len(), 11);
    stage.post("/control/hold", &json!({})).await;
    stage
        .post(&format!("/control/requests/{held}/release"), &json!({}))
        .await;
    let idle = stage.get("/control/idle").await;
    assert_eq!(
        (&idle["idle"], &idle["finished"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(stage.receiver.calls().len(), 11);
    stage.post("/control/release", &json!({})).await;
    stage.play_out().await;
    assert_eq!(
        stage.sandbox.request(&held).unwrap().status,
        Status::FinishSuccess
    );
    let statuses = stage.receiver.statuses();
    assert_eq!(statuses[..10], statuses[10..]);
    stage.end().await;
}

#[tokio::test]
async fn a_forgery_and_a_replay_are_sent_at_once_and_report_the_answer() {
    let stage = Stage::set(Scenario::default()).await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    stage.receiver.answer(|_| 403);
    let forge = format!("/control/requests/{id}/forge");
    let order = json!({"forgery": "tampered", "data": true});
    let forged = stage.ask(&forge, &order).await;
    assert_eq!(forged["http"], 403);
    assert_eq!(forged["forged"], "tampered");
    assert_eq!(forged["kind"], "data");
    let order = json!({"forgery": "other-key", "status": "CONFIRMED"});
    let forged = stage.ask(&forge, &order).await;
    assert_eq!(forged["status"], "CONFIRMED");
    let replayed = stage.ask("/control/deliveries/1/replay", &json!({})).await;
    assert_eq!(replayed["replay_of"], 1);
    assert_eq!(replayed["http"], 403);
    let calls = stage.receiver.calls();
    assert_eq!(calls.len(), 11 + 3);
    assert_eq!(calls[0].body, calls[13].body);
    // Nothing of it is tried again, and the request stays as it was.
    let idle = stage.sandbox.finished(LIMIT).await.unwrap();
    assert_eq!(idle.next_due_ms, None);
    assert_eq!(stage.sandbox.request(&id).unwrap().statuses.len(), 11);
    stage.end().await;
}

#[tokio::test]
async fn the_ledger_tells_what_was_answered_without_showing_callback_paths() {
    let stage = Stage::set(Scenario::default()).await;
    let mut question = stage.qr_question("accepts", &["SH_EMAIL"]);
    question["statusCallback"] = format!("{}/s3cret", stage.receiver.address).into();
    stage.ask("/api/v1/kyc/qrcode", &question).await;
    stage
        .play_until(START + std::time::Duration::from_secs(3))
        .await;
    let page = stage.get("/control/deliveries?after=1&wait=60000").await;
    assert!(!page.to_string().contains("s3cret"));
    let deliveries = page["deliveries"].as_array().unwrap();
    assert_eq!(deliveries[0]["number"], 2);
    assert_eq!(deliveries[0]["status"], "INITIATE_SUBMITTED");
    assert_eq!(deliveries[0]["http"], 200);
    assert_eq!(deliveries[0]["host"], stage.receiver.address.to_string());
    let none = stage.get("/control/deliveries?request=nobody&wait=1").await;
    assert_eq!(none, json!({"forgotten": 0, "deliveries": []}));
    stage.end().await;
}

#[tokio::test]
async fn unknown_things_and_malformed_orders_are_refused() {
    let stage = Stage::set(Scenario::default()).await;
    let id = stage.request("ignores", &["SH_EMAIL"]).await;
    for (path, code) in [
        ("/control/users/nobody", 404),
        ("/control/requests/nobody", 404),
        ("/control/requests?user=nobody", 404),
        ("/control/requests?what=1", 400),
        ("/control/deliveries?after=x", 400),
        ("/control/nothing", 404),
        (&format!("/control/requests/{id}?until=DONE"), 400),
        (
            &format!("/control/requests/{id}?until=ACCEPTED&wait=1"),
            408,
        ),
    ] {
        let got = stage
            .client
            .get(format!("{}{path}", stage.base))
            .send()
            .await;
        assert_eq!(got.unwrap().status(), code, "{path}");
    }
    for (path, body, code) in [
        ("/control/users", json!({"count": -1}), 400),
        ("/control/deliveries/99/replay", json!({}), 404),
        ("/control/deliveries/x/replay", json!({}), 404),
        ("/control/requests/nobody/accept", json!({}), 404),
        ("/control/requests/nobody/hold", json!({}), 404),
        (
            &format!("/control/requests/{id}/forge"),
            json!({"forgery": "subtle"}),
            400,
        ),
    ] {
        assert_eq!(stage.post(path, &body).await.status(), code, "{path}");
    }
    stage.end().await;
}

#[tokio::test]
async fn stopping_ends_calls_that_wait() {
    let stage = Stage::set(Scenario::named("ignore").unwrap()).await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    let url = format!(
        "{}/control/requests/{id}?until=CONFIRMED&wait=60000",
        stage.base
    );
    let waiting = tokio::spawn(stage.client.get(url).send());
    // The wait has begun once the sandbox has answered something sent after it.
    stage.get("/control/keys").await;
    tokio::time::timeout(LIMIT, stage.end()).await.unwrap();
    if let Ok(answer) = waiting.await.unwrap() {
        assert_eq!(answer.status(), 408);
    }
}
