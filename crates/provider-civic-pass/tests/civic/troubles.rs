//! Answers other than the one hoped for: each says what may be done next, and a further look succeeds.

use std::time::Duration;

use verilane_core::Reason;
use verilane_provider::ProviderError;
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicPassEndpoint, CivicPassScenario, PiiOrder,
};

use crate::stage::{BOTH, Speaks, Stage};

#[tokio::test]
async fn only_what_is_not_there_is_unknown_and_any_other_refusal_is_trouble() {
    for (code, expected) in [
        (404, Reason::ProviderRefused),
        (410, Reason::ProviderRefused),
        (401, Reason::ConnectionMisconfigured),
        (403, Reason::ConnectionMisconfigured),
        (400, Reason::ProviderUnavailable),
        (409, Reason::ProviderUnavailable),
        (422, Reason::ProviderUnavailable),
        (425, Reason::ProviderUnavailable),
    ] {
        let trouble = AnswerTrouble::Http {
            code,
            retry_after: None,
            text: "no".to_owned(),
            handled: false,
        };
        let mut scenario = CivicPassScenario::named("ready").unwrap();
        scenario.answers.push(AnswerFault {
            endpoint: Some(CivicPassEndpoint::Request),
            ..AnswerFault::always(trouble)
        });
        let stage = Stage::with(Speaks::Oauth, scenario).await;
        let request = stage.widget(PiiOrder::default());
        let outcome = stage.look(&request).await;
        let Err(ProviderError::Refused { reason, .. }) = outcome else {
            panic!("{code}: {outcome:?}");
        };
        assert_eq!(reason, expected, "{code}");
    }
}

#[tokio::test]
async fn trouble_passes_and_says_what_it_was() {
    let second = Duration::from_secs(1);
    for names in ["busy", "errors", "gateway-timeouts", "half-answers"] {
        for speaks in BOTH {
            let stage = Stage::set(speaks, &format!("ready+{names}")).await;
            let request = stage.widget(PiiOrder::default());
            let mut failures = 0;
            while let Err(failure) = stage.look(&request).await {
                let fits = match &failure {
                    ProviderError::Busy { retry_after } => {
                        names == "busy" && *retry_after == Some(second)
                    }
                    ProviderError::Unclear => names != "busy",
                    _ => false,
                };
                assert!(fits, "{names}: {failure:?}");
                failures += 1;
            }
            // Twice or once, of the request and perhaps of the token.
            assert!((1..=4).contains(&failures), "{names}: {failures}");
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_one_that_takes_too_long_is_unclear() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "ready+slow").await;
        let request = stage.widget(PiiOrder::default());
        let impatient = stage.other(|settings| settings.request_timeout_seconds = 1);
        let outcome = crate::stage::look_by(&impatient, &request, "").await;
        assert!(matches!(outcome, Err(ProviderError::Unclear)));
        assert!(stage.look(&request).await.is_ok());
    }
}

#[tokio::test]
async fn a_provider_that_is_down_was_not_heard() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "ready").await;
        let request = stage.widget(PiiOrder::default());
        stage.civic.go_down(None);
        let outcome = stage.look(&request).await;
        assert!(outcome.is_err_and(|error| error.is_retryable()));
        stage.civic.come_up();
        assert!(stage.look(&request).await.is_ok());
    }
}
