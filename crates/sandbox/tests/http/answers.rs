//! What goes wrong with the connector's own endpoints.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use verilane_sandbox::{AnswerFault, AnswerTrouble, Endpoint, Scenario};

use crate::stage::{START, Stage};

const QR: &str = "/api/v1/kyc/qrcode";
const VERIFIED: &str = "/api/v1/blockchain/verified";

async fn try_post(stage: &Stage, path: &str, body: &Value) -> Result<Response, reqwest::Error> {
    let url = format!("{}{path}", stage.base);
    stage.client.post(url).body(body.to_string()).send().await
}

async fn set(names: &str) -> (Stage, Value) {
    let stage = Stage::set(Scenario::named(names).unwrap()).await;
    let question = stage.qr_question("ignores", &["SH_EMAIL"]);
    (stage, question)
}

/// How many requests have taken effect.
fn requests(stage: &Stage) -> usize {
    stage.sandbox.requests(None).unwrap().len()
}

#[tokio::test]
async fn an_http_status_is_answered_to_as_many_calls_of_each_user_as_it_says() {
    let (stage, question) = set("busy").await;
    for _ in 0..2 {
        let busy = stage.post(QR, &question).await;
        assert_eq!(busy.status(), 429);
        assert_eq!(busy.headers()["retry-after"], "1");
    }
    assert_eq!(stage.post(QR, &question).await.status(), 200);
    let other = stage.qr_question("accepts", &["SH_EMAIL"]);
    assert_eq!(stage.post(QR, &other).await.status(), 429);
    assert_eq!(requests(&stage), 1);
    stage.end().await;
    let (stage, question) = set("gateway-timeouts").await;
    assert_eq!(stage.post(QR, &question).await.status(), 504);
    assert_eq!(stage.ask(QR, &question).await["alreadySent"], true);
    assert_eq!(requests(&stage), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_call_takes_effect() {
    for (name, effects) in [("cut-before", 0), ("cut-after", 1)] {
        let (stage, question) = set(name).await;
        let broken = try_post(&stage, QR, &question).await.unwrap_err();
        assert!(!broken.is_timeout(), "{broken:?}");
        assert_eq!(requests(&stage), effects, "{name}");
        let again = stage.ask(QR, &question).await;
        assert_eq!(again.get("alreadySent").is_some(), effects == 1);
        stage.end().await;
    }
}

#[tokio::test]
async fn half_an_answer_breaks_off_in_its_body() {
    let (stage, question) = set("half-answers").await;
    let mut half = try_post(&stage, QR, &question).await.unwrap();
    assert_eq!(half.status(), 200);
    let whole = half.content_length().unwrap();
    let mut came = 0;
    let broken = loop {
        match half.chunk().await {
            Ok(Some(chunk)) => came += chunk.len() as u64,
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken);
    assert_eq!(came, whole / 2);
    assert_eq!(requests(&stage), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_slow_a_dripping_and_a_silent_answer_take_their_time() {
    let (stage, question) = set("silent").await;
    let impatient = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let url = format!("{}{QR}", stage.base);
    let waited = impatient.post(&url).body(question.to_string()).send().await;
    assert!(waited.unwrap_err().is_timeout());
    assert_eq!(requests(&stage), 1);
    for does in [
        AnswerTrouble::Slow { millis: 100 },
        AnswerTrouble::Dripping { millis: 10 },
    ] {
        stage.sandbox.set_scenario(Scenario {
            answers: vec![AnswerFault::always(does)],
            ..Scenario::default()
        });
        let begun = std::time::Instant::now();
        assert_eq!(stage.ask(QR, &question).await["alreadySent"], true);
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }
    stage.end().await;
}

#[tokio::test]
async fn a_rule_may_concern_one_endpoint_and_one_call_in_several() {
    let stage = Stage::set(Scenario {
        answers: vec![AnswerFault {
            endpoint: Some(Endpoint::Verified),
            one_in: 3,
            ..AnswerFault::always(AnswerTrouble::http(500))
        }],
        ..Scenario::default()
    })
    .await;
    let question = json!({"user": stage.core_id("accepts"), "items": ["SH_EMAIL"]});
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(stage.post(VERIFIED, &question).await.status().as_u16());
        let all = stage.post("/api/v1/kyc/all-statuses", &question).await;
        assert_eq!(all.status(), 200);
    }
    let failed = codes.iter().filter(|code| **code == 500).count();
    assert!((8..=32).contains(&failed), "{failed}");
    stage.end().await;
}

#[tokio::test]
async fn a_connector_that_goes_down_cuts_everything_until_it_is_up_and_forgets_nothing() {
    for (name, effects) in [("dies-before-call", 0), ("dies-after-call", 1)] {
        let (stage, question) = set(name).await;
        try_post(&stage, QR, &question).await.unwrap_err();
        try_post(&stage, VERIFIED, &question).await.unwrap_err();
        assert_eq!(requests(&stage), effects);
        stage.clock.set(START + Duration::from_secs(30));
        let again = stage.ask(QR, &question).await;
        assert_eq!(again.get("alreadySent").is_some(), effects == 1);
        stage.end().await;
    }
    let (stage, question) = set("scripted").await;
    assert_eq!(stage.post("/control/down", &json!({})).await.status(), 204);
    try_post(&stage, QR, &question).await.unwrap_err();
    stage.clock.advance(Duration::from_secs(3_600));
    let question = stage.qr_question("ignores", &["SH_EMAIL"]);
    try_post(&stage, QR, &question).await.unwrap_err();
    assert_eq!(stage.post("/control/up", &json!({})).await.status(), 204);
    stage.ask(QR, &question).await;
    stage.end().await;
}
