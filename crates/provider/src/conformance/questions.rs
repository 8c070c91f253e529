//! Questions that change nothing at the provider, asked while the network or the provider fails: what a
//! user holds, and what was noted. A failure says what may be done next, and the question can be asked
//! again.

use std::time::Duration;

use super::answers::is_unclear;
use super::stage::Stage;
use super::{Bench, Upset};
use crate::{Capability, Facade, HistoryRequest, ProviderError};

/// How long an impatient caller waits.
const SHORT: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug)]
enum Question {
    Availability,
    History,
}

impl Question {
    const fn needs(self) -> Capability {
        match self {
            Self::Availability => Capability::Availability,
            Self::History => Capability::History,
        }
    }
}

/// Asks, and tells how much was answered.
async fn ask<B: Bench>(
    stage: &Stage<B>,
    facade: &Facade,
    question: Question,
) -> Result<usize, ProviderError> {
    let fields = stage.fields();
    match question {
        Question::Availability => {
            let answer = facade.check_availability(&stage.prepared).await?;
            Ok(answer.held.len())
        }
        Question::History => {
            let request = HistoryRequest {
                subject: &stage.prepared.subject,
                fields: &fields,
            };
            Ok(facade.history(&request).await?.len())
        }
    }
}

/// 429 and 503 ask for time; faults, silence, cuts and halves tell nothing; all can be asked again.
pub async fn a_question_that_is_not_answered_says_what_may_be_done_next<B: Bench>() {
    const WAIT: &str = "retry-after: 7\r\n";
    for question in [Question::Availability, Question::History] {
        let stage = Stage::<B>::new().await;
        if !stage.has(question.needs()) {
            continue;
        }
        stage.played_out().await;
        let whole = ask(&stage, &stage.facade, question).await.unwrap();
        let page = || b"<html>not now</html>".to_vec();
        let mut upsets = vec![Upset::Cut, Upset::CutAfter, Upset::Half];
        for status in [408, 429, 500, 502, 503, 504] {
            upsets.push(Upset::Answered(status, WAIT, page()));
            upsets.push(Upset::AnsweredAfter(status, WAIT, page()));
        }
        for upset in upsets {
            stage.front.upset(upset.clone());
            let failure = ask(&stage, &stage.facade, question).await;
            let failure = failure.expect_err("it failed");
            let fits = match &upset {
                Upset::Answered(429, ..) | Upset::AnsweredAfter(429, ..) => {
                    matches!(failure, ProviderError::Busy { .. })
                }
                Upset::Answered(503, ..) | Upset::AnsweredAfter(503, ..) => {
                    matches!(failure, ProviderError::Overloaded { .. })
                }
                _ => is_unclear(&failure),
            };
            assert!(fits, "{question:?}, {upset:?}: {failure:?}");
            let again = ask(&stage, &stage.facade, question).await.unwrap();
            assert_eq!(again, whole, "{question:?} after {upset:?}");
        }
        let impatient = stage.impatient(SHORT);
        for silent in [Upset::Silence, Upset::SilenceAfter] {
            stage.front.upset(silent.clone());
            let failure = ask(&stage, &impatient, question).await;
            let failure = failure.expect_err("nobody answered");
            assert!(is_unclear(&failure), "{silent:?}: {failure:?}");
            let again = ask(&stage, &stage.facade, question).await.unwrap();
            assert_eq!(again, whole, "{question:?} after {silent:?}");
        }
    }
}
