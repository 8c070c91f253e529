//! What must hold of all that can be read, and at the end of a history.

use std::time::Duration;

use verilane_core::{Attempt, Decision, Principal, Reason, State};
use verilane_engine::ReadClaims;

use crate::civic::{Act, FAIL, Link, Mood, PASS, SUCCESS, WORDS, email_of};
use crate::doing::access;
use crate::histories::playing::Outcome;
use crate::history::{History, Kind};
use crate::model::{DATA, PROCESSING};
use crate::service::LONGEST;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The ends that are documented, each with its reasons.
const ENDS: [(State, &[Reason]); 5] = [
    (State::Verified, &[]),
    (
        State::Rejected,
        &[
            Reason::UserDeclined,
            Reason::SubjectMismatch,
            Reason::ReviewRejected,
        ],
    ),
    (
        State::Failed,
        &[
            Reason::IdentityNotConfirmed,
            Reason::ProviderFailed,
            Reason::ProviderStalled,
            Reason::DataNotDelivered,
            Reason::RequiredItemMissing,
            Reason::ReviewOverdue,
        ],
    ),
    (
        State::Expired,
        &[
            Reason::ActionExpired,
            Reason::VerificationExpired,
            Reason::ActionWithdrawn,
        ],
    ),
    (State::Cancelled, &[Reason::CancelledByCaller]),
];

impl History<'_> {
    /// The watchers read on: so many events each, or all.
    pub async fn watch(&mut self, count: Option<usize>) -> Outcome {
        let running = self.running.as_ref().unwrap();
        for (place, watcher) in self.watchers.iter_mut().enumerate() {
            // The first watches all, the other the first verification.
            let of_it = |(v, _): &&(usize, String)| place == 0 || *v == 0;
            let told = self.frames.iter().filter(of_it).map(|(_, text)| text);
            let told: Vec<_> = told.collect();
            let end = count.map_or(told.len(), |count| {
                told.len().min(watcher.read.len() + count)
            });
            watcher.read_to(running, end).await?;
            if !watcher.read.iter().eq(told.into_iter().take(end)) {
                return Err(format!("a watcher has read {:?}", watcher.read));
            }
        }
        Ok(())
    }

    /// Holds everything that can be read against the model.
    async fn check(&mut self) -> Outcome {
        self.watch(None).await?;
        for (place, watcher) in self.watchers.iter().enumerate() {
            let of_it = |(v, _): &&(usize, String)| place == 0 || *v == 0;
            let told = self.frames.iter().filter(of_it).map(|(_, text)| text);
            let page = 1 + self.frames.len() % 7;
            let listed = watcher.listed(self.running(), page).await?;
            if !listed.iter().eq(told) {
                return Err(format!("a list tells something else: {listed:?}"));
            }
        }
        for v in 0..self.ids.len() {
            self.check_one(v).await?;
        }
        Ok(())
    }

    async fn check_one(&self, v: usize) -> Outcome {
        let (id, row) = (self.ids[v], &self.model.verifications[v]);
        let running = self.running();
        let view = running.engine.get(id).await.map_err(|e| e.to_string())?.row;
        let is = |what: &str, holds: bool| {
            holds
                .then_some(())
                .ok_or_else(|| format!("verification {v} has another {what}: {view:?}"))
        };
        is("state", view.state() == self.model.state(v))?;
        let attempts = row.attempts.iter().map(|a| self.model.attempts[*a].state());
        let states = view.attempts.iter().map(Attempt::state);
        is("attempt", states.eq(attempts))?;
        is("revision", view.revision.0 == row.revision)?;
        let read = ReadClaims {
            principal: Principal::anonymous(),
            access: access(),
            claims: Vec::new(),
            peppers_of: Vec::new(),
        };
        let read = running.engine.read_claims(id, &read).await;
        let Some(stands) = row.claims else {
            let none = read.is_err_and(|error| error.reason == Reason::ClaimsNotAvailable);
            return is("answer", none);
        };
        let read = read.map_err(|error| format!("claims can't be read: {error}"))?;
        let place = row.attempts.iter().position(|a| *a == stands).unwrap();
        let mut attempts = read.claims.iter().map(|one| one.claim.attempt as usize);
        is("delivery", attempts.all(|number| number == place + 1))?;
        let email = read.claims.iter().find(|one| one.claim.field == "email");
        let raw = email.and_then(|one| one.raw.as_ref());
        let of_request = self.model.attempts[stands].request.map(email_of);
        let lacks = self.model.attempts[stands].state().1 == Some(Reason::RequiredItemMissing);
        let value = raw.map(|raw| raw.expose().clone());
        is("claim", lacks || value == of_request)?;
        // What is verified is what the verified attempt's own request gave.
        let own = self.model.attempts[stands].state().0 == State::Verified;
        is(
            "attempt's claims",
            own || self.model.state(v).0 != State::Verified,
        )
    }

    /// Lets everything come to its end.
    pub async fn end(&mut self, kind: Kind) -> Outcome {
        {
            let mut world = self.lasting.civic.world.lock();
            world.mood = Mood::Well;
            for number in 0..world.requests.len() {
                world.act(number, Act::IsRemembered);
                world.act(number, Act::Links(Link::Good));
            }
        }
        self.lasting.doom.set(None);
        self.wait(Duration::from_secs(LONGEST) * 2).await?;
        self.nothing_is_missed()?;
        self.check().await?;
        if kind.is_decided {
            let mut world = self.lasting.civic.world.lock();
            for number in 0..world.requests.len() {
                let word = WORDS.iter().position(|word| *word == SUCCESS).unwrap();
                let decision = Decision::Approve;
                let known = [PASS, FAIL].contains(&world.requests[number].word);
                if !known {
                    world.act(number, Act::Says(word));
                    world.act(number, Act::IsDecided(decision));
                }
            }
        }
        self.wait(PROCESSING + DATA + 6 * DAY).await?;
        self.are_ended(kind)?;
        self.check().await?;
        self.reopen(true).await?;
        self.check().await
    }

    /// Of all that is open, the log has what Civic shows.
    fn nothing_is_missed(&self) -> Outcome {
        let world = self.lasting.civic.world.lock();
        for (a, attempt) in self.model.attempts.iter().enumerate() {
            let Some(request) = attempt.request.filter(|_| !attempt.state().0.is_end()) else {
                continue;
            };
            let shown = world.requests[request].word;
            if attempt.word.as_deref() != Some(shown) {
                return Err(format!("attempt {a} never heard of {shown}"));
            }
            if attempt.pending().is_some() && world.requests[request].word == SUCCESS {
                return Err(format!(
                    "Civic was never told what was decided of attempt {a}"
                ));
            }
        }
        Ok(())
    }

    /// Each verification has come to an end that is documented, but for a review that has no deadline.
    fn are_ended(&self, kind: Kind) -> Outcome {
        for v in 0..self.ids.len() {
            let (state, reason) = self.model.state(v);
            let mut ends = ENDS.iter();
            let is_end = ends.any(|(end, why)| {
                *end == state && reason.is_none_or(|reason| why.contains(&reason))
            });
            let newest = &self.model.attempts[self.model.newest(v)];
            let undecided = newest.review.is_some_and(|review| review.decided.is_none());
            let waits = kind.rules.review.is_none() && undecided && state == State::InReview;
            // A decision that Civic can't take, since it says neither that it waits nor what it is.
            let stuck = newest.pending().is_some();
            if !is_end && !waits && !stuck {
                return Err(format!("verification {v} ends as {state:?}, {reason:?}"));
            }
        }
        Ok(())
    }
}
