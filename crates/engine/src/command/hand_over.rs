//! Takes what a user's browser brought back, and binds it to the attempt that waits for it.
//!
//! Invariant: what was brought back belongs to one attempt for good, unless it turns out to be another
//! user's. The binding is committed with the attempt that goes on with it, so of two callers who hand
//! the same thing in one is refused.

use verilane_core::decide::PageEvent;
use verilane_core::{
    Attempt, AttemptNumber, AuditAction, AuditRecord, Binding, BindingWrite, BlindIndex, Change,
    HandoverKind, JobAbout, JobWrite, Pii, Reason, Revision, SeenKey, SeenWrite, SlotHolder,
    Timestamp, Verification, decide,
};
use verilane_provider::Continuation;
use verilane_store::{CommitError, Conflict, Loaded};
use verilane_vault::{IndexKind, SealedWhat};

use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine, RACES};
use crate::pull::poll_job;
use crate::sealing::{Sealer, write_parts};
use crate::{Brought, ContinueVerification, EngineError, VerificationView};

/// How many kinds of errors a page can tell of one attempt; any further kind counts as another of `OTHER`.
const MOST_PAGE_ERRORS: usize = 16;

impl Engine {
    /// Goes on with what a browser brought back: the provider is looked at from now on; or a code is
    /// exchanged, and the answer waits for what comes of that as long as its caller does. Handing the same
    /// thing in again changes nothing. What a page tells is noted.
    ///
    /// # Errors
    /// `VERIFICATION_NOT_FOUND`, `CONNECTION_NOT_FOUND`; `CONTINUATION_NOT_OFFERED`,
    /// `CONTINUATION_MALFORMED`, `CONTINUATION_TAKEN`, `ALREADY_CONTINUED`, `NOT_CONTINUABLE`;
    /// `REVISION_MISMATCH`; and those of the store.
    pub async fn continue_verification(
        &self,
        request: ContinueVerification,
    ) -> Result<VerificationView, EngineError> {
        let id = request.verification;
        let brought = match &request.brought {
            Brought::Continuation(brought) => brought,
            Brought::Page(event, words) => return self.page_told(&request, event, words).await,
        };
        for _ in 0..RACES {
            let row = self.load(id).await?.verification;
            let Some(attempt) = row.newest_attempt() else {
                return Err(EngineError::new(Reason::Internal).about(id));
            };
            let reference = match self.read_continuation(attempt, brought) {
                Ok(reference) => reference,
                Err(_) if self.has_taken(&row, brought).await? => return self.exchanged(id).await,
                Err(refused) => return Err(refused),
            };
            let key = self.binding_key(attempt, &reference)?;
            if let Some(bound) = self.store.binding(key).await? {
                let ours = bound.holder.verification == id;
                let own = row
                    .attempts
                    .iter()
                    .any(|a| a.number == bound.holder.attempt);
                return match kind_of(brought) {
                    _ if !(ours && own) => Err(EngineError::new(Reason::ContinuationTaken)),
                    HandoverKind::Request => self.view(row),
                    HandoverKind::Code => self.exchanged(id).await,
                };
            }
            expect(&request, &row)?;
            let change =
                self.handing_over(&row, attempt, &request, (key, kind_of(brought), &reference))?;
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) if kind_of(brought) == HandoverKind::Code => {
                    self.crash_point(CrashPoint::CodeBound);
                    return self.exchanged(id).await;
                }
                Ok(_) => return self.view(after.unwrap_or(row)),
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Binding)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }

    fn read_continuation(
        &self,
        attempt: &Attempt,
        brought: &Continuation,
    ) -> Result<Pii<String>, EngineError> {
        let facade = &self.connection(&attempt.connection)?.facade;
        let takes = match kind_of(brought) {
            HandoverKind::Request => facade.profile().pace.is_some(),
            HandoverKind::Code => facade.profile().exchanges_codes(),
        };
        if !takes {
            return Err(not_offered(attempt));
        }
        let read = facade.read_continuation(brought);
        read.map_err(|violation| EngineError::fields(vec![violation]))
    }

    /// Whether this is the code that an attempt has taken. When it was taken, it held; who hands it in again,
    /// since his call broke off, may come after its time.
    async fn has_taken(
        &self,
        row: &Verification,
        brought: &Continuation,
    ) -> Result<bool, EngineError> {
        for attempt in row.attempts.iter().filter(|one| one.exchanges_a_code()) {
            let Ok(Connection { facade, .. }) = self.connection(&attempt.connection) else {
                continue;
            };
            let taken = attempt.accept_time.unwrap_or(attempt.start_time);
            let Ok(reference) = facade.read_continuation_at(brought, taken) else {
                continue;
            };
            let bound = self.store.binding(self.binding_key(attempt, &reference)?);
            let holder = bound.await?.map(|bound| bound.holder);
            if holder.is_some_and(|of| (of.verification, of.attempt) == (row.id, attempt.number)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The digest by which it is known whose a browser's bringing is. Connections of one provider can
    /// lead to one account, so it is the provider that counts.
    pub(crate) fn binding_key(
        &self,
        attempt: &Attempt,
        reference: &Pii<String>,
    ) -> Result<BlindIndex, EngineError> {
        let facade = &self.connection(&attempt.connection)?.facade;
        let request = facade.request_of(reference);
        let parts = [attempt.provider.as_str().as_bytes(), request.as_bytes()];
        Ok(self.keys.vault().index(IndexKind::Binding, &parts))
    }

    fn handing_over(
        &self,
        row: &Verification,
        attempt: &Attempt,
        request: &ContinueVerification,
        (key, kind, reference): (BlindIndex, HandoverKind, &Pii<String>),
    ) -> Result<Change, EngineError> {
        let id = row.id;
        let number = attempt.number;
        let now = self.now();
        let data_key = self.keys.of(row)?;
        let sealer = Sealer { id, key: &data_key };
        let revision = decide::next_revision(row);
        let sealed = sealer.seal(
            revision,
            SealedWhat::Reference { attempt: number },
            reference.expose().as_bytes(),
        )?;
        let refused = |reason| {
            EngineError::new(reason)
                .about(id)
                .with("state", row.state().0)
        };
        let deadlines = &self.config.deadlines;
        let continued = decide::continued(row, number, (kind, sealed), now, deadlines);
        let mut change = continued.map_err(refused)?;
        change.binding = Some(BindingWrite::Make(Binding {
            key,
            holder: SlotHolder {
                verification: id,
                attempt: number,
            },
            create_time: now,
        }));
        if kind == HandoverKind::Request {
            change.jobs.push(JobWrite::Schedule {
                key: poll_job(JobAbout {
                    verification: id,
                    attempt: number,
                }),
                due: now,
                leased_until: None,
            });
        }
        change
            .audit
            .push(audit(request, &sealer, revision, now, None)?);
        Ok(change)
    }

    /// Notes what the user does, as his page tells. What was told before only raises a counter.
    async fn page_told(
        &self,
        request: &ContinueVerification,
        event: &PageEvent,
        words: &Pii<String>,
    ) -> Result<VerificationView, EngineError> {
        let id = request.verification;
        for _ in 0..RACES {
            let loaded = self.load(id).await?;
            let row = &loaded.verification;
            let Some(attempt) = row.newest_attempt() else {
                return Err(EngineError::new(Reason::Internal).about(id));
            };
            if !self
                .connection(&attempt.connection)?
                .facade
                .profile()
                .exchanges_codes()
            {
                return Err(not_offered(attempt));
            }
            let (number, now) = (attempt.number, self.now());
            let event = &bounded(event, &loaded, number);
            let identity = event.identity();
            let change = if loaded.has_seen(number, &identity) {
                let mut change = Change::new(now);
                change.seen.push(SeenWrite::Again(SeenKey {
                    verification: id,
                    attempt: number,
                    identity,
                }));
                change
            } else {
                expect(request, row)?;
                let deadlines = &self.config.deadlines;
                let change = decide::page_told(row, number, event, now, deadlines);
                let mut change = change.map_err(|reason| {
                    EngineError::new(reason)
                        .about(id)
                        .with("state", row.state().0)
                })?;
                let key = self.keys.of(row)?;
                let sealer = Sealer { id, key: &key };
                let revision = decide::next_revision(row);
                change
                    .audit
                    .push(audit(request, &sealer, revision, now, Some(words))?);
                change
            };
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) => return self.view(after.unwrap_or(loaded.verification)),
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Seen)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }
}

/// What a page tells, within bounds: it must not be able to fill the log with errors of ever new names.
fn bounded(event: &PageEvent, loaded: &Loaded, number: AttemptNumber) -> PageEvent {
    let is_known = loaded.has_seen(number, &event.identity());
    let errors = loaded
        .seen
        .iter()
        .filter(|(attempt, identity)| *attempt == number && PageEvent::is_error(identity));
    match event {
        PageEvent::Error(_) if !is_known && errors.count() >= MOST_PAGE_ERRORS => {
            PageEvent::Error("OTHER".into())
        }
        event => event.clone(),
    }
}

const fn kind_of(brought: &Continuation) -> HandoverKind {
    match brought {
        Continuation::PresentationRequest(_) => HandoverKind::Request,
        Continuation::AuthorizationCode(_) => HandoverKind::Code,
    }
}

fn not_offered(attempt: &Attempt) -> EngineError {
    EngineError::new(Reason::ContinuationNotOffered).with("connection", &attempt.connection)
}

/// Refuses a request whose caller has seen another revision.
fn expect(request: &ContinueVerification, row: &Verification) -> Result<(), EngineError> {
    match request.expected {
        Some(expected) if expected != row.revision => {
            Err(EngineError::new(Reason::RevisionMismatch)
                .about(row.id)
                .with("revision", row.revision.0))
        }
        _ => Ok(()),
    }
}

/// Who brought it, and why; with what a page was told besides.
fn audit(
    request: &ContinueVerification,
    sealer: &Sealer<'_>,
    revision: Revision,
    now: Timestamp,
    words: Option<&Pii<String>>,
) -> Result<AuditRecord, EngineError> {
    let words = words.map(|words| words.expose().as_bytes());
    let parts = request.access.parts().into_iter().chain(words);
    Ok(AuditRecord {
        time: now,
        principal: request.principal.clone(),
        action: AuditAction::VerificationContinued,
        verification: Some(request.verification),
        subject_matter: Vec::new(),
        details: Some(sealer.seal(revision, SealedWhat::AuditDetails, &write_parts(parts))?),
    })
}
