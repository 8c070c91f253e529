//! `PUT …/status`, and decisions by somebody else.

use serde_json::json;

use super::{Civic, json_of};

#[tokio::test]
async fn a_decision_takes_effect_once_and_its_repeat_is_answered_alike() {
    for (decision, other) in [
        ("partner-pass", "partner-fail"),
        ("partner-fail", "partner-pass"),
    ] {
        let civic = Civic::set("ready").await;
        let id = civic.widget(json!({})).await;
        let token = civic.token().await;
        for _ in 0..2 {
            let answer = json_of(civic.decide(&id, decision, &token).await.unwrap()).await;
            assert_eq!(answer, json!({"id": id, "status": decision}));
        }
        let refused = civic.decide(&id, other, &token).await.unwrap();
        assert_eq!(refused.status(), 409);
        assert_eq!(civic.pii(&id, &token).await["status"], decision);
        let view = civic.civic.request(&id).unwrap();
        assert_eq!(view.decision.as_deref(), Some(decision));
        assert_eq!(view.turns.len(), 2);
        civic.stage.end().await;
    }
}

#[tokio::test]
async fn only_what_is_in_review_can_be_decided_and_only_in_civics_words() {
    let civic = Civic::set("by-hand").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    let code = async |status: &str, token: &str| {
        let answer = civic.decide(&id, status, token).await.unwrap();
        answer.status().as_u16()
    };
    for status in [
        "awaiting-user",
        "user-acknowledged",
        "verification-failed",
        "user-cancelled",
    ] {
        civic
            .control(&format!("requests/{id}/turn"), &json!({"status": status}))
            .await;
        assert_eq!(code("partner-pass", &token).await, 409, "{status}");
    }
    civic
        .control(
            &format!("requests/{id}/turn"),
            &json!({"status": "complete"}),
        )
        .await;
    assert_eq!(code("verification-success", &token).await, 400);
    assert_eq!(code("partner-pass", "made-up").await, 401);
    assert_eq!(code("partner-pass", &token).await, 200);
    let missing = civic
        .decide("made-up", "partner-pass", &token)
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
    let id = civic
        .widget(json!({"scenario": "ready+no-decisions"}))
        .await;
    let missing = civic.decide(&id, "partner-pass", &token).await.unwrap();
    assert_eq!(missing.status(), 404);
    civic.stage.end().await;
}

#[tokio::test]
async fn what_somebody_else_decided_stands_and_ends_the_course() {
    let civic = Civic::set("scripted").await;
    let token = civic.token().await;
    let id = civic.widget(json!({})).await;
    let turned = civic
        .control(
            &format!("requests/{id}/turn"),
            &json!({"status": "partner-fail"}),
        )
        .await;
    assert_eq!(turned["status"], "partner-fail");
    assert_eq!(turned["turns"][1]["origin"], "command");
    civic.wait(60);
    assert_eq!(civic.pii(&id, &token).await["status"], "partner-fail");
    let late = civic.decide(&id, "partner-pass", &token).await.unwrap();
    assert_eq!(late.status(), 409);
    let same = civic.decide(&id, "partner-fail", &token).await.unwrap();
    assert_eq!(same.status(), 200);
    // The partner did not decide that.
    assert_eq!(civic.civic.request(&id).unwrap().decision, None);
    // A decision ends a course just so.
    let id = civic.widget(json!({"scenario": "failed-elsewhere"})).await;
    civic.wait(2);
    let mine = civic.decide(&id, "partner-pass", &token).await.unwrap();
    assert_eq!(mine.status(), 200);
    civic.wait(60);
    assert_eq!(civic.pii(&id, &token).await["status"], "partner-pass");
    civic.stage.end().await;
}
