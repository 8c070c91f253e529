//! Questions that change nothing at the provider, asked while the network or the provider fails: what a
//! user holds, and what was noted. A failure says what may be done next, and the question can be asked
//! again.

use super::Bench;
use super::stage::Stage;
use super::unanswered::each_says_what_may_be_done_next;
use crate::{Capability, Facade, HistoryRequest, ProviderError};

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

/// However it is not answered, it can be asked again.
pub async fn a_question_that_is_not_answered_says_what_may_be_done_next<B: Bench>() {
    for question in [Question::Availability, Question::History] {
        let stage = Stage::<B>::new().await;
        if !stage.has(question.needs()) {
            continue;
        }
        stage.played_out().await;
        each_says_what_may_be_done_next(&stage, async |facade| ask(&stage, facade, question).await)
            .await;
    }
}
