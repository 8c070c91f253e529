//! What the caller decides, told to Civic: once, and told again without harm.

use verilane_core::{Decision, Fact, Pii, Reason};
use verilane_provider::{Capability, Provider as _, ProviderError};
use verilane_provider_civic_pass::Generation;
use verilane_sandbox::{PiiOrder, Turn, TurnOrigin};

use crate::stage::{Speaks, Stage};

/// How many decisions Civic has taken.
fn taken(stage: &Stage, request: &Pii<String>) -> usize {
    let turns = stage.civic.request(request.expose()).unwrap().turns;
    let partners = turns
        .iter()
        .filter(|turn| turn.origin == TurnOrigin::Partner);
    partners.count()
}

fn is_refused<T>(outcome: &Result<T, ProviderError>) -> bool {
    let Err(ProviderError::Refused { reason, .. }) = outcome else {
        return false;
    };
    // That it is not known, or some other no.
    [Reason::ProviderRefused, Reason::ProviderUnavailable].contains(reason)
}

#[tokio::test]
async fn a_decision_is_what_the_next_look_shows_however_often_it_is_told() {
    for (decision, word, fact) in [
        (Decision::Approve, "partner-pass", Fact::Approved),
        (
            Decision::Reject,
            "partner-fail",
            Fact::Rejected(Reason::ReviewRejected),
        ),
    ] {
        let stage = Stage::set(Speaks::Oauth, "ready").await;
        let request = stage.widget(PiiOrder::default());
        for _ in 0..3 {
            stage
                .plugin
                .tell_decision(&request, decision)
                .await
                .unwrap();
            let answer = stage.look(&request).await.unwrap();
            assert_eq!((&*answer.status, answer.fact), (word, Some(fact)));
        }
        assert_eq!(taken(&stage, &request), 1);
    }
}

#[tokio::test]
async fn a_decision_against_one_that_stands_or_too_early_changes_nothing() {
    let stage = Stage::set(Speaks::Oauth, "by-hand").await;
    let request = stage.widget(PiiOrder::default());
    let early = stage
        .plugin
        .tell_decision(&request, Decision::Approve)
        .await;
    assert!(is_refused(&early));
    let elsewhere = Turn::to("partner-fail");
    stage.civic.turn(request.expose(), elsewhere).unwrap();
    let late = stage
        .plugin
        .tell_decision(&request, Decision::Approve)
        .await;
    assert!(is_refused(&late));
    let answer = stage.look(&request).await.unwrap();
    assert_eq!(answer.status, "partner-fail");
    assert_eq!(taken(&stage, &request), 0);
}

#[tokio::test]
async fn an_unclear_decision_can_be_told_again_and_has_one_effect() {
    for names in [
        "decision-unclear",
        "cut-before",
        "cut-after",
        "revoked-token",
    ] {
        let stage = Stage::set(Speaks::Oauth, &format!("ready+{names}")).await;
        let request = stage.widget(PiiOrder::default());
        let tell = async || {
            stage
                .plugin
                .tell_decision(&request, Decision::Approve)
                .await
        };
        if names != "revoked-token" {
            let first = tell().await;
            assert!(
                matches!(first, Err(ProviderError::Unclear)),
                "{names}: {first:?}"
            );
        }
        tell().await.unwrap();
        assert_eq!(taken(&stage, &request), 1, "{names}");
    }
}

#[tokio::test]
async fn where_nobody_takes_a_decision_none_is_told() {
    let stage = Stage::set(Speaks::Oauth, "ready+no-decisions").await;
    let request = stage.widget(PiiOrder::default());
    let outcome = stage
        .plugin
        .tell_decision(&request, Decision::Approve)
        .await;
    assert!(is_refused(&outcome));

    let before = stage.civic.calls(0, None).len();
    let without = stage.other(|settings| {
        if let Generation::Oauth { review, .. } = &mut settings.generation {
            *review = false;
        }
    });
    let jwt = Stage::set(Speaks::Jwt, "ready").await;
    for plugin in [&without, &jwt.plugin] {
        assert!(!plugin.profile().capabilities.contains(&Capability::Review));
        let outcome = plugin.tell_decision(&request, Decision::Approve).await;
        assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
    }
    assert_eq!(stage.civic.calls(0, None).len(), before);
    assert!(jwt.civic.calls(0, None).is_empty());
}
