//! Every way in which a call is not answered, and what a plug-in has to make of each: one table for
//! all calls. After each the call can be made again, and comes to the same as ever.

use std::fmt::Debug;
use std::time::Duration;

use super::stage::Stage;
use super::{Bench, Upset};
use crate::{Facade, ProviderError};

/// How long an impatient caller waits.
const SHORT: Duration = Duration::from_millis(300);
/// What goes with each status.
const WAIT: &str = "retry-after: 7\r\n";
const ASKED_TO_WAIT: Option<Duration> = Some(Duration::from_secs(7));

/// What makes no sense as an answer to anything.
pub(super) fn nonsense() -> [Vec<u8>; 9] {
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 9] = [
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
    bodies.map(<[u8]>::to_vec)
}

pub(super) fn is_unclear(failure: &ProviderError) -> bool {
    matches!(failure, ProviderError::Unclear) && failure.is_retryable() && !failure.never_left()
}

/// 429 and 503 ask for time; a gateway's or a server's fault, silence, cuts and halves tell nothing
/// about the request; who is not let in, or finds nothing, need not ask again.
fn fits(upset: &Upset, failure: &ProviderError) -> bool {
    match upset {
        Upset::Answered(429, ..) | Upset::AnsweredAfter(429, ..) => {
            matches!(failure, ProviderError::Busy { .. }) && failure.retry_after() == ASKED_TO_WAIT
        }
        Upset::Answered(503, ..) | Upset::AnsweredAfter(503, ..) => {
            let is_known = matches!(failure, ProviderError::Overloaded { .. });
            is_known && failure.retry_after() == ASKED_TO_WAIT
        }
        Upset::Answered(403 | 404 | 410, ..) => !failure.is_retryable(),
        _ => is_unclear(failure),
    }
}

/// Makes a call against each of them, and each time again in peace. What the call tells has to be
/// the same every time; a call that can have an effect tells of that too.
pub(super) async fn each_says_what_may_be_done_next<B: Bench, T: Debug + PartialEq>(
    stage: &Stage<B>,
    call: impl AsyncFn(&Facade) -> Result<T, ProviderError>,
) {
    let impatient = stage.impatient(SHORT);
    let mut upsets = vec![
        (Upset::Cut, &stage.facade),
        (Upset::CutAfter, &stage.facade),
        (Upset::Half, &stage.facade),
        (Upset::Silence, &impatient),
        (Upset::SilenceAfter, &impatient),
    ];
    for status in [429, 503, 408, 500, 502, 504] {
        let body = b"<html>not now</html>".to_vec();
        let before = Upset::Answered(status, WAIT, body.clone());
        let after = Upset::AnsweredAfter(status, WAIT, body);
        upsets.extend([(before, &stage.facade), (after, &stage.facade)]);
    }
    for status in [403, 404, 410] {
        let refused = Upset::Answered(status, "", Vec::new());
        upsets.push((refused, &stage.facade));
    }
    let mut told = None;
    for (upset, facade) in upsets {
        stage.front.upset(upset.clone());
        let Err(failure) = call(facade).await else {
            panic!("{upset:?} was taken for an answer");
        };
        assert!(fits(&upset, &failure), "{upset:?}: {failure:?}");
        let again = call(&stage.facade).await;
        let again = again.unwrap_or_else(|failure| panic!("after {upset:?}: {failure:?}"));
        match &told {
            Some(told) => assert_eq!(again, *told, "after {upset:?}"),
            None => told = Some(again),
        }
    }
}
