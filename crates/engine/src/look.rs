//! Looks at a provider for an attempt that goes on with what a browser brought back: writes what has
//! changed, and takes the claims and their evidence once there are any.
//!
//! Ordering contract: what a look shows is committed before its evidence is fetched, so that a watcher
//! sees news at once; claims show with all of their evidence, in one change, and open the review. A look
//! changes nothing at the provider, so it may be repeated at any time; a crash costs a repeat.

mod evidence;
mod send;

use verilane_core::decide::{self, Look, PulledClaims};
use verilane_core::{
    Attempt, BindingWrite, Change, Decision, Fact, JobAbout, Pii, Reason, StoredClaim, Timestamp,
    Verification,
};
use verilane_provider::{LookAnswer, LookRequest, ProviderError};
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use self::evidence::Fetched;
use crate::EngineError;
use crate::config::PullLimits;
use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine, RACES};
use crate::evidence::KeptPiece;
use crate::pull::{Haste, PullCause, Pulled};
use crate::sealing::Sealer;

/// After how many looks in vain a picture that the provider should offer is given up.
const PATIENCE: u32 = 5;

impl Engine {
    /// Looks once, and commits what is new. `tries` looks have found nothing since the last news.
    pub(crate) async fn look(
        &self,
        row: &Verification,
        about: JobAbout,
        (connection, cause): (&Connection, PullCause),
        tries: u32,
    ) -> Result<Pulled, EngineError> {
        let Some(reference) = self.reference(row, about)? else {
            return Ok(Pulled::Impossible);
        };
        let asked_at = self.now();
        // The pace of looks is the connection's own.
        let limits = PullLimits {
            spacing: std::time::Duration::ZERO,
            ..self.config.pull_limits
        };
        let name = connection.facade.connection();
        let haste: Haste = cause.haste();
        let place = match self.pull_gate.admit(name, about, asked_at, &limits, haste) {
            Ok(place) => place,
            Err(wait) => return Ok(Pulled::Limited(wait)),
        };
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let fields: Vec<&str> = row.asked_fields().collect();
        let request = LookRequest {
            reference: &reference,
            subject: &sealer.subject(row)?,
            fields: &fields,
        };
        self.crash_point(CrashPoint::LookAsked);
        let answer = connection.facade.look(&request).await;
        self.crash_point(CrashPoint::LookAnswered);
        drop(place);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_unknown(&error) => {
                let news = self.commit_look(about, None, &reference).await?;
                return Ok(if news {
                    told(true)
                } else {
                    Pulled::Failed(error)
                });
            }
            Err(error) => return Ok(Pulled::Failed(error)),
        };
        let shown = self.commit_look(about, Some(&answer), &reference).await?;
        let taken =
            !answer.is_anothers && self.take_claims(about, connection, &answer, tries).await?;
        self.pull_gate.heard(about, asked_at);
        Ok(told(shown || taken))
    }

    /// The provider's name of an attempt's request; none if nothing was brought back.
    pub(crate) fn reference(
        &self,
        row: &Verification,
        about: JobAbout,
    ) -> Result<Option<Pii<String>>, EngineError> {
        let attempt = row.attempt(about.attempt);
        let Some(handover) = attempt.and_then(|attempt| attempt.handover.as_ref()) else {
            return Ok(None);
        };
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let attempt = about.attempt;
        let what = SealedWhat::Reference { attempt };
        Ok(Some(sealer.open_text(
            handover.revision,
            what,
            &handover.reference,
        )?))
    }

    /// Commits what a look shows, or that the provider knows nothing of the request, against whatever
    /// the row has become meanwhile. Whether that was news.
    async fn commit_look(
        &self,
        about: JobAbout,
        answer: Option<&LookAnswer>,
        reference: &Pii<String>,
    ) -> Result<bool, EngineError> {
        for _ in 0..RACES {
            let row = self.load(about.verification).await?.verification;
            let (number, now) = (about.attempt, self.now());
            let deadlines = &self.config.deadlines;
            let change = match answer {
                Some(answer) => decide::looked(&row, number, shown(answer), now, deadlines),
                None => decide::unknown_to_provider(&row, number, now, deadlines),
            };
            let Some(mut change) = change else {
                return Ok(false);
            };
            // What is another user's, or nobody's, is free again for whom it belongs to.
            if answer.is_none_or(|answer| answer.is_anothers)
                && let Some(attempt) = row.attempt(number)
            {
                let key = self.binding_key(&attempt.provider, reference);
                change.binding = Some(BindingWrite::Release(key));
            }
            match self.commit(change).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    /// Takes the claims of an attempt that has none yet, with their evidence. Whether that was news.
    async fn take_claims(
        &self,
        about: JobAbout,
        connection: &Connection,
        answer: &LookAnswer,
        tries: u32,
    ) -> Result<bool, EngineError> {
        let Some(data) = &answer.data else {
            return Ok(false);
        };
        let row = self.load(about.verification).await?.verification;
        if !self.wants_claims(&row, about).await? {
            return Ok(false);
        }
        let key = self.keys.of(&row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let fetched = self.fetch_all(&row, &sealer, connection, answer, tries < PATIENCE);
        let Some(fetched) = fetched.await? else {
            return Ok(false);
        };
        let now = self.now();
        let body = answer.message.expose();
        let message = self.keep_message(row.id, &key, &answer.media_type, body, now);
        let message = message.await?;
        for _ in 0..RACES {
            let row = self.load(about.verification).await?.verification;
            if !self.wants_claims(&row, about).await? {
                return Ok(false);
            }
            let came = Came {
                answer,
                fetched: &fetched,
                message: &message,
            };
            let change = self.claims_change(&row, about, connection, &came, &sealer)?;
            match self.commit(change).await {
                Ok(_) => {
                    let values = data.items.len().saturating_add(fetched.len());
                    tracing::debug!(values, "a provider's claims were taken");
                    return Ok(true);
                }
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    /// Whether an attempt still needs what a look gives: nothing of it is stored, or it was approved and
    /// the claims that stand are another attempt's.
    async fn wants_claims(&self, row: &Verification, about: JobAbout) -> Result<bool, EngineError> {
        let Some(attempt) = row.attempt(about.attempt) else {
            return Ok(false);
        };
        if attempt.facts.is_cancelled() {
            return Ok(false);
        }
        if !attempt.facts.has_data() {
            return Ok(true);
        }
        if !attempt.facts.is_approved() {
            return Ok(false);
        }
        let claims = self.store.claims(row.id).await?;
        let own = claims.iter().any(|claim| claim.attempt == about.attempt);
        Ok(!claims.is_empty() && !own)
    }

    fn claims_change(
        &self,
        row: &Verification,
        about: JobAbout,
        connection: &Connection,
        came: &Came<'_>,
        sealer: &Sealer<'_>,
    ) -> Result<Change, EngineError> {
        let now = self.now();
        let values: Vec<&str> = came.values().map(|item| item.field.as_str()).collect();
        let pictures = came.fetched.iter().map(|one| one.field.as_str());
        let mut fields = values;
        fields.extend(pictures);
        let unusable = came.fetched.iter().filter(|one| one.piece.is_none());
        let unusable: Vec<&str> = unusable.map(|one| one.field.as_str()).collect();
        let document = came.answer.document.as_ref();
        let document = document.and_then(|document| document.kind);
        let pulled = PulledClaims {
            fields: &fields,
            unusable: &unusable,
            document,
            decision: connection.automatic_decision(row, &fields, &unusable),
        };
        let reviewer = self.reviewer(connection.facade.connection());
        let number = about.attempt;
        let deadlines = &self.config.deadlines;
        let mut change = decide::claims_pulled(row, number, &pulled, reviewer, now, deadlines);
        let revision = decide::next_revision(row);
        for one in came.fetched {
            if let Some(piece) = &one.piece {
                change
                    .evidence
                    .push(piece.record(row, number, sealer, now)?);
            }
        }
        change
            .evidence
            .push(came.message.record(row, number, sealer, now)?);
        for claim in row.claims.iter().filter(|claim| claim.asked) {
            if claim.document.is_some() && claim.document != document {
                continue;
            }
            let field = claim.field.as_str();
            let what = SealedWhat::ClaimValue { claim: field };
            let fetched = came.fetched.iter().find(|one| one.field == field);
            let item = came.values().find(|item| item.field == field);
            let (value, evidence) = match (fetched.and_then(|one| one.piece.as_ref()), item) {
                (Some(piece), _) => {
                    let reference = crate::evidence::value::of_file();
                    (sealer.seal(revision, what, &reference)?, Some(piece.id))
                }
                (None, Some(item)) => {
                    let plain = item.value.expose().as_bytes();
                    (sealer.seal(revision, what, plain)?, None)
                }
                (None, None) => continue,
            };
            change.claims.push(StoredClaim {
                verification: row.id,
                attempt: number,
                field: claim.field.clone(),
                name: claim.name,
                document: claim.document.or(document),
                value,
                evidence,
                pepper: None,
                revision,
                provider_time: None,
                receive_time: now,
                assurance: verilane_core::Assurance::Pulled,
                key_fingerprint: None,
                imported: false,
            });
        }
        Ok(change)
    }

    /// Whether a provider can have anything to tell of an attempt that is wanted, however late its turn
    /// comes.
    pub(crate) fn may_be_pulled(&self, attempt: &Attempt) -> bool {
        let connection = self.connections.get(&attempt.connection);
        let is_looked_at = connection.is_some_and(|c| c.facade.profile().pace.is_some());
        if is_looked_at {
            decide::may_be_looked_at(attempt)
        } else {
            decide::may_be_asked_about(attempt)
        }
    }

    /// When an attempt is next asked about, if so many pulls have found nothing since its last news.
    pub(crate) fn next_pull(
        &self,
        row: &Verification,
        number: u32,
        tries: u32,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let attempt = row.attempt(number)?;
        let polls = &self.config.polls;
        let connection = self.connections.get(&attempt.connection)?;
        match connection.facade.profile().pace {
            Some(pace) => {
                let polls = decide::Polls {
                    first: pace.first,
                    longest: pace.longest,
                    after_end: polls.after_end,
                };
                let due = decide::next_look(row, number, tries, now, &polls)?;
                Some(due + jitter(row, due.since(now)))
            }
            None => decide::next_poll(row, number, tries, now, polls),
        }
    }
}

/// What came of a look, and is durable as far as it is large.
struct Came<'a> {
    answer: &'a LookAnswer,
    fetched: &'a [Fetched],
    message: &'a KeptPiece,
}

impl Came<'_> {
    fn values(&self) -> impl Iterator<Item = &verilane_provider::DataItem> {
        self.answer.data.iter().flat_map(|data| &data.items)
    }
}

impl Connection {
    /// The decision that the operator has made beforehand, if what came allows it.
    fn automatic_decision(
        &self,
        row: &Verification,
        fields: &[&str],
        unusable: &[&str],
    ) -> Option<Decision> {
        let needed = self.auto_approve.as_ref()?;
        let came = |name| {
            let mut claims = row.claims.iter().filter(|claim| claim.name == name);
            claims.any(|claim| {
                let field = claim.field.as_str();
                fields.contains(&field) && !unusable.contains(&field)
            })
        };
        needed
            .iter()
            .all(|name| came(*name))
            .then_some(Decision::Approve)
    }
}

/// What a look comes to for whoever asks what was missed.
const fn told(news: bool) -> Pulled {
    Pulled::Told {
        history: Vec::new(),
        news: news as usize,
    }
}

/// Whether the provider knows nothing of a request.
fn is_unknown(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Refused { reason, .. } if *reason == Reason::ProviderRefused)
}

fn shown(answer: &LookAnswer) -> Look {
    let fact = if answer.is_anothers {
        Some(Fact::Rejected(Reason::SubjectMismatch))
    } else {
        answer.fact
    };
    Look {
        status: answer.status.clone(),
        rank: answer.rank,
        fact,
        progress: answer.progress.clone(),
        offers: answer
            .offers
            .iter()
            .map(|offer| offer.field.clone())
            .collect(),
    }
}

/// Spreads looks that would come together, by up to a tenth of the wait: each verification by its own.
fn jitter(row: &Verification, wait: std::time::Duration) -> std::time::Duration {
    let [.., last] = row.id.as_bytes();
    wait.mul_f64(f64::from(*last) / 2_560.0)
}
