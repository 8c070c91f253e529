//! Looks at a provider for an attempt that goes on with what a browser brought back: writes what has
//! changed, and takes the claims and their evidence once there are any.
//!
//! Ordering contract: what a look shows is committed before its evidence is fetched, so that a watcher
//! sees news at once; claims show with all of their evidence, in one change, and open the review. A look
//! changes nothing at the provider, so it may be repeated at any time; a crash costs a repeat.

mod claims;
mod evidence;
mod send;
mod takings;

use verilane_core::decide::{self, Look, Polls};
use verilane_core::{
    Attempt, BindingWrite, ConnectionName, JobAbout, Mark, Marks, Pii, Reason, Timestamp,
    Verification, Whose,
};
use verilane_provider::{LookAnswer, LookRequest, ProviderError};
use verilane_store::{CommitError, Conflict};
use verilane_vault::{IndexKind, SealedWhat};

pub(crate) use self::takings::Takings;
use crate::EngineError;
use crate::config::PullLimits;
use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine, RACES};
use crate::pull::{Haste, PullCause, Pulled};
use crate::sealing::Sealer;
use claims::{PATIENCE, Took};

/// What comes of a look.
#[derive(Clone, Copy)]
enum Verdict<'a> {
    /// The provider shows this.
    Shows(&'a LookAnswer),
    /// It shows this, and has named nobody however often it was looked at: whose name has not come by now
    /// is not the user's, unless he was named before.
    StaysNameless(&'a LookAnswer),
    /// It knows nothing of the request.
    KnowsNothing,
}

impl Engine {
    /// Looks once, and commits what is new.
    pub(crate) async fn look(
        &self,
        row: &Verification,
        about: JobAbout,
        (connection, cause): (&Connection, PullCause),
    ) -> Result<Pulled, EngineError> {
        let Some(reference) = self.reference(row, about)? else {
            return Ok(Pulled::Impossible);
        };
        if !self.holds(row, about, &reference).await? {
            return Ok(Pulled::Impossible);
        }
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
            Err(error) if is_unknown(&error) && !has_shown(row, about) => {
                return self.knows_nothing(about, &reference, error).await;
            }
            Err(error) => return Ok(Pulled::Failed(error)),
        };
        // What was replaced by another attempt's claims is verified only together with its own.
        let is_late = self.is_late_success(row, about, &answer).await?;
        let shows = Verdict::Shows(&answer);
        let shown = !is_late && self.commit_look(about, shows, &reference).await?;
        let vain = self.pull_gate.answered(about, shown);
        let stays = Verdict::StaysNameless(&answer);
        let taken = match answer.whose {
            Whose::Anothers => Took::Nothing,
            Whose::Nameless
                if vain >= PATIENCE && self.commit_look(about, stays, &reference).await? =>
            {
                return Ok(told(true));
            }
            _ => self.take_claims(about, connection, &answer, vain).await?,
        };
        self.pull_gate.heard(about, asked_at);
        Ok(match taken {
            Took::Nothing => told(shown),
            Took::Claims => told(true),
            Took::Later(error) => Pulled::Failed(error),
        })
    }

    /// The provider has never known anything of a request. It can come to know it a little later than the
    /// browser, so that is believed only after a few looks.
    async fn knows_nothing(
        &self,
        about: JobAbout,
        reference: &Pii<String>,
        error: ProviderError,
    ) -> Result<Pulled, EngineError> {
        let vain = self.pull_gate.answered(about, false);
        let knows_nothing = Verdict::KnowsNothing;
        if vain >= PATIENCE && self.commit_look(about, knows_nothing, reference).await? {
            return Ok(told(true));
        }
        Ok(Pulled::Failed(error))
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

    /// Whether a request is still the attempt's own. One that was set free may be another's by now, and
    /// what becomes of it is nothing to this one.
    async fn holds(
        &self,
        row: &Verification,
        about: JobAbout,
        reference: &Pii<String>,
    ) -> Result<bool, EngineError> {
        let Some(attempt) = row.attempt(about.attempt) else {
            return Ok(false);
        };
        let key = self.binding_key(attempt, reference)?;
        let bound = self.store.binding(key).await?;
        let holder = bound.map(|bound| (bound.holder.verification, bound.holder.attempt));
        Ok(holder == Some((about.verification, about.attempt)))
    }

    /// Commits what comes of a look, against whatever the row has become meanwhile. Whether that was news.
    async fn commit_look(
        &self,
        about: JobAbout,
        verdict: Verdict<'_>,
        reference: &Pii<String>,
    ) -> Result<bool, EngineError> {
        for _ in 0..RACES {
            let row = self.load(about.verification).await?.verification;
            let (number, now) = (about.attempt, self.now());
            let Some(attempt) = row.attempt(number) else {
                return Ok(false);
            };
            let deadlines = &self.config.deadlines;
            let look = self.shown_by(about, attempt, verdict);
            let is_free = look.as_ref().is_none_or(|look| look.frees(attempt));
            let change = match look {
                Some(look) => decide::looked(&row, number, look, now, deadlines),
                None => decide::unknown_to_provider(&row, number, now, deadlines),
            };
            let Some(mut change) = change else {
                return Ok(false);
            };
            // What is another user's, or nobody's, is free again for whom it belongs to.
            if is_free {
                let key = self.binding_key(attempt, reference)?;
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

    /// What a verdict shows; none if the provider knows nothing.
    fn shown_by(&self, about: JobAbout, attempt: &Attempt, verdict: Verdict<'_>) -> Option<Look> {
        match verdict {
            Verdict::KnowsNothing => None,
            Verdict::Shows(answer) => Some(self.shown(about, answer)),
            Verdict::StaysNameless(answer) => {
                let look = self.shown(about, answer);
                let whose = if attempt.facts.is_matched() {
                    look.whose
                } else {
                    Whose::Anothers
                };
                Some(Look { whose, ..look })
            }
        }
    }

    /// What a look shows, as it is compared with the one before.
    fn shown(&self, about: JobAbout, answer: &LookAnswer) -> Look {
        let mark = |text: &Option<Pii<String>>| {
            let text = text.as_ref()?;
            Some(self.mark(about, text))
        };
        Look {
            status: answer.status.clone(),
            rank: answer.rank,
            fact: answer.fact,
            whose: answer.whose,
            progress: answer.progress.clone(),
            marks: Marks {
                status: mark(&answer.unshown.status),
                progress: mark(&answer.unshown.progress),
            },
            offers: answer.links.clone(),
        }
    }

    /// Of one verification alone, so that nobody who has the store sees that two say the same.
    fn mark(&self, about: JobAbout, text: &Pii<String>) -> Mark {
        let parts = [
            about.verification.as_bytes().as_slice(),
            text.expose().as_bytes(),
        ];
        let digest = self.keys.vault().index(IndexKind::Word, &parts);
        let mut mark = [0; 8];
        mark.iter_mut()
            .zip(digest.as_bytes())
            .for_each(|(to, from)| *to = *from);
        Mark(u64::from_be_bytes(mark))
    }

    /// Whether a provider can have anything to tell of an attempt that is wanted, however late its turn
    /// comes.
    pub(crate) fn may_be_pulled(&self, attempt: &Attempt) -> bool {
        if self.is_looked_at(&attempt.connection) {
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
        let polls = self.pace(&attempt.connection);
        if self.is_looked_at(&attempt.connection) {
            let due = decide::next_look(row, number, tries, now, &polls)?;
            return Some(due + jitter(row, due.since(now)));
        }
        decide::next_poll(row, number, tries, now, &polls)
    }

    /// How often a connection's provider is asked: at its own pace, if it has one.
    pub(crate) fn pace(&self, connection: &ConnectionName) -> Polls {
        let connection = self.connections.get(connection);
        let own = connection.and_then(|connection| connection.facade.profile().pace);
        let all = self.config.polls;
        own.map_or(all, |pace| Polls {
            first: pace.first,
            longest: pace.longest,
            after_end: all.after_end,
        })
    }

    fn is_looked_at(&self, connection: &ConnectionName) -> bool {
        let connection = self.connections.get(connection);
        connection.is_some_and(|connection| connection.facade.profile().pace.is_some())
    }
}

/// What a look comes to for whoever asks what was missed.
const fn told(news: bool) -> Pulled {
    Pulled::Told {
        history: Vec::new(),
        others: Vec::new(),
        news: news as usize,
    }
}

/// Whether the provider has shown anything of an attempt's request yet.
fn has_shown(row: &Verification, about: JobAbout) -> bool {
    let handover = row.attempt(about.attempt).and_then(|a| a.handover.as_ref());
    handover.is_some_and(|handover| handover.shown.status.is_some())
}

/// Whether the provider knows nothing of a request.
fn is_unknown(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Refused { reason, .. } if *reason == Reason::ProviderRefused)
}

/// Spreads looks that would come together, by up to a tenth of the wait: each verification by its own.
fn jitter(row: &Verification, wait: std::time::Duration) -> std::time::Duration {
    let [.., last] = row.id.as_bytes();
    wait.mul_f64(f64::from(*last) / 2_560.0)
}
