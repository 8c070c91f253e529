//! Answers other than the one hoped for: statuses, silence, broken connections, halves, nonsense.
//! After each the call can be made again, and has one effect.

use std::time::Duration;

use super::stage::Stage;
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

pub(super) fn is_unclear(failure: &ProviderError) -> bool {
    matches!(failure, ProviderError::Unclear) && failure.is_retryable() && !failure.never_left()
}

/// 429 and 503 ask for time; a gateway's or a server's fault tells nothing about the request.
pub async fn an_answer_that_is_no_success_says_what_may_be_done_next<B: Bench>() {
    const WAIT: &str = "retry-after: 7\r\n";
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    for status in [429, 503, 408, 500, 502, 504] {
        let body = b"<html>not now</html>".to_vec();
        let sides = [
            Upset::Answered(status, WAIT, body.clone()),
            Upset::AnsweredAfter(status, WAIT, body),
        ];
        for side in sides {
            let failure = upset(&stage, side).await;
            let fits = match status {
                429 => matches!(failure, ProviderError::Busy { .. }),
                503 => matches!(failure, ProviderError::Overloaded { .. }),
                _ => is_unclear(&failure),
            };
            assert!(fits, "{status}: {failure:?}");
            if matches!(status, 429 | 503) {
                assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
            }
            goes_on(&stage, "a status").await;
        }
    }
    for status in [401, 403, 404] {
        let failure = upset(&stage, Upset::Answered(status, "", Vec::new())).await;
        assert!(!failure.is_retryable(), "{status}: {failure:?}");
    }
}

/// The call ends in its time, whatever the other side does, and may have been carried out.
pub async fn an_answer_that_never_comes_is_unclear_in_time<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let impatient = stage.impatient(Duration::from_millis(300));
    for silence in [Upset::Silence, Upset::SilenceAfter] {
        stage.front.upset(silence.clone());
        let failure = stage.start_by(&impatient).await.unwrap_err();
        assert!(is_unclear(&failure), "{silence:?}: {failure:?}");
        goes_on(&stage, "silence").await;
    }
}

/// A request that was on its way may have been carried out.
pub async fn a_connection_that_breaks_is_unclear<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    for cut in [Upset::Cut, Upset::CutAfter] {
        let failure = upset(&stage, cut.clone()).await;
        assert!(is_unclear(&failure), "{cut:?}: {failure:?}");
        goes_on(&stage, "a broken connection").await;
    }
}

/// Half an answer is none.
pub async fn an_answer_cut_in_half_is_not_believed<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let failure = upset(&stage, Upset::Half).await;
    assert!(is_unclear(&failure), "{failure:?}");
    goes_on(&stage, "half an answer").await;
    if stage.has(Capability::Availability) {
        stage.front.upset(Upset::Half);
        let outcome = stage.facade.check_availability(&stage.prepared).await;
        assert!(is_unclear(&outcome.unwrap_err()));
    }
}

/// A success that makes no sense is no success, and asking again would not help.
pub async fn an_answer_that_is_nonsense_is_not_believed<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let deep = "[".repeat(100_000);
    let nonsense: [&[u8]; 9] = [
        b"",
        b" ",
        b"null",
        b"{}",
        b"[]",
        b"7",
        b"<html>welcome</html>",
        b"\xff\xfe\x00",
        deep.as_bytes(),
    ];
    for body in nonsense {
        let failure = upset(&stage, Upset::Answered(200, "", body.to_vec())).await;
        let text = String::from_utf8_lossy(body.get(..20).unwrap_or(body)).into_owned();
        assert!(!failure.is_retryable(), "{text}: {failure:?}");
        if stage.has(Capability::Availability) {
            stage.front.upset(Upset::Answered(200, "", body.to_vec()));
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
