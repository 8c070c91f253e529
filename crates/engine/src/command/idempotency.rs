//! Repeats of a call that makes something: the same request under the same id is answered with what
//! the first one made, or joined; another request under it is refused.
//!
//! Kept are keyed digests only: of principal and request id, and of everything the request says.

use verilane_core::{
    AttemptNumber, BlindIndex, ClaimSelector, IdempotencyRecord, Principal, Reason, VerificationId,
};
use verilane_vault::IndexKind;
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::{CreateVerification, EngineError, Expire, RetryVerification, VerificationView};

/// A request id in use.
pub(super) struct RequestDigest {
    pub key: BlindIndex,
    pub body: BlindIndex,
}

impl Engine {
    pub(super) fn digest(&self, request: &CreateVerification) -> Option<RequestDigest> {
        self.digest_of(&request.principal, request.request_id.as_deref(), || {
            said(request)
        })
    }

    pub(super) fn digest_of_retry(&self, request: &RetryVerification) -> Option<RequestDigest> {
        self.digest_of(&request.principal, request.request_id.as_deref(), || {
            said_to_retry(request)
        })
    }

    fn digest_of(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        said: impl FnOnce() -> Vec<Zeroizing<Vec<u8>>>,
    ) -> Option<RequestDigest> {
        let vault = self.keys.vault();
        let who = [principal.as_str().as_bytes(), request_id?.as_bytes()];
        let said = said();
        let parts: Vec<&[u8]> = said.iter().map(|part| part.as_slice()).collect();
        Some(RequestDigest {
            key: vault.index(IndexKind::RequestId, &who),
            body: vault.index(IndexKind::Request, &parts),
        })
    }

    pub(super) fn remember(
        &self,
        digest: &RequestDigest,
        verification: VerificationId,
        attempt: AttemptNumber,
        joined: bool,
    ) -> IdempotencyRecord {
        IdempotencyRecord {
            key: digest.key,
            body: digest.body,
            verification,
            attempt,
            joined,
            expire_time: self.now() + self.config.idempotency_retention,
        }
    }

    /// What an earlier call with this request id made or joined; none if there was none.
    pub(super) async fn repeated(
        &self,
        digest: Option<&RequestDigest>,
    ) -> Result<Option<VerificationView>, EngineError> {
        let Some(digest) = digest else {
            return Ok(None);
        };
        let Some(record) = self.store.idempotency(digest.key).await? else {
            return Ok(None);
        };
        if record.expire_time <= self.now() {
            return Ok(None);
        }
        if record.body != digest.body {
            return Err(EngineError::new(Reason::RequestIdReused).about(record.verification));
        }
        let row = self.load(record.verification).await?.verification;
        // Whoever joined was answered the verification, whatever became of its start.
        if !record.joined {
            super::start::refused(&row, record.attempt)?;
        }
        Ok(Some(VerificationView {
            joined: record.joined,
            ..self.view(row)?
        }))
    }
}

fn said_to_retry(request: &RetryVerification) -> Vec<Zeroizing<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut say = |bytes: &[u8]| parts.push(Zeroizing::new(bytes.to_vec()));
    say(b"retry");
    say(request.verification.as_bytes());
    match request.expected {
        None => say(&[]),
        Some(revision) => say(&revision.0.to_be_bytes()),
    }
    request.access.parts().into_iter().for_each(&mut say);
    match request.action_lifetime {
        None => say(&[]),
        Some(lifetime) => say(&lifetime.as_micros().to_be_bytes()),
    }
    say(&[u8::from(request.without_picture)]);
    parts
}

/// Everything that a request says, in a fixed order, as parts that can't run into each other.
fn said(request: &CreateVerification) -> Vec<Zeroizing<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut say = |bytes: &[u8]| parts.push(Zeroizing::new(bytes.to_vec()));
    say(request.connection.as_str().as_bytes());
    say(request.subject.expose().as_bytes());
    match &request.subject_ref {
        Some(reference) => say(reference.expose().as_bytes()),
        None => say(&[]),
    }
    say(&(request.claims.len() as u64).to_be_bytes());
    for claim in &request.claims {
        match &claim.selector {
            ClaimSelector::Claim { name, document } => {
                say(name.as_str().as_bytes());
                say(document.map_or("", |d| d.as_str()).as_bytes());
            }
            ClaimSelector::AnyDocument { name, preferred } => {
                say(b"any");
                say(name.as_str().as_bytes());
                say(&(preferred.len() as u64).to_be_bytes());
                for document in preferred {
                    say(document.as_str().as_bytes());
                }
            }
            ClaimSelector::ProviderField(field) => {
                say(b"field");
                say(field.as_bytes());
            }
        }
        say(&[u8::from(claim.required)]);
    }
    say(&(request.labels.len() as u64).to_be_bytes());
    for (key, value) in &request.labels {
        say(key.as_bytes());
        say(value.expose().as_bytes());
    }
    say(request.access.purpose.expose().as_bytes());
    say(request.access.actor.expose().as_bytes());
    say(request.access.reference.expose().as_bytes());
    match request.expire {
        Expire::Default => say(&[]),
        Expire::At(time) => say(&time.as_micros().to_be_bytes()),
        Expire::After(ttl) => say(&ttl.as_micros().to_be_bytes()),
    }
    match request.action_lifetime {
        None => say(&[]),
        Some(lifetime) => say(&lifetime.as_micros().to_be_bytes()),
    }
    match request.max_attempts {
        None => say(&[]),
        Some(attempts) => say(&attempts.to_be_bytes()),
    }
    say(&[u8::from(request.without_picture)]);
    if let Some(scope) = &request.scope {
        say(b"scope");
        say(scope.as_bytes());
    }
    parts
}
