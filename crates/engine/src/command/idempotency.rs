//! Repeats of a create call: the same request under the same id is answered with what the first one
//! made, another request under it is refused.
//!
//! Kept are keyed digests only: of principal and request id, and of everything the request says.

use verilane_core::{AttemptNumber, BlindIndex, ClaimSelector, IdempotencyRecord, VerificationId};
use verilane_vault::IndexKind;

use crate::engine::Engine;
use crate::{CreateVerification, Expire};

/// A request id in use.
pub(super) struct RequestDigest {
    pub key: BlindIndex,
    pub body: BlindIndex,
}

impl Engine {
    pub(super) fn digest(&self, request: &CreateVerification) -> Option<RequestDigest> {
        let request_id = request.request_id.as_ref()?;
        let vault = self.keys.vault();
        let principal = request.principal.as_str().as_bytes();
        let key = vault.index(IndexKind::RequestId, &[principal, request_id.as_bytes()]);
        let said = said(request);
        let parts: Vec<&[u8]> = said.iter().map(|part| part.as_slice()).collect();
        Some(RequestDigest {
            key,
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
}

/// Everything that a request says, in a fixed order, as parts that can't run into each other.
fn said(request: &CreateVerification) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut say = |bytes: &[u8]| parts.push(zeroize::Zeroizing::new(bytes.to_vec()));
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
    parts
}
