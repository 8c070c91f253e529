//! What callers do to the service, and what they must be answered.

use std::time::Duration;

use verilane_core::{
    ClaimRequest, ClaimSelector, Decision, Pii, Principal, Reason, Revision, State,
};
use verilane_engine::{
    AccessContext, Brought, Continuation, ContinueVerification, CreateVerification, EngineError,
    Expire, RetryVerification, ReviewVerification, VerificationView,
};

use crate::civic::{WALLETS, id_of};
use crate::histories::playing::Outcome;
use crate::history::History;
use crate::model::{Cause, Wish};
use crate::service::connection;
use crate::steps::{Expects, Step};

pub fn access() -> AccessContext {
    AccessContext {
        purpose: Pii::from("opening an account"),
        ..AccessContext::default()
    }
}

fn field(name: &str, required: bool) -> ClaimRequest {
    ClaimRequest {
        selector: ClaimSelector::ProviderField(name.to_owned()),
        required,
    }
}

impl History<'_> {
    pub async fn create(&mut self, step: Step) -> Outcome {
        let Step::Create {
            via,
            subject,
            lifetime,
            ttl,
            most,
            needs_picture,
        } = step
        else {
            return Ok(());
        };
        self.requests += 1;
        let wallet = |owner: usize| format!("wallet:{}", WALLETS[owner]);
        let wish = Wish {
            via,
            subject,
            lifetime: Duration::from_secs(lifetime),
            ttl: Duration::from_secs(ttl),
            most: most as usize,
        };
        let request = CreateVerification {
            principal: Principal::anonymous(),
            request_id: Some(format!("request {}", self.requests)),
            connection: connection(via),
            subject: Pii::new(subject.map(wallet).unwrap_or_default()),
            subject_ref: None,
            claims: vec![
                field("email", true),
                field("evidence-selfie", needs_picture),
            ],
            scope: None,
            labels: Vec::new(),
            access: access(),
            expire: Expire::After(wish.ttl),
            action_lifetime: Some(wish.lifetime),
            max_attempts: Some(most),
            without_picture: false,
            trace_parent: None,
        };
        self.causes.push_back(Cause::Create(wish));
        let created = self.running().engine.create(request).await;
        self.settle().await?;
        self.is_answered(created, Ok(self.ids.len() - 1))
    }

    pub async fn retry(&mut self, v: usize) -> Outcome {
        self.requests += 1;
        let lifetime = self.model.verifications[v].lifetime;
        let request = RetryVerification {
            principal: Principal::anonymous(),
            request_id: Some(format!("request {}", self.requests)),
            verification: self.ids[v],
            expected: None,
            access: access(),
            action_lifetime: Some(lifetime),
            without_picture: true,
        };
        let expected = match self.model.not_retryable(v, self.now()) {
            Some(reason) => Err(reason),
            None => Ok(Some(Cause::Retry(v, lifetime))),
        };
        let expected = self.will(v, expected);
        let answered = self.running().engine.retry(request).await;
        self.settle().await?;
        self.is_answered(answered, expected)
    }

    pub async fn cancel(&mut self, v: usize) -> Outcome {
        let expected = match self.model.state(v).0 {
            State::Verified => Err(Reason::AlreadyVerified),
            State::Cancelled => Ok(None),
            _ if self.model.is_pending(v) => Err(Reason::DecisionPending),
            _ => Ok(Some(Cause::Cancel(v))),
        };
        let expected = self.will(v, expected);
        let (engine, nobody) = (&self.running().engine, Principal::anonymous());
        let answered = engine.cancel(self.ids[v], None, &nobody, &access()).await;
        self.settle().await?;
        self.is_answered(answered, expected)
    }

    /// Hands a request in, or nonsense.
    pub async fn continue_with(
        &mut self,
        v: usize,
        request: Option<usize>,
        expects: Expects,
    ) -> Outcome {
        let brought = request.map_or("../../status".to_owned(), id_of);
        let expected = self.comes_of_continuing(v, request, expects);
        let expected = self.will(v, expected);
        let request = ContinueVerification {
            principal: Principal::anonymous(),
            verification: self.ids[v],
            expected: self.revision(v, expects),
            access: access(),
            brought: Brought::Continuation(Continuation::PresentationRequest(Pii::new(brought))),
        };
        let answered = self.running().engine.continue_verification(request).await;
        self.settle().await?;
        self.is_answered(answered, expected)
    }

    fn comes_of_continuing(
        &self,
        v: usize,
        request: Option<usize>,
        expects: Expects,
    ) -> Result<Option<Cause>, Reason> {
        let request = request.ok_or(Reason::ContinuationMalformed)?;
        if let Some(holder) = self.model.holders.get(&request) {
            let own = self.model.attempts[*holder].of == v;
            return own.then_some(None).ok_or(Reason::ContinuationTaken);
        }
        if expects == Expects::Older {
            return Err(Reason::RevisionMismatch);
        }
        let a = self.model.newest(v);
        let attempt = &self.model.attempts[a];
        let is_open = attempt.state().0 == State::Pending
            && self.model.due(a).is_some_and(|(_, due)| self.now() < due);
        if attempt.request.is_some() {
            Err(Reason::AlreadyContinued)
        } else if is_open {
            Ok(Some(Cause::Continue { v, request }))
        } else {
            Err(Reason::NotContinuable)
        }
    }

    pub async fn review(&mut self, v: usize, decision: Decision, expects: Expects) -> Outcome {
        let attempt = &self.model.attempts[self.model.newest(v)];
        let decided = attempt.review.and_then(|review| review.decided);
        let expected = match decided {
            Some(before) if before == decision => Ok(None),
            Some(_) => Err(Reason::ReviewDecidedOtherwise),
            None if attempt.state().0 != State::InReview => Err(Reason::ReviewNotOpen),
            None if expects == Expects::Older => Err(Reason::RevisionMismatch),
            None => Ok(Some(Cause::Review { v, decision })),
        };
        let expected = self.will(v, expected);
        let request = ReviewVerification {
            principal: Principal::anonymous(),
            verification: self.ids[v],
            expected: self.revision(v, expects),
            access: access(),
            decision,
            reason: Pii::from("as it looks"),
        };
        let answered = self.running().engine.review_verification(request).await;
        self.settle().await?;
        self.is_answered(answered, expected)
    }

    fn revision(&self, v: usize, expects: Expects) -> Option<Revision> {
        let revision = self.model.verifications[v].revision;
        match expects {
            Expects::Nothing => None,
            Expects::Newest => Some(Revision(revision)),
            Expects::Older => Some(Revision(revision - 1)),
        }
    }

    /// Notes what a caller will bring about, and what he is answered.
    fn will(&mut self, v: usize, expected: Result<Option<Cause>, Reason>) -> Result<usize, Reason> {
        self.causes.extend(expected?);
        Ok(v)
    }

    fn is_answered(
        &self,
        answered: Result<VerificationView, EngineError>,
        expected: Result<usize, Reason>,
    ) -> Outcome {
        let got = answered.map(|view| view.row.id);
        // What is wrong with one field, that field's violation says.
        let got = got.map_err(|error| match error.violations.first() {
            Some(violation) => violation.reason,
            None => error.reason,
        });
        let expected = expected.map(|v| self.ids[v]);
        if got == expected {
            return Ok(());
        }
        Err(format!("a caller is answered {got:?}, not {expected:?}"))
    }
}
