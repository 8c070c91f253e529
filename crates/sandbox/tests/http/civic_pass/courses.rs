//! How PII requests go on, by the clock and by command.

use serde_json::{Value, json};
use verilane_sandbox::CivicPassScenario;

use super::{Civic, link};
use crate::stage::LIMIT;

/// The statuses that a client sees which asks once a step.
async fn seen(names: &str) -> Vec<String> {
    let civic = Civic::set(names).await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    let mut words: Vec<String> = Vec::new();
    for _ in 0..6 {
        let answer = civic.pii(&id, &token).await;
        let word = answer["status"].as_str().unwrap().to_owned();
        if words.last() != Some(&word) {
            words.push(word);
        }
        civic.wait(1);
    }
    civic.stage.end().await;
    words
}

#[tokio::test]
async fn every_published_status_and_some_unknown_ones_come_about_by_themselves() {
    const BEGUN: [&str; 2] = ["awaiting-user", "user-acknowledged"];
    for (names, rest) in [
        ("scripted", &["verification-success"][..]),
        ("complete", &["complete"]),
        ("verification-fails", &["verification-failed"]),
        ("stalled", &[]),
        (
            "passed-elsewhere",
            &["verification-success", "partner-pass"],
        ),
        (
            "failed-elsewhere",
            &["verification-success", "partner-fail"],
        ),
        (
            "unknown-status",
            &["liveness-check", "verification-success"],
        ),
        ("unknown-end", &["verification-success", "manual-hold"]),
    ] {
        assert_eq!(seen(names).await, [&BEGUN, rest].concat(), "{names}");
    }
    assert_eq!(
        seen("user-cancels").await,
        ["awaiting-user", "user-cancelled"]
    );
    assert_eq!(seen("by-hand").await, ["awaiting-user"]);
    assert_eq!(seen("ready").await, ["verification-success"]);
}

#[tokio::test]
async fn personal_data_can_be_read_from_success_on_and_not_before_or_after_a_failure() {
    for (names, readable) in [
        ("by-hand", false),
        ("stalled", false),
        ("user-cancels", false),
        ("verification-fails", false),
        ("scripted", true),
        ("complete", true),
        ("passed-elsewhere", true),
        ("failed-elsewhere", true),
        ("unknown-end", true),
    ] {
        let civic = Civic::set(names).await;
        let id = civic.widget(json!({})).await;
        let token = civic.token().await;
        civic.wait(60);
        let answer = civic.pii(&id, &token).await;
        assert_eq!(
            answer.get("verifiedInformation").is_some(),
            readable,
            "{names}"
        );
        assert_eq!(
            link(&answer, "evidence-document").is_some(),
            readable,
            "{names}"
        );
        assert!(link(&answer, "self").is_some());
        let picture = format!("{}/evidence/evidence-document", civic.url(&id));
        let code = if readable { 200 } else { 404 };
        let picture = civic.get(&picture, Some(&token)).await;
        assert_eq!(picture.status(), code, "{names}");
        civic.stage.end().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_takes_every_turn_at_the_time_that_it_had() {
    let civic = Civic::set("scripted").await;
    let id = civic.widget(json!({})).await;
    let start = civic.stage.sandbox.now().as_millis();
    civic.wait(3_600);
    let view = civic
        .civic
        .reached(&id, "verification-success", LIMIT)
        .await
        .unwrap();
    let times: Vec<i64> = view.turns.iter().map(|turn| turn.at_ms - start).collect();
    assert_eq!(times, [0, 1_000, 2_000]);
    assert_eq!(view.next_turn_ms, None);
    civic.stage.end().await;
}

#[tokio::test]
async fn collection_status_and_links_change_while_the_status_stays() {
    let civic = Civic::set("collection-status").await;
    let token = civic.token().await;
    let id = civic.widget(json!({})).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let answer = civic.pii(&id, &token).await;
        let member = |name: &str| answer[name].as_str().unwrap().to_owned();
        seen.push((member("status"), member("collection-status")));
        civic.wait(1);
    }
    let collected: Vec<&str> = seen.iter().map(|(_, c)| c.as_str()).collect();
    let acknowledged = seen.iter().filter(|(s, _)| s == "user-acknowledged");
    assert_eq!(acknowledged.count(), 4);
    assert_eq!(
        collected[1..5],
        ["not-started", "started", "documents-collected", "finished"]
    );
    let id = civic.widget(json!({"scenario": "late-selfie"})).await;
    civic.wait(2);
    let early = civic.pii(&id, &token).await;
    civic.wait(1);
    let late = civic.pii(&id, &token).await;
    assert_eq!(early["status"], late["status"]);
    assert!(link(&early, "evidence-document").is_some());
    assert_eq!(link(&early, "evidence-selfie"), None);
    assert!(link(&late, "evidence-selfie").is_some());
    civic.stage.end().await;
}

#[tokio::test]
async fn a_scenario_in_full_is_gone_through_as_it_says() {
    let civic = Civic::set("by-hand").await;
    let scenario = json!({
        "starts-as": "queued",
        "course": [
            {"after": 5, "status": "user-acknowledged", "collection-status": "a"},
            {"after": 0, "collection-status": "b"},
            {"status": "verification-success", "links": "pre-signed", "evidence": ["evidence-selfie"]},
        ],
    });
    let id = civic.widget(json!({"scenario": scenario})).await;
    let token = civic.token().await;
    assert_eq!(civic.pii(&id, &token).await["status"], "queued");
    civic.wait(5);
    let answer = civic.pii(&id, &token).await;
    assert_eq!(answer["status"], "user-acknowledged");
    assert_eq!(answer["collection-status"], "b");
    civic.wait(1);
    let answer = civic.pii(&id, &token).await;
    assert_eq!(link(&answer, "evidence-document"), None);
    let selfie = link(&answer, "evidence-selfie").unwrap();
    assert!(selfie.starts_with(&civic.partner.storage));
    let wrong = json!({"scenario": {"cours": []}});
    let refused = civic
        .stage
        .post("/control/civic-pass/requests", &wrong)
        .await;
    assert_eq!(refused.status(), 400);
    civic.stage.end().await;
}

#[tokio::test]
async fn the_same_seed_and_calls_give_the_same_requests_and_another_seed_others() {
    async fn run(seed: u64) -> (Vec<Value>, String) {
        let stage = crate::stage::Stage::set_with(|config| {
            config.seed = seed;
            config.civic_pass = CivicPassScenario::named("ready").unwrap();
        })
        .await;
        let mut views = Vec::new();
        for order in [
            json!({}),
            json!({"wallet": "0xw"}),
            json!({"wallet": "0xw"}),
        ] {
            views.push(stage.ask("/control/civic-pass/requests", &order).await);
        }
        let secret = stage.sandbox.civic_pass().partner().client_secret;
        stage.end().await;
        (views, secret)
    }
    let (first, again, other) = (run(7).await, run(7).await, run(8).await);
    assert_eq!(first, again);
    assert_ne!(first.0[1]["id"], first.0[2]["id"]);
    assert_eq!(
        first.0[1]["verified_information"]["name"],
        first.0[2]["verified_information"]["name"]
    );
    assert_ne!(first.0[1]["id"], other.0[1]["id"]);
    assert_ne!(first.1, other.1);
}
