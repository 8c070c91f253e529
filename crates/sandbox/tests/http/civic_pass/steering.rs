//! Civic's control API.

use serde_json::json;
use verilane_sandbox::{CivicPassEndpoint, CivicPassScenario, ControlError, PiiOrder, Turn};

use super::Civic;
use crate::stage::LIMIT;

#[tokio::test]
async fn the_partner_is_told_the_same_over_http_and_in_the_process() {
    let civic = Civic::set("scripted").await;
    let told = civic.stage.get("/control/civic-pass/partner").await;
    assert_eq!(told, serde_json::to_value(&civic.partner).unwrap());
    assert_eq!(told["public_key"].as_str().unwrap().len(), 130);
    let names = civic.stage.get("/control/civic-pass/scenarios").await;
    let listed = names.as_array().unwrap().len();
    assert_eq!(listed, CivicPassScenario::names().len());
    civic.stage.end().await;
}

#[tokio::test]
async fn a_status_can_be_waited_for_by_whoever_does_not_ask_civic() {
    let civic = Civic::set("scripted").await;
    let id = civic.widget(json!({})).await;
    let path = format!("/control/civic-pass/requests/{id}?until=verification-success");
    let early = civic
        .get(&format!("{}{path}", civic.stage.base), None)
        .await;
    assert_eq!(early.status(), 408);
    let path = format!("{path}&wait=60000");
    let waiting = civic.stage.get(&path);
    let (view, ()) = tokio::join!(waiting, async { civic.wait(2) });
    assert_eq!(view["status"], "verification-success");
    civic.stage.end().await;
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_and_change_nothing() {
    let civic = Civic::set("scripted").await;
    let id = civic.widget(json!({"id": "a-1_B"})).await;
    assert_eq!(id, "a-1_B");
    let before = civic.civic.requests();
    let turn = "requests/a-1_B/turn";
    for (path, order, code) in [
        ("requests", json!({"id": "a-1_B"}), 400),
        ("requests", json!({"id": "a/b"}), 400),
        ("requests", json!({"id": ""}), 400),
        ("requests", json!({"id": "a".repeat(129)}), 400),
        ("requests", json!({"scenario": "nonsense"}), 400),
        ("requests", json!({"walet": "0x"}), 400),
        (turn, json!({"after": 5}), 400),
        (turn, json!({"state": "partner-pass"}), 400),
        (
            "requests/made-up/turn",
            json!({"status": "partner-pass"}),
            404,
        ),
    ] {
        let path = format!("/control/civic-pass/{path}");
        let refused = civic.stage.post(&path, &order).await;
        assert_eq!(refused.status(), code, "{path} {order}");
    }
    assert_eq!(civic.civic.requests(), before);
    civic.stage.end().await;
}

#[tokio::test]
async fn a_request_can_be_given_other_answers_and_its_course_stays() {
    let civic = Civic::set("scripted").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    civic.wait(1);
    let faulty = CivicPassScenario::named("ready+errors").unwrap();
    civic.civic.set_request_scenario(&id, faulty).unwrap();
    for code in [500, 500, 200] {
        let answer = civic.get(&civic.url(&id), Some(&token)).await;
        assert_eq!(answer.status(), code);
    }
    assert_eq!(
        civic.civic.request(&id).unwrap().status,
        "user-acknowledged"
    );
    civic.wait(1);
    assert_eq!(
        civic.pii(&id, &token).await["status"],
        "verification-success"
    );
    civic.stage.end().await;
}

#[tokio::test]
async fn every_call_is_written_down_with_whether_a_bearer_came() {
    let civic = Civic::set("ready+pre-signed-links").await;
    let id = civic.widget(json!({"url-id": true})).await;
    let (_, last) = id.rsplit_once('/').unwrap();
    let token = civic.token().await;
    let answer = civic.pii(last, &token).await;
    let href = super::link(&answer, "evidence-selfie").unwrap();
    civic.get(&href, None).await;
    civic.decide(last, "partner-pass", &token).await.unwrap();
    let calls = civic.civic.next_calls(0, None, LIMIT).await;
    let seen: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.endpoint,
                call.request.as_deref(),
                call.code,
                call.bearer,
            )
        })
        .collect();
    let ok = Some(200);
    assert_eq!(
        seen,
        [
            (CivicPassEndpoint::Token, None, ok, false),
            (CivicPassEndpoint::Request, Some(last), ok, true),
            (CivicPassEndpoint::Storage, Some(last), ok, false),
            (CivicPassEndpoint::Decision, Some(last), ok, true),
        ]
    );
    let path = format!("/control/civic-pass/calls?after=2&request={last}");
    let rest = civic.stage.get(&path).await;
    assert_eq!(rest.as_array().unwrap().len(), 2);
    assert!(!serde_json::to_string(&rest).unwrap().contains(&token));
    civic.stage.end().await;
}

#[tokio::test]
async fn a_handle_does_all_of_it_without_http() {
    let civic = Civic::set("by-hand").await;
    let handle = &civic.civic;
    let order = PiiOrder {
        url_id: true,
        scenario: CivicPassScenario::named("scripted"),
        ..PiiOrder::default()
    };
    let view = handle.start(order).unwrap();
    let given = view.presentation_request_id;
    let turned = handle.turn(&given, Turn::to("user-cancelled")).unwrap();
    assert_eq!(
        (turned.status.as_str(), turned.next_turn_ms),
        ("user-cancelled", None)
    );
    let reached = handle.reached(&given, "awaiting-user", LIMIT).await;
    assert_eq!(reached.unwrap().id, turned.id);
    let missing = handle.evidence(&given, "nothing");
    assert!(matches!(missing, Err(ControlError::UnknownEvidence)));
    assert!(matches!(
        handle.request("made-up"),
        Err(ControlError::UnknownRequest)
    ));
    civic.stage.end().await;
}

#[tokio::test]
async fn addresses_are_given_by_the_name_that_the_sandbox_was_called_by() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let (_, port) = civic.partner.storage.rsplit_once(':').unwrap();
    let called = async |path: &str, body: Option<&str>| {
        let url = format!("{}{path}", civic.stage.base);
        let call = match body {
            Some(body) => civic.stage.client.post(url).body(body.to_owned()),
            None => civic.stage.client.get(url),
        };
        let call = call.header("host", "sandbox.example:8080");
        let call = call.header("authorization", format!("Bearer {token}"));
        super::json_of(call.send().await.unwrap()).await
    };
    let told = called("/control/civic-pass/partner", None).await;
    assert_eq!(
        told["token_url"],
        "http://sandbox.example:8080/civic-pass/oauth/token"
    );
    assert_eq!(told["storage"], format!("http://sandbox.example:{port}"));
    let order = Some(r#"{"id": "a", "url-id": true, "scenario": "ready+pre-signed-links"}"#);
    let view = called("/control/civic-pass/requests", order).await;
    assert_eq!(
        view["presentation_request_id"],
        "http://sandbox.example:8080/civic-pass/sip/v3/scopeRequest/a"
    );
    let answer = called("/civic-pass/partner/piirequest/a", None).await;
    let href = super::link(&answer, "evidence-selfie").unwrap();
    let start = format!("http://sandbox.example:{port}/civic-pass/storage/a/evidence-selfie?");
    assert!(href.starts_with(&start), "{href}");
    civic.stage.end().await;
}
