//! What goes wrong with calls, on either side of their effect, and what the ledger says of it.

use std::time::Duration;

use serde_json::{Value, json};
use verilane_sandbox::{AnswerTrouble, CivicSipCall, Scope, ScopeState};

use super::{Sip, json_of};
use crate::stage::LIMIT;

/// The calls about the last request, each as its code and whether it took effect.
fn calls(sip: &Sip) -> Vec<(Option<u16>, bool)> {
    let request = sip.civic.requests().pop().unwrap();
    let calls = sip.civic.calls(0, Some(&request.id));
    let told = |call: CivicSipCall| (call.code, call.effect);
    calls.into_iter().map(told).collect()
}

#[tokio::test]
async fn what_fails_before_its_effect_leaves_the_code_good() {
    for (names, codes, message) in [
        ("busy", vec![429, 429, 200], "Too Many Requests"),
        ("errors", vec![500, 500, 200], "Internal server error"),
        ("bad-request", vec![400, 400], "scope request is invalid"),
        ("unauthorized", vec![401, 401], "Unauthorized"),
        ("not-allowed", vec![405, 405], "Method Not Allowed"),
        ("already-spent", vec![403, 403], "Duplicate Request"),
    ] {
        let sip = Sip::set(names).await;
        // Each code counts for itself.
        for _ in 0..2 {
            let token = sip.approved(Scope::BasicSignup);
            for code in &codes {
                let answer = sip.exchange(&token).await;
                let again = answer.headers().get("retry-after").is_some();
                assert_eq!(again, *code == 429, "{names}");
                let body = json_of(answer, *code).await;
                if *code != 200 {
                    assert_eq!(body, json!({ "message": message }), "{names}");
                }
            }
            let expected: Vec<_> = codes.iter().map(|c| (Some(*c), *c == 200)).collect();
            assert_eq!(calls(&sip), expected, "{names}");
        }
        sip.stage.end().await;
    }
}

#[tokio::test]
async fn what_fails_after_its_effect_leaves_the_code_spent() {
    for (names, first, message) in [
        ("error-after", 500, "Internal server error"),
        ("gateway-timeouts", 504, "Endpoint request timed out"),
    ] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        let failed = sip.exchanged(&token, first).await;
        assert_eq!(failed, json!({ "message": message }));
        sip.exchanged(&token, 403).await;
        assert_eq!(calls(&sip), [(Some(first), true), (Some(403), false)]);
        let request = sip.civic.requests().pop().unwrap();
        assert_eq!((request.tries, request.effects), (2, 1));
        sip.stage.end().await;
    }
    let sip = Sip::set("answer-not-json").await;
    let token = sip.approved(Scope::BasicSignup);
    let page = sip.exchange(&token).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().starts_with("<html>"));
    assert_eq!(calls(&sip), [(Some(200), true)]);
    sip.stage.end().await;
}

#[tokio::test]
async fn connections_break_on_either_side_of_the_effect() {
    for (names, second, effects) in [
        ("cut-before", 200, [false, true]),
        ("cut-after", 403, [true, false]),
    ] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        assert!(sip.try_exchange(&token).await.is_err(), "{names}");
        assert_eq!(sip.exchange(&token).await.status(), second, "{names}");
        let [first_effect, second_effect] = effects;
        let expected = [(None, first_effect), (Some(second), second_effect)];
        assert_eq!(calls(&sip), expected, "{names}");
        sip.stage.end().await;
    }
    let sip = Sip::set("half-answers").await;
    let token = sip.approved(Scope::BasicSignup);
    let half = sip.exchange(&token).await;
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    sip.exchanged(&token, 403).await;
    sip.stage.end().await;
}

#[tokio::test]
async fn an_endless_silence_is_in_the_ledger_while_it_lasts() {
    let sip = Sip::set("silent").await;
    let token = sip.approved(Scope::BasicSignup);
    let id = sip.civic.requests().pop().unwrap().id;
    let exchange = sip.try_exchange(&token);
    let reached = sip.civic.reached(&id, ScopeState::Exchanged, LIMIT);
    tokio::select! {
        answer = exchange => panic!("it was answered: {answer:?}"),
        view = reached => assert_eq!(view.unwrap().effects, 1),
    }
    let call = sip.civic.calls(0, Some(&id)).pop().unwrap();
    assert!(call.effect && !call.over);
    assert_eq!(call.code, None);
    sip.exchanged(&token, 403).await;
    sip.stage.end().await;
}

#[tokio::test]
async fn civic_goes_down_on_either_side_of_the_effect_and_forgets_nothing() {
    for (does, second) in [("dies-before", 200), ("dies-after", 403)] {
        let sip = Sip::set("scripted").await;
        let scenario = json!({
            "answers": [{ "does": { does: { "seconds": 30 } }, "times": 1 }]
        });
        let event = sip
            .control("approvals", &json!({ "scenario": scenario }))
            .await;
        let token = event["event"]["response"].as_str().unwrap();
        assert!(sip.try_exchange(token).await.is_err());
        assert!(sip.try_exchange(token).await.is_err());
        sip.wait(30);
        assert_eq!(sip.exchange(token).await.status(), second, "{does}");
        sip.stage.end().await;
    }
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    sip.civic.go_down(None);
    assert!(sip.try_exchange(&token).await.is_err());
    sip.civic.come_up();
    sip.exchanged(&token, 200).await;
    assert_eq!(calls(&sip), [(None, false), (Some(200), true)]);
    sip.stage.end().await;
}

#[tokio::test]
async fn troubles_wait_for_the_exchanges_to_come_whatever_they_are_about() {
    let sip = Sip::set("busy").await;
    let order = json!([{"http": {"code": 503}}, "cut-after"]);
    let path = "/control/civic-sip/troubles";
    assert_eq!(sip.stage.post(path, &order).await.status(), 204);
    sip.civic.befall(vec![AnswerTrouble::http(418)]).unwrap();
    let first = sip.approved(Scope::BasicSignup);
    let second = sip.approved(Scope::BasicSignup);
    sip.exchanged(&first, 503).await;
    assert!(sip.try_exchange(&second).await.is_err());
    sip.exchanged(&second, 418).await;
    // Then the scenario's own come.
    sip.exchanged(&second, 429).await;
    sip.exchanged(&second, 429).await;
    sip.exchanged(&second, 403).await;
    let refused = sip.stage.post(path, &json!(["nonsense"])).await;
    assert_eq!(refused.status(), 400);
    sip.stage.end().await;
}

#[tokio::test]
async fn slow_answers_take_their_time() {
    let sip = Sip::set("scripted").await;
    let pause = Duration::from_millis(300);
    let millis = u64::try_from(pause.as_millis()).unwrap();
    sip.civic
        .befall(vec![AnswerTrouble::Slow { millis }])
        .unwrap();
    let token = sip.approved(Scope::BasicSignup);
    let begun = std::time::Instant::now();
    sip.exchanged(&token, 200).await;
    assert!(begun.elapsed() >= pause);
    sip.stage.end().await;
}

#[tokio::test]
async fn every_code_comes_through_chaos_and_is_spent_once() {
    let sip = Sip::set("civic-sip-chaos").await;
    let mut failed = 0;
    for _ in 0..20 {
        let token = sip.approved(Scope::BasicSignup);
        let answer: Value = loop {
            match sip.try_exchange(&token).await {
                Ok(answer) if answer.status() == 200 => break json_of(answer, 200).await,
                _ => failed += 1,
            }
        };
        assert!(answer["data"].is_string());
    }
    assert!(failed > 0);
    assert!(
        sip.civic
            .requests()
            .iter()
            .all(|request| request.effects == 1)
    );
    sip.stage.end().await;
}
