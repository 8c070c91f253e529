//! Access tokens: one for all, renewed in time, renewed once when turned away.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use verilane_core::{Pii, Reason};
use verilane_provider::ProviderError;
use verilane_provider_civic_pass::Generation;
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicPassEndpoint, CivicPassScenario, PiiOrder,
};

use crate::stage::{Speaks, Stage, look_by};

fn is_misconfigured<T>(outcome: &Result<T, ProviderError>) -> bool {
    let Err(ProviderError::Refused { reason, .. }) = outcome else {
        return false;
    };
    *reason == Reason::ConnectionMisconfigured
}

fn begin_look(stage: &Stage) -> JoinHandle<Result<(), ProviderError>> {
    let request = stage.widget(PiiOrder::default());
    let plugin = Arc::clone(&stage.plugin);
    tokio::spawn(async move { look_by(&plugin, &request, "").await.map(drop) })
}

async fn look_at_once(stage: &Stage, count: usize) {
    let looks: Vec<_> = (0..count).map(|_| begin_look(stage)).collect();
    for outcome in join_all(looks).await {
        outcome.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_need_a_token_wait_for_the_same_one() {
    let stage = Stage::set(Speaks::Oauth, "ready+slow-token").await;
    look_at_once(&stage, 50).await;
    let tokens = stage.civic.tokens();
    assert_eq!((tokens.asked, tokens.issued), (1, 1));
    // Those whose token was turned away too.
    stage.civic.revoke_tokens();
    look_at_once(&stage, 50).await;
    let tokens = stage.civic.tokens();
    assert_eq!((tokens.asked, tokens.issued, tokens.valid), (2, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_a_token_get_one_though_whoever_asks_for_it_is_gone() {
    let stage = Stage::set(Speaks::Oauth, "ready+slow-token").await;
    let asks = begin_look(&stage);
    while stage.civic.tokens().asked == 0 {
        tokio::task::yield_now().await;
    }
    let wait: Vec<_> = (0..20).map(|_| begin_look(&stage)).collect();
    asks.abort();
    assert!(asks.await.unwrap_err().is_cancelled());
    for outcome in join_all(wait).await {
        outcome.unwrap().unwrap();
    }
    assert_eq!(stage.civic.tokens().asked, 2);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires() {
    let stage = Stage::set(Speaks::Oauth, "ready+short-tokens").await;
    let request = stage.widget(PiiOrder::default());
    for (wait, issued) in [(0, 1), (44, 1), (1, 2), (44, 2), (3_600, 3)] {
        stage.wait(wait);
        stage.look(&request).await.unwrap();
        assert_eq!(stage.civic.tokens().issued, issued, "after {wait} s");
    }
}

#[tokio::test]
async fn a_token_that_is_turned_away_is_renewed_once() {
    let mut scenario = CivicPassScenario::named("ready+revoked-token").unwrap();
    let stage = Stage::with(Speaks::Oauth, scenario.clone()).await;
    let request = stage.widget(PiiOrder::default());
    assert!(stage.look(&request).await.is_ok());
    assert_eq!(stage.civic.tokens().issued, 2);
    scenario.revokes_tokens = 2;
    let stage = Stage::with(Speaks::Oauth, scenario).await;
    let request = stage.widget(PiiOrder::default());
    assert!(is_misconfigured(&stage.look(&request).await));
    assert_eq!(stage.civic.tokens().issued, 2);
    // What was wrong has passed.
    stage.wait(60);
    assert!(stage.look(&request).await.is_ok());
}

#[tokio::test]
async fn a_request_that_turns_every_token_away_costs_no_more_than_one_a_minute() {
    let mut scenario = CivicPassScenario::named("ready").unwrap();
    let unauthorised = AnswerTrouble::http(401);
    scenario.answers.push(AnswerFault {
        endpoint: Some(CivicPassEndpoint::Request),
        ..AnswerFault::always(unauthorised)
    });
    let shut = PiiOrder {
        scenario: Some(scenario),
        ..PiiOrder::default()
    };
    let stage = Stage::set(Speaks::Oauth, "ready").await;
    let shut = stage.widget(shut);
    for (wait, issued) in [(0, 2), (0, 2), (59, 2), (1, 3), (0, 3), (59, 3), (1, 4)] {
        stage.wait(wait);
        for _ in 0..3 {
            assert!(is_misconfigured(&stage.look(&shut).await));
        }
        assert_eq!(stage.civic.tokens().issued, issued);
    }
    // Others are let in all the while.
    let other = stage.widget(PiiOrder::default());
    assert!(stage.look(&other).await.is_ok());
    assert_eq!(stage.civic.tokens().issued, 4);
    // A token that was revoked since is replaced at the next try after that minute.
    stage.civic.revoke_tokens();
    stage.wait(60);
    assert!(stage.look(&other).await.is_ok());
}

#[tokio::test]
async fn those_who_wait_for_a_token_are_told_how_that_one_request_failed() {
    let stage = Stage::set(Speaks::Oauth, "ready+token-down").await;
    let requests: Vec<_> = (0..20).map(|_| stage.widget(PiiOrder::default())).collect();
    for asked in 1..=2 {
        // All of them need a token before the first one is answered.
        let looks = requests.iter().map(|request| stage.look(request));
        for outcome in join_all(looks).await {
            let is_down = matches!(outcome, Err(ProviderError::Overloaded { .. }));
            assert!(is_down, "{outcome:?}");
        }
        assert_eq!(stage.civic.tokens().asked, asked);
    }
}

#[tokio::test]
async fn credentials_that_civic_does_not_know_are_a_misconfiguration() {
    let stage = Stage::set(Speaks::Oauth, "ready").await;
    let request = stage.widget(PiiOrder::default());
    for number in 0..3 {
        let wrong = stage.other(|settings| {
            if let Generation::Oauth { client, .. } = &mut settings.generation {
                match number {
                    0 => client.client_id = "another".to_owned(),
                    1 => client.client_secret = Pii::from("another"),
                    _ => client.audience = "https://another.example".to_owned(),
                }
            }
        });
        assert!(is_misconfigured(&look_by(&wrong, &request, "").await));
    }
    assert_eq!(stage.civic.tokens().issued, 0);
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_says_what_may_be_done_next() {
    let stage = Stage::set(Speaks::Oauth, "ready+token-down").await;
    let request = stage.widget(PiiOrder::default());
    let outcome = stage.look(&request).await;
    assert!(matches!(outcome, Err(ProviderError::Overloaded { .. })));
    let stage = Stage::set(Speaks::Oauth, "ready+token-busy").await;
    let request = stage.widget(PiiOrder::default());
    let outcome = stage.look(&request).await;
    assert!(matches!(outcome, Err(ProviderError::Busy { .. })));
    assert!(stage.look(&request).await.is_ok());
}
