//! What goes wrong with Civic's endpoints.

use serde_json::{Value, json};
use verilane_sandbox::{CallSide, CallStop, CivicPassEndpoint};

use super::{Civic, json_of};

#[tokio::test]
async fn busy_failing_and_slow_gateways_recover_after_their_number_of_calls() {
    for (names, codes) in [
        ("ready+busy", [429, 429, 200]),
        ("ready+errors", [500, 500, 200]),
        ("ready+gateway-timeouts", [504, 200, 200]),
    ] {
        let civic = Civic::set("ready").await;
        let token = civic.token().await;
        let scenario = json!(names);
        civic
            .stage
            .client
            .put(format!("{}/control/civic-pass/scenario", civic.stage.base))
            .body(scenario.to_string())
            .send()
            .await
            .unwrap();
        // Each request, and the token endpoint, counts for itself.
        for _ in 0..2 {
            let id = civic.widget(json!({})).await;
            for code in codes {
                let answer = civic.get(&civic.url(&id), Some(&token)).await;
                assert_eq!(answer.status(), code, "{names}");
                let again = answer.headers().get("retry-after");
                assert_eq!(again.is_some(), code == 429);
            }
        }
        for code in codes {
            let answer = civic.ask_token(&civic.token_order()).await;
            assert_eq!(answer.status(), code, "{names}");
        }
        civic.stage.end().await;
    }
}

#[tokio::test]
async fn the_token_endpoint_has_troubles_of_its_own() {
    let civic = Civic::set("ready+token-down").await;
    for _ in 0..3 {
        let down = civic.ask_token(&civic.token_order()).await;
        assert_eq!(down.status(), 503);
    }
    let count = civic.civic.tokens();
    assert_eq!((count.asked, count.issued), (3, 0));
    civic.stage.end().await;
    let civic = Civic::set("ready+token-busy+short-tokens").await;
    assert_eq!(civic.ask_token(&civic.token_order()).await.status(), 429);
    let answer = json_of(civic.ask_token(&civic.token_order()).await).await;
    assert_eq!(answer["expires_in"], 60);
    civic.stage.end().await;
}

#[tokio::test]
async fn tokens_are_revoked_before_a_requests_first_call_and_a_fresh_one_does() {
    let civic = Civic::set("ready+revoked-token").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    for _ in 0..2 {
        let refused = civic.get(&civic.url(&id), Some(&token)).await;
        assert_eq!(refused.status(), 401);
    }
    let fresh = civic.token().await;
    civic.pii(&id, &fresh).await;
    civic.stage.end().await;
}

#[tokio::test]
async fn answers_break_by_half_and_decisions_on_either_side_of_their_effect() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let id = civic
        .widget(json!({"scenario": "ready+half-answers"}))
        .await;
    let half = civic.get(&civic.url(&id), Some(&token)).await;
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    civic.pii(&id, &token).await;
    for (name, effective) in [
        ("cut-before", false),
        ("cut-after", true),
        ("decision-unclear", true),
    ] {
        let order = json!({"scenario": format!("ready+{name}")});
        let id = civic.widget(order).await;
        let first = civic.decide(&id, "partner-pass", &token).await;
        assert!(first.is_err() == name.starts_with("cut"), "{name}");
        assert!(first.is_err() || first.unwrap().status() == 504, "{name}");
        let decided = civic.civic.request(&id).unwrap().decision.is_some();
        assert_eq!(decided, effective, "{name}");
        let again = civic.decide(&id, "partner-pass", &token).await.unwrap();
        assert_eq!(again.status(), 200, "{name}");
        let call = &civic.civic.calls(0, Some(&id))[0];
        assert_eq!(call.code.is_none(), name.starts_with("cut"));
    }
    civic.stage.end().await;
}

#[tokio::test]
async fn a_call_is_kept_standing_on_either_side_of_its_effect_and_who_made_it_can_be_gone() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let limit = std::time::Duration::from_secs(10);
    for (side, effective) in [(CallSide::Before, false), (CallSide::After, true)] {
        let id = civic.widget(json!({})).await;
        let stop = CallStop {
            endpoint: CivicPassEndpoint::Decision,
            side,
        };
        let decision = async {
            // A call without an effect is answered and does not stand after it.
            if side == CallSide::After {
                let wrong = civic.decide(&id, "partner-pass", "no-token").await;
                assert_eq!(wrong.unwrap().status(), 401);
            }
            civic.decide(&id, "partner-pass", &token).await
        };
        tokio::select! {
            biased;
            stands = civic.civic.stand_still(stop, limit) => stands.unwrap(),
            answered = decision => panic!("{answered:?}"),
        }
        let decided = civic.civic.request(&id).unwrap().decision.is_some();
        assert_eq!(decided, effective);
        let calls = civic.civic.calls(0, Some(&id));
        assert_eq!(calls.last().unwrap().code, None);
        // Only that call: the next one is answered, and takes effect once.
        let again = civic.decide(&id, "partner-pass", &token).await.unwrap();
        assert_eq!(again.status(), 200);
        assert_eq!(civic.civic.request(&id).unwrap().turns.len(), 2);
    }
    let order = json!({"endpoint": "token", "side": "before"});
    let path = "/control/civic-pass/stand-still?wait=1";
    assert_eq!(civic.stage.post(path, &order).await.status(), 408);
    civic.token().await;
    civic.stage.end().await;
}

#[tokio::test]
async fn faults_compose_by_name_and_differ_from_request_to_request_by_the_seed() {
    async fn run(seed: u64) -> Vec<Vec<Option<u16>>> {
        let civic = Civic::set("ready").await;
        let mut runs = Vec::new();
        for _ in 0..3 {
            let order = json!({"seed": seed, "scenario": "ready+civic-pass-chaos"});
            let id = civic.widget(order).await;
            for _ in 0..20 {
                // A fresh token each: chaos has them revoked.
                let token = civic.token().await;
                if let Ok(answer) = civic.try_get(&civic.url(&id), Some(&token)).await {
                    let _ = answer.bytes().await;
                }
            }
            let calls = civic.civic.calls(0, Some(&id));
            runs.push(calls.iter().map(|call| call.code).collect());
        }
        civic.stage.end().await;
        runs
    }
    let (first, again, other) = (run(5).await, run(5).await, run(6).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_ne!(first[0], first[1]);
    let all: Vec<_> = first.into_iter().flatten().collect();
    for code in [Some(200), Some(429), Some(500), None] {
        assert!(all.contains(&code), "{code:?}");
    }
}

#[tokio::test]
async fn a_civic_that_is_down_cuts_every_connection_and_has_forgotten_nothing() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    let down = civic
        .stage
        .post("/control/civic-pass/down", &json!({"seconds": 30}))
        .await;
    assert_eq!(down.status(), 204);
    assert!(civic.try_get(&civic.url(&id), Some(&token)).await.is_err());
    // The connector is another machine.
    civic.stage.get("/control/keys").await;
    let question = json!({"user": civic.stage.core_id("accepts"), "items": ["SH_EMAIL"]});
    civic
        .stage
        .ask("/api/v1/blockchain/verified", &question)
        .await;
    civic.wait(30);
    civic.pii(&id, &token).await;
    let calls: Vec<Value> = civic
        .stage
        .get("/control/civic-pass/calls")
        .await
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["endpoint"] == "request")
        .map(|call| call["code"].clone())
        .collect();
    assert_eq!(calls, [Value::Null, json!(200)]);
    civic.stage.end().await;
}
