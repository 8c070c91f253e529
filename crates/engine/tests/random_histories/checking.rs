//! What must hold of all that can be read, and at the end of a history.

use verilane_core::{ClaimStatus, EvidenceKind, Principal, Reason};
use verilane_engine::ReadClaims;
use verilane_store::Store;

use crate::connector::{Hand, Letter, Mood, SLOTS, WAITS, World, asked};
use crate::doing::access;
use crate::histories::playing::Outcome;
use crate::history::{Ending, History};
use crate::model::Phase;
use crate::service::AFTER_END;
use crate::steps::Signed;

const DAY: i64 = 24 * 3_600;

impl History<'_> {
    /// The watchers read on: so many events each, or all.
    pub async fn watch(&mut self, count: Option<usize>) -> Outcome {
        let running = self.running.as_ref().unwrap();
        for (place, watcher) in self.watchers.iter_mut().enumerate() {
            // The first watches all, the other the first verification.
            let of_it = |(v, _): &&(usize, String)| place == 0 || *v == 0;
            let told: Vec<_> = self
                .frames
                .iter()
                .filter(of_it)
                .map(|(_, text)| text)
                .collect();
            let end = count.map_or(told.len(), |count| {
                told.len().min(watcher.read.len() + count)
            });
            watcher.read_to(running, end).await?;
            if !watcher.read.iter().eq(told.into_iter().take(end)) {
                return Err(format!(
                    "a watcher has read something else: {:?}",
                    watcher.read
                ));
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
            let listed = watcher
                .listed(self.running(), 1 + self.frames.len() % 7)
                .await?;
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
            if holds {
                return Ok(());
            }
            Err(format!("verification {v} has another {what}: {view:?}"))
        };
        is("state", view.state() == self.model.state(v))?;
        let attempts = row.attempts.iter().map(|a| self.model.attempts[*a].state());
        is(
            "attempt",
            view.attempts.iter().map(|a| a.state()).eq(attempts),
        )?;
        is("revision", view.revision.0 == row.revision)?;
        is("warning", view.warnings() == self.model.warnings(v))?;
        let status = |field: &str| match &row.claims {
            None => ClaimStatus::Requested,
            Some(came) if came.contains_key(field) => ClaimStatus::Granted,
            Some(_) => ClaimStatus::NotHeld,
        };
        is(
            "claim",
            view.claims
                .iter()
                .all(|claim| claim.status == status(&claim.field)),
        )?;
        is("set of claims", view.claims.len() == asked(row.slot).len())?;
        let evidence = running.store.evidence(id).await.unwrap();
        let pieces = |kind| evidence.iter().filter(|piece| piece.kind == kind).count();
        is(
            "number of messages",
            pieces(EvidenceKind::ProviderMessage) == row.messages,
        )?;
        let quarantined = pieces(EvidenceKind::QuarantinedMessage);
        is("quarantine", quarantined == row.quarantined)?;
        let read = ReadClaims {
            principal: Principal::anonymous(),
            access: access(),
            claims: Vec::new(),
            peppers_of: Vec::new(),
        };
        match (running.engine.read_claims(id, &read).await, &row.claims) {
            (Err(error), None) => is("answer", error.reason == Reason::ClaimsNotAvailable),
            (Err(error), Some(_)) => Err(format!("claims can't be read: {error}")),
            (Ok(read), came) => {
                let value = |raw: Option<verilane_core::Pii>| raw.map(|raw| raw.expose().clone());
                let values = read.claims.into_iter();
                let values =
                    values.map(|claim| (claim.claim.field, value(claim.raw).unwrap_or_default()));
                is("value", came.as_ref() == Some(&values.collect()))
            }
        }
    }

    /// Lets everything come to its end, and looks whether anything is missing.
    pub async fn end(&mut self, ending: Ending) -> Outcome {
        self.lasting.connector.world.lock().mood = Mood::Well;
        self.wait(400).await?;
        if ending == Ending::Delivered {
            let letters = self.lasting.connector.world.lock().letters.len();
            for number in 0..letters {
                self.deliver(number, Signed::Anew, Hand::Genuine, None)
                    .await?;
            }
        }
        self.check().await?;
        self.wait(6 * DAY).await?;
        self.nothing_is_missing(ending)?;
        self.reopen(true).await;
        self.run_on().await?;
        self.check().await
    }

    /// Every transition of the connector stands in the log, of every attempt that can be asked about.
    fn nothing_is_missing(&self, ending: Ending) -> Outcome {
        let world = self.lasting.connector.world.lock();
        for slot in SLOTS {
            let of_it = world.noted.iter().filter(|letter| letter.slot == slot);
            let whose = self.model.whose(slot, of_it);
            for (of, letter) in &whose {
                let a = of.ok_or_else(|| format!("nobody's: {letter:?}"))?;
                let heard = |a| self.is_known(&whose, a, letter);
                // Who had taken its request over, and was called off since, may have heard of it.
                let mut before = self.model.called_off_beside(slot, a);
                if self.should_know(&world, a, letter) && !heard(a) && !before.any(heard) {
                    return Err(format!("attempt {a} never heard of {letter:?}, {ending:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a transition must stand in the log of its attempt.
    fn should_know(&self, world: &World, a: usize, letter: &Letter) -> bool {
        let attempt = &self.model.attempts[a];
        if attempt.cancelled || attempt.phase != Phase::Started || letter.is(WAITS) {
            return false;
        }
        let last = attempt.ended.map_or(i64::MAX, |time| time + AFTER_END);
        let told_out = attempt.told_out.unwrap_or(i64::MAX);
        // If the connector did not answer the last time, it is not asked again.
        let untold = world.untold.get(&letter.slot);
        let in_vain = untold.is_some_and(|time| *time >= last);
        letter.time < last.min(told_out) && !in_vain
    }
}
