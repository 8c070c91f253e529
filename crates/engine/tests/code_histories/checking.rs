//! What must hold of all that can be read, and at the end of a history.

use std::time::Duration;

use verilane_core::{Attempt, EvidenceKind, Pii, Principal, Reason, SUBJECT_ID};
use verilane_engine::{ListVerifications, ReadClaims};
use verilane_store::Store as _;

use crate::histories::playing::Outcome;
use crate::history::History;
use crate::stage::access;
use crate::steps::USERS;

impl History {
    /// The watchers read on: so many events each, or all.
    pub async fn watch(&mut self, count: Option<usize>) -> Outcome {
        if let (1, Some(id)) = (self.watchers.len(), self.ids.first()) {
            self.watchers
                .push(crate::histories::watcher::Watcher::new(Some(*id)));
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        for (place, watcher) in watchers.iter_mut().enumerate() {
            // The first watches all, the other the first verification.
            let of_it = |(v, _): &&(usize, String)| place == 0 || *v == 0;
            let told = self.frames.iter().filter(of_it).map(|(_, text)| text);
            let told: Vec<_> = told.collect();
            let end = count.map_or(told.len(), |count| {
                told.len().min(watcher.read.len() + count)
            });
            watcher.read_to(self.running(), end).await?;
            if !watcher.read.iter().eq(told.into_iter().take(end)) {
                return Err(format!("a watcher has read {:?}", watcher.read));
            }
        }
        self.watchers = watchers;
        Ok(())
    }

    /// Lets everything come to its end.
    pub async fn end(&mut self) -> Outcome {
        {
            let mut world = self.lasting.codes.world.lock();
            world.replies.clear();
            world.links.clear();
            world.unread.clear();
        }
        self.lasting.doom.set(None);
        self.wait(Duration::from_secs(50_000)).await?;
        for _ in 0..2 {
            self.watch(None).await?;
            for v in 0..self.ids.len() {
                self.check(v).await?;
            }
            self.reopen(true).await?;
        }
        Ok(())
    }

    async fn check(&self, v: usize) -> Outcome {
        let (id, row) = (self.ids[v], &self.verifications[v]);
        let engine = &self.running().engine;
        let view = engine.get(id).await.map_err(|e| e.to_string())?.row;
        let is = |what: &str, holds: bool| {
            holds
                .then_some(())
                .ok_or_else(|| format!("verification {v} has another {what}: {view:?}"))
        };
        let states = view.attempts.iter().map(Attempt::state);
        is("attempt", states.eq(row.attempts.iter().map(|a| a.state)))?;
        is("revision", view.revision.0 == row.revision)?;
        is("end", row.state().0.is_end())?;
        let evidence = self.running().store.evidence(id).await.unwrap();
        let of_messages = evidence
            .iter()
            .filter(|e| e.kind == EvidenceKind::ProviderMessage);
        is("evidence", of_messages.count() == evidence.len())?;
        self.check_found(v).await?;
        let read = ReadClaims {
            principal: Principal::anonymous(),
            access: access(),
            claims: Vec::new(),
            peppers_of: Vec::new(),
        };
        let read = engine.read_claims(id, &read).await;
        let Some(stands) = row.claims else {
            let none = read.is_err_and(|error| error.reason == Reason::ClaimsNotAvailable);
            return is("answer", none);
        };
        let read = read.map_err(|error| format!("claims can't be read: {error}"))?;
        let code = self.codes.iter().find(|c| c.holder == Some((v, stands)));
        let grants = code.ok_or("claims of no code")?.grants;
        let mut of = read.claims.iter().map(|one| one.claim.attempt as usize);
        is("delivery", of.all(|number| number == stands + 1))?;
        let value = |field: &str| {
            let claim = read.claims.iter().find(|one| one.claim.field == field);
            claim
                .and_then(|one| one.raw.as_ref())
                .map(|raw| raw.expose().clone())
        };
        is("user", value("USER").as_deref() == Some(USERS[grants.user]))?;
        is("claim", value("MAIL").is_none() == grants.lacks)?;
        is(
            "answer",
            evidence.iter().any(|e| e.attempt as usize == stands + 1),
        )
    }

    /// It is found by the user whom its caller named, by the one whose grant stands, and by nobody else.
    async fn check_found(&self, v: usize) -> Outcome {
        let row = &self.verifications[v];
        let holder = row.claims.map(|stands| (v, stands));
        let code = self.codes.iter().find(|code| code.holder == holder);
        let grants = code.filter(|_| holder.is_some()).map(|code| code.grants);
        for (user, name) in USERS.iter().enumerate() {
            let list = ListVerifications {
                subject: Some(Pii::new(format!("{SUBJECT_ID}{name}"))),
                page_size: 100,
                ..ListVerifications::default()
            };
            let listed = self.running().engine.list(&list).await;
            let (page, _) = listed.map_err(|error| error.to_string())?;
            let is_found = page.iter().any(|view| view.row.id == self.ids[v]);
            let stands = grants.is_some_and(|grants| grants.user == user);
            if is_found != (stands || row.user == Some(user)) {
                return Err(format!("verification {v} is found by {name}: {is_found}"));
            }
        }
        Ok(())
    }
}
