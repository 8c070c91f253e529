//! Several attempts: retrying one verification, joining another, taking over what an earlier attempt
//! left at the provider, and whose a call on a shared path is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod adopting;
mod crowded;
mod joining;
mod replacing;
mod retrying;
mod sharing;
mod watching;

use verilane_core::{JobKind, Principal, VerificationId};
use verilane_engine::{CreateVerification, EngineError, RetryVerification, VerificationView};

use stage::{MINUTE, Play, SECOND, Stage};

/// A request for the e-mail address of a user, in so many attempts.
pub fn request(subject: &str, attempts: u32) -> CreateVerification {
    CreateVerification {
        max_attempts: Some(attempts),
        ..stage::request(subject)
    }
}

/// A new attempt of a verification.
pub fn again(verification: VerificationId) -> RetryVerification {
    RetryVerification {
        principal: Principal::anonymous(),
        request_id: None,
        verification,
        expected: None,
        access: stage::access(),
        action_lifetime: None,
        without_picture: false,
    }
}

impl Play {
    pub async fn retry(&self, id: VerificationId) -> Result<VerificationView, EngineError> {
        self.engine.retry(again(id)).await
    }

    pub async fn cancel(&self, id: VerificationId) {
        let (principal, access) = (Principal::anonymous(), stage::access());
        self.engine
            .cancel(id, None, &principal, &access)
            .await
            .unwrap();
    }

    /// Lets the newest attempt's action expire.
    pub async fn expire(&mut self, stage: &Stage) {
        let told = self.log().await.len();
        stage.clock.advance(10 * MINUTE + SECOND);
        self.run_jobs();
        self.until(|log| {
            log[told..]
                .iter()
                .any(|e| e.body.kind.as_str() == "EXPIRED")
        })
        .await;
        self.stop_jobs().await;
    }

    /// The kinds of all events.
    pub async fn kinds(&self) -> Vec<&'static str> {
        self.log()
            .await
            .iter()
            .map(|event| event.body.kind.as_str())
            .collect()
    }

    pub async fn has_job(&self, kind: JobKind) -> bool {
        let jobs = self
            .store
            .due_jobs(verilane_core::Timestamp::MAX, 100)
            .await
            .unwrap();
        jobs.iter().any(|job| job.key.kind == kind)
    }
}
