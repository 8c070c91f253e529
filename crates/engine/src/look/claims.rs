//! Takes the claims that a look gives, with their evidence, and opens the review.
//!
//! Invariant: claims show with all of their evidence, in one change. Nothing is taken for an attempt that
//! nobody can decide on any more.

use verilane_core::decide::{self, Came, DataKept, Document, PulledClaims};
use verilane_core::{
    Assurance, Attempt, Change, Decision, EvidenceId, JobAbout, Reason, RequestedClaim, Sealed,
    State, StoredClaim, Timestamp, Verification, Whose,
};
use verilane_provider::{DataItem, LookAnswer, ProviderError};
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use super::evidence::{Fetching, Pictures};
use super::takings::{Fetched, Taking};
use crate::EngineError;
use crate::callback::underivable;
use crate::engine::{Connection, Engine, RACES};
use crate::evidence::{KeptPiece, value};
use crate::sealing::Sealer;

/// After how many looks without news a picture that the provider should offer is given up, or a name, or the
/// request itself. Looks that
/// were not made or not answered don't count, and after a restart they are counted anew.
pub(super) const PATIENCE: u32 = 5;

/// What became of the claims that a look gives.
pub(super) enum Took {
    /// They are stored.
    Claims,
    /// None are wanted, or a further look may bring more.
    Nothing,
    /// Where their evidence lies, time is asked for.
    Later(ProviderError),
}

/// What came of a look, and is durable as far as it is large.
struct Taken<'a> {
    answer: &'a LookAnswer,
    fetched: &'a [Fetched],
    message: &'a KeptPiece,
}

impl Taken<'_> {
    fn values(&self) -> impl Iterator<Item = &DataItem> {
        self.answer.data.iter().flat_map(|data| &data.items)
    }
}

impl Engine {
    /// Takes the claims of an attempt that has none yet.
    pub(super) async fn take_claims(
        &self,
        about: JobAbout,
        connection: &Connection,
        answer: &LookAnswer,
        vain: u32,
    ) -> Result<Took, EngineError> {
        if answer.data.is_none() {
            return Ok(Took::Nothing);
        }
        // A look that comes while another one still fetches would fetch the same beside it.
        let Some(taking) = self.takings.begin(about) else {
            return Ok(Took::Nothing);
        };
        let row = self.load(about.verification).await?.verification;
        let (row, _) = self.as_shown(row, about, answer);
        if !self.wants_claims(&row, about).await? {
            self.give_up(&taking, &[]).await;
            return Ok(Took::Nothing);
        }
        let key = self.keys.of(&row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let fetching = Fetching {
            sealer: &sealer,
            connection,
            taking: &taking,
            may_come: vain < PATIENCE,
        };
        let fetched = match self.fetch_all(&row, answer, &fetching).await? {
            Pictures::Fetched(fetched) => fetched,
            Pictures::Later(Some(error)) if error.retry_after().is_some() => {
                return Ok(Took::Later(error));
            }
            Pictures::Later(_) => return Ok(Took::Nothing),
        };
        let (body, now) = (answer.message.expose(), self.now());
        let message = self.keep_message(row.id, &key, &answer.media_type, body, now);
        let taken = Taken {
            answer,
            fetched: &fetched,
            message: &message.await?,
        };
        let took = self.commit_claims(about, &taken, &fetching).await?;
        if !matches!(took, Took::Claims) {
            self.discard([taken.message.id]).await;
        }
        Ok(took)
    }

    /// Commits what came of a look, against whatever the row has become meanwhile.
    async fn commit_claims(
        &self,
        about: JobAbout,
        taken: &Taken<'_>,
        fetching: &Fetching<'_>,
    ) -> Result<Took, EngineError> {
        let (connection, sealer) = (fetching.connection, fetching.sealer);
        for _ in 0..RACES {
            let row = self.load(about.verification).await?.verification;
            let (row, look) = self.as_shown(row, about, taken.answer);
            if !self.wants_claims(&row, about).await? {
                self.give_up(fetching.taking, &[]).await;
                return Ok(Took::Nothing);
            }
            let change = self.taking(&row, about, connection, taken, sealer)?;
            let change = match look {
                // Without claims of its own there is nothing that the look could verify.
                Some(_) if change.claims.is_empty() => return Ok(Took::Nothing),
                Some(look) => look.then(change),
                None => change,
            };
            let shown: Vec<_> = change.evidence.iter().map(|record| record.id).collect();
            match self.commit(change).await {
                Ok(_) => {
                    self.give_up(fetching.taking, &shown).await;
                    return Ok(Took::Claims);
                }
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    /// Lets go of what was fetched for an attempt, and removes what is not shown.
    async fn give_up(&self, taking: &Taking<'_>, shown: &[EvidenceId]) {
        let fetched = taking.take_all().into_iter();
        let pieces = fetched.filter_map(|one| Some(one.piece?.id));
        self.discard(pieces.filter(|id| !shown.contains(id))).await;
    }

    /// A verification as a look shows it, and the change that is still to come of that.
    fn as_shown(
        &self,
        row: Verification,
        about: JobAbout,
        answer: &LookAnswer,
    ) -> (Verification, Option<Change>) {
        let deadlines = &self.config.deadlines;
        let shown = self.shown(about, answer);
        let look = decide::looked(&row, about.attempt, shown, self.now(), deadlines);
        let after = look.as_ref().and_then(|look| look.verification.as_ref());
        (after.map_or(row, |write| write.row.clone()), look)
    }

    /// Whether a look verifies an attempt whose claims another's have replaced meanwhile.
    pub(super) async fn is_late_success(
        &self,
        row: &Verification,
        about: JobAbout,
        answer: &LookAnswer,
    ) -> Result<bool, EngineError> {
        let is_verified = |row: &Verification| {
            let attempt = row.attempt(about.attempt);
            attempt.is_some_and(|attempt| attempt.state().0 == State::Verified)
        };
        if answer.whose == Whose::Anothers || is_verified(row) {
            return Ok(false);
        }
        let (after, _) = self.as_shown(row.clone(), about, answer);
        Ok(is_verified(&after) && self.wants_claims(&after, about).await?)
    }

    /// Whether an attempt still needs what a look gives, and it is known to be of its user: it is open and nothing of it is stored; or it
    /// was approved, and what stands is nothing, or another attempt's.
    async fn wants_claims(&self, row: &Verification, about: JobAbout) -> Result<bool, EngineError> {
        let attempt = row.attempt(about.attempt);
        let Some(attempt) = attempt.filter(|attempt| attempt.facts.is_matched()) else {
            return Ok(false);
        };
        let approved = attempt.facts.is_approved() && !attempt.facts.is_cancelled();
        if !attempt.facts.has_data() {
            return Ok(approved || !attempt.state().0.is_end());
        }
        if !approved {
            return Ok(false);
        }
        // Of one before, what the newest lacks is left behind, and shows nowhere.
        let claims = self.store.claims(row.id).await?;
        let stands = claims.iter().max_by_key(|claim| claim.revision);
        let replaced = stands.is_some_and(|claim| claim.attempt != about.attempt);
        Ok(replaced && is_first_success(row, attempt))
    }

    fn taking(
        &self,
        row: &Verification,
        about: JobAbout,
        connection: &Connection,
        taken: &Taken<'_>,
        sealer: &Sealer<'_>,
    ) -> Result<Change, EngineError> {
        let now = self.now();
        let number = about.attempt;
        let mut fields: Vec<&str> = taken.values().map(|item| item.field.as_str()).collect();
        fields.extend(taken.fetched.iter().map(|one| one.field.as_str()));
        let unusable = taken.fetched.iter().filter(|one| one.piece.is_none());
        let unusable: Vec<&str> = unusable.map(|one| one.field.as_str()).collect();
        let word = taken.answer.document.as_ref();
        let document = Document::of_word(word.map(|word| word.expose().as_str()));
        let came = Came {
            fields: &fields,
            unusable: &unusable,
            underivable: &underivable(row, taken.values()),
            refuted: &[],
            document: Some(document),
        };
        let pulled = PulledClaims {
            came,
            decision: connection.automatic_decision(row, &came),
        };
        let reviewer = self.reviewer(connection.facade.connection());
        let deadlines = &self.config.deadlines;
        let mut change = decide::claims_pulled(row, number, &pulled, reviewer, now, deadlines);
        let is_kept = decide::data_kept(row, number, &came) == DataKept::Claims;
        let pieces = taken.fetched.iter().filter(|_| is_kept);
        let pieces = pieces.filter_map(|one| one.piece.as_ref());
        for piece in pieces.chain([taken.message]) {
            let record = piece.record(row, number, sealer, now)?;
            change.evidence.push(record);
        }
        if !is_kept {
            return Ok(change);
        }
        for claim in row.claims.iter().filter(|claim| came.has(claim)) {
            // A value is kept once, however much is derived from it.
            if change.claims.iter().any(|kept| kept.field == claim.field) {
                continue;
            }
            if let Some((value, piece)) = kept(row, claim, taken, sealer)? {
                let stored = stored((row, number), claim, value, piece, now);
                // What stands on no document is not of the one that was shown.
                let is_from_document = stored.name.is_from_document();
                let shown = document.kind().filter(|_| is_from_document);
                let word = word.filter(|_| is_from_document);
                change.claims.push(StoredClaim {
                    document: claim.document.or(shown),
                    provider_document: sealer.seal_document_word(
                        stored.revision,
                        &stored.field,
                        word,
                    )?,
                    ..stored
                });
            }
        }
        Ok(change)
    }
}

/// Whether no other attempt has succeeded before: the claims of the first success stay.
fn is_first_success(row: &Verification, attempt: &Attempt) -> bool {
    let mut others = row.attempts.iter().filter(|a| a.number != attempt.number);
    !others.any(|other| other.state().0 == State::Verified)
}

type Kept<'a> = (Sealed, Option<&'a KeptPiece>);

/// A claim's value at rest, and the piece that it stands for, if it is a picture that can be used. One
/// that can't be takes the place of another attempt's all the same. None if there is no value.
fn kept<'a>(
    row: &Verification,
    claim: &RequestedClaim,
    taken: &'a Taken<'_>,
    sealer: &Sealer<'_>,
) -> Result<Option<Kept<'a>>, EngineError> {
    let field = claim.field.as_str();
    let revision = decide::next_revision(row);
    let what = SealedWhat::ClaimValue { claim: field };
    if let Some(fetched) = taken.fetched.iter().find(|one| one.field == field) {
        let value = sealer.seal(revision, what, &value::of_file())?;
        return Ok(Some((value, fetched.piece.as_ref())));
    }
    let item = taken.values().find(|item| item.field == field);
    let value = item.map(|item| sealer.seal(revision, what, item.value.expose().as_bytes()));
    Ok(value.transpose()?.map(|value| (value, None)))
}

fn stored(
    (row, attempt): (&Verification, u32),
    claim: &RequestedClaim,
    value: Sealed,
    piece: Option<&KeptPiece>,
    now: Timestamp,
) -> StoredClaim {
    StoredClaim {
        verification: row.id,
        attempt,
        field: claim.field.clone(),
        name: claim.name.provided_as(),
        document: claim.document,
        value,
        evidence: piece.map(|piece| piece.id),
        pepper: None,
        provider_document: None,
        revision: decide::next_revision(row),
        provider_time: None,
        receive_time: now,
        assurance: Assurance::Pulled,
        key_fingerprint: None,
        imported: false,
        checks: None,
    }
}

impl Connection {
    /// The decision that the operator has made beforehand, if what came allows it.
    fn automatic_decision(&self, row: &Verification, came: &Came<'_>) -> Option<Decision> {
        let needed = self.auto_approve.as_ref()?;
        let has = |name| {
            let mut claims = row.claims.iter().filter(|claim| claim.name == name);
            claims.any(|claim| came.has(claim) && !came.unusable.contains(&claim.field.as_str()))
        };
        let approves = needed.iter().all(|name| has(*name));
        approves.then_some(Decision::Approve)
    }
}
