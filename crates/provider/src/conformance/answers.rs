//! Answers to a start other than the one hoped for: none, nonsense, one without end, a redirect. After
//! each it can be made again, and has one effect.

use super::stage::Stage;
use super::unanswered::{each_says_what_may_be_done_next, nonsense};
use super::{Bench, Upset};
use crate::{Capability, ProviderError};

/// Asks to start against an upset network; then again, in peace.
async fn upset<B: Bench>(stage: &Stage<B>, upset: Upset) -> ProviderError {
    stage.front.upset(upset.clone());
    let outcome = stage.start().await;
    let Err(failure) = outcome else {
        panic!("{upset:?}: {outcome:?}");
    };
    failure
}

async fn goes_on<B: Bench>(stage: &Stage<B>, after: &str) {
    let outcome = stage.start().await;
    assert!(outcome.is_ok(), "after {after}: {outcome:?}");
    assert_eq!(stage.bench.held(), 1, "after {after}");
}

/// However it is not answered, it can be made again, and has one effect.
pub async fn a_start_that_is_not_answered_says_what_may_be_done_next<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    each_says_what_may_be_done_next(&stage, async |facade| {
        let started = stage.start_by(facade).await?;
        Ok((started.action.expire_time(), stage.bench.held()))
    })
    .await;
    assert_eq!(stage.bench.held(), 1);
    let failure = upset(&stage, Upset::Answered(401, "", Vec::new())).await;
    assert!(!failure.is_retryable(), "{failure:?}");
}

/// A success that makes no sense is no success, and asking again would not help.
pub async fn an_answer_that_is_nonsense_is_not_believed<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    for body in nonsense() {
        let failure = upset(&stage, Upset::Answered(200, "", body.clone())).await;
        let text = String::from_utf8_lossy(body.get(..20).unwrap_or(&body)).into_owned();
        assert!(!failure.is_retryable(), "{text}: {failure:?}");
        if stage.has(Capability::Availability) {
            stage.front.upset(Upset::Answered(200, "", body));
            let outcome = stage.facade.check_availability(&stage.prepared).await;
            assert!(outcome.is_err(), "{text}: {outcome:?}");
        }
    }
    goes_on(&stage, "nonsense").await;
}

/// No more is taken than fits a cap, whatever is announced.
pub async fn an_answer_without_end_is_not_read<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let failure = upset(&stage, Upset::Endless).await;
    assert!(
        matches!(failure, ProviderError::InvalidAnswer(_)),
        "{failure:?}"
    );
    goes_on(&stage, "an endless answer").await;
}

/// Where nobody listens nothing can have been carried out.
pub async fn a_provider_that_is_not_there_was_not_asked<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let Stage {
        front,
        bench,
        receiver,
        clock,
        facade,
        prepared,
    } = stage;
    front.goes().await;
    let stage = Stage {
        front: super::Front::new().await,
        bench,
        receiver,
        clock,
        facade,
        prepared,
    };
    let failure = stage.start().await.unwrap_err();
    assert!(matches!(failure, ProviderError::NotSent), "{failure:?}");
    assert!(failure.never_left() && failure.is_retryable());
    assert_eq!(stage.bench.held(), 0);
}

/// The plug-in asks where it was told to, and nowhere else.
pub async fn a_redirect_is_not_followed<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    for status in [301, 302, 307, 308] {
        let header = "location: /elsewhere\r\n";
        let before = stage.front.requests();
        let failure = upset(&stage, Upset::Answered(status, header, Vec::new())).await;
        assert!(!failure.is_retryable(), "{status}: {failure:?}");
        assert_eq!(stage.front.requests(), before + 1, "{status}");
    }
}
