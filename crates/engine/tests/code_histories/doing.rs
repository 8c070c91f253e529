//! What users, pages and callers do, and what they must be answered.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use verilane_core::decide::PageEvent;
use verilane_core::{EventKind, Pii, Principal, Reason, SUBJECT_ID, State};
use verilane_engine::{
    Brought, ContinueVerification, CreateVerification, EngineError, Expire, RetryVerification,
    VerificationView,
};
use verilane_provider::{Continuation, deadline};

use crate::histories::playing::Outcome;
use crate::history::{Cause, History};
use crate::model::{Code, Verification};
use crate::stage::codes::{Grant, code};
use crate::stage::{access, codes_connection, field};
use crate::steps::{Approval, LIFE, Step, USERS};

type Answer = Result<VerificationView, EngineError>;

/// Why a call was refused, as its caller is told.
fn reason(error: &EngineError) -> Reason {
    let violation = error.violations.first();
    violation.map_or(error.reason, |violation| violation.reason)
}

impl History {
    fn is_answered(&self, v: usize, answer: Answer, expected: Result<(), Reason>) -> Outcome {
        let answered = answer.as_ref().map(|_| ()).map_err(reason);
        if answered == expected {
            return Ok(());
        }
        Err(format!("{v} is answered {answered:?}, not {expected:?}"))
    }

    pub async fn create(&mut self, step: &Step) -> Outcome {
        let &Step::Create {
            user,
            lifetime,
            ttl,
            most,
        } = step
        else {
            return Ok(());
        };
        let subject = user.map(|user| format!("{SUBJECT_ID}{}", USERS[user]));
        let request = CreateVerification {
            connection: codes_connection(),
            subject: Pii::new(subject.unwrap_or_default()),
            claims: vec![field("MAIL", true), field("PHONE", false)],
            expire: Expire::After(Duration::from_secs(ttl)),
            action_lifetime: Some(Duration::from_secs(lifetime)),
            max_attempts: Some(most),
            ..crate::stage::request("")
        };
        let v = self.verifications.len();
        self.causes.extend(
            [EventKind::Created, EventKind::ActionAvailable].map(|kind| Cause::of(v, kind)),
        );
        let created = self.running().engine.create(request).await;
        let row = created.map_err(|error| error.to_string())?.row;
        self.ids.push(row.id);
        self.verifications.push(Verification {
            user,
            expires: row.expire_time,
            lifetime: Duration::from_secs(lifetime),
            most,
            attempts: Vec::new(),
            revision: 0,
            claims: None,
            moved: row.update_time,
        });
        Ok(())
    }

    pub async fn retry(&mut self, v: usize) -> Outcome {
        let request = RetryVerification {
            principal: Principal::anonymous(),
            request_id: None,
            verification: self.ids[v],
            expected: None,
            access: access(),
            action_lifetime: Some(self.verifications[v].lifetime),
            without_picture: false,
        };
        let is_retryable = self.verifications[v].is_retryable(self.now());
        if is_retryable {
            let kinds = [EventKind::AttemptStarted, EventKind::ActionAvailable];
            self.causes.extend(kinds.map(|kind| Cause::of(v, kind)));
        }
        let retried = self.running().engine.retry(request).await;
        if retried.is_ok() == is_retryable {
            return Ok(());
        }
        Err(format!("{v} is retried: {retried:?}"))
    }

    pub async fn cancel(&mut self, v: usize) -> Outcome {
        let expected = match self.verifications[v].state().0 {
            State::Verified => Err(Reason::AlreadyVerified),
            State::Cancelled => Ok(()),
            _ => {
                self.causes.push_back(Cause::of(v, EventKind::Cancelled));
                Ok(())
            }
        };
        let (principal, access) = (Principal::anonymous(), access());
        let engine = &self.running().engine;
        let cancelled = engine.cancel(self.ids[v], None, &principal, &access).await;
        self.is_answered(v, cancelled, expected)
    }

    /// A user approves, and the page is given a code.
    pub fn approve(&mut self, grants: Approval) {
        let name = format!("c{}", self.codes.len());
        let said = Some((true, !grants.is_refuted));
        let mut grant = Grant {
            is_large: grants.is_large,
            ..Grant::of(USERS[grants.user])
        };
        grant.items[0].2 = said;
        if grants.lacks {
            grant.items.remove(0);
        }
        self.lasting.codes.grants(&name, grant);
        self.codes.push(Code {
            name,
            until: self.now() + Duration::from_secs(LIFE),
            grants,
            holder: None,
        });
    }

    fn request(&self, v: usize, brought: Brought) -> ContinueVerification {
        ContinueVerification {
            principal: Principal::anonymous(),
            verification: self.ids[v],
            expected: None,
            access: access(),
            brought,
        }
    }

    /// A page hands a code in, and nobody waits for what comes of it.
    pub async fn continue_with(&mut self, v: usize, c: usize) -> Outcome {
        let now = self.now();
        let (name, until) = (self.codes[c].name.clone(), self.codes[c].until);
        let newest = self.verifications[v].attempts.last().unwrap();
        let is_open = self.verifications[v]
            .waits_until()
            .is_some_and(|until| now < until);
        let expected = match self.codes[c].holder {
            // Handed in again, it need not hold any more.
            Some((holder, _)) if holder == v => Ok(()),
            _ if now > until => Err(Reason::AuthCodeExpired),
            Some(_) => Err(Reason::ContinuationTaken),
            None if newest.was_handed => Err(Reason::AlreadyContinued),
            None if !is_open => Err(Reason::NotContinuable),
            None => {
                let attempt = self.verifications[v].attempts.len() - 1;
                self.codes[c].holder = Some((v, attempt));
                self.causes.push_back(Cause {
                    code: Some(c),
                    ..Cause::of(v, EventKind::Continued)
                });
                Ok(())
            }
        };
        let brought = Continuation::AuthorizationCode(Pii::new(code(&name, until)));
        let request = self.request(v, Brought::Continuation(brought));
        let call = self.running().engine.continue_verification(request);
        let call = deadline::within(Instant::now(), call);
        // The process may die of it.
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(answer) => self.is_answered(v, answer, expected),
            Err(_) => Ok(()),
        }
    }

    pub async fn page_tells(&mut self, v: usize, event: &PageEvent) -> Outcome {
        let now = self.now();
        let is_open = self.verifications[v]
            .waits_until()
            .is_some_and(|until| now < until);
        let newest = self.verifications[v].newest();
        let expected = if newest.told.contains(&event.identity()) {
            Ok(())
        } else if is_open {
            newest.told.insert(event.identity());
            let kind = match event {
                PageEvent::Seen => EventKind::RequestSeen,
                PageEvent::Declined => EventKind::RequestDeclined,
                PageEvent::Error(_) => EventKind::PageError,
            };
            self.causes.push_back(Cause::of(v, kind));
            Ok(())
        } else {
            Err(Reason::NotContinuable)
        };
        let brought = Brought::Page(event.clone(), Pii::from("words"));
        let request = self.request(v, brought);
        let answer = self.running().engine.continue_verification(request).await;
        self.is_answered(v, answer, expected)
    }
}
