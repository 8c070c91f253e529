//! What Civic's own endpoints ask of the world: whether who asks may, and what there is.

use std::time::Duration;

use serde_json::Value;
use verilane_core::Timestamp;

use super::answer::{Generation, answer, link_holds};
use super::partner::Partner;
use super::partner_jwt;
use super::picture::Picture;
use super::request::{PiiRequest, TurnOrigin};
use super::scenario::{Evidence, Turn, word};
use super::world::{World, drawn, piece};
use crate::origins::Origins;

/// Why Civic refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Who asks is not known (401).
    Unauthorized(&'static str),
    /// It is not there, or not theirs (404).
    NotFound(&'static str),
    /// It does not fit where the request is (409).
    Conflict(&'static str),
    /// It can't be read (400).
    BadRequest(&'static str),
    /// They may not have it (403).
    Forbidden(&'static str),
}

impl World {
    /// Gives out an access token, and says for how many seconds.
    pub fn issue_token(&mut self, now: Timestamp) -> (String, u64) {
        let seconds = self.scenario().token_lifetime;
        let token = self
            .tokens
            .issue(self.seed, Duration::from_secs(seconds), now);
        (token, seconds)
    }

    /// An access token is shown for a call about a request.
    pub fn check_token(
        &mut self,
        id: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let token = token.ok_or(Refused::Unauthorized("there is no bearer token"))?;
        let holds = self.tokens.holds(token, now);
        if holds
            && let Some(request) = self.find_mut(id)
            && request.revokes > 0
        {
            request.revokes -= 1;
            self.tokens.revoke();
        }
        match self.tokens.holds(token, now) {
            true => Ok(()),
            false => Err(Refused::Unauthorized("the access token does not hold")),
        }
    }

    /// A partner JWT is shown for the request of a presentation request id.
    pub fn check_jwt(
        &self,
        given_id: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let token = token.ok_or(Refused::Unauthorized("there is no bearer token"))?;
        let Partner { told, key } = &self.partner;
        partner_jwt::check(token, key, &told.partner_id, given_id, now)
            .map_err(Refused::Unauthorized)
    }

    fn own(&self, id: &str) -> Result<&PiiRequest, Refused> {
        self.find(id)
            .filter(|request| request.partner_id == self.partner.told.partner_id)
            .ok_or(Refused::NotFound("there is no such PII request"))
    }

    /// The answer about a request, whatever it is asked for by.
    pub fn pii(
        &self,
        id: &str,
        generation: Generation,
        origins: &Origins,
        now: Timestamp,
    ) -> Result<Value, Refused> {
        let request = self.own(id)?;
        Ok(answer(request, generation, origins, self.seed, now))
    }

    /// The presentation request id of a request.
    pub fn given_id(&self, id: &str) -> Option<&str> {
        self.find(id).map(|request| request.given_id.as_str())
    }

    /// A piece of evidence that may be read, with its picture.
    pub fn evidence(&self, id: &str, rel: &str) -> Result<(Evidence, Picture), Refused> {
        let request = self.own(id)?;
        let piece = piece(request, rel)
            .filter(|_| request.is_open() && request.shows(rel))
            .ok_or(Refused::NotFound("there is no such evidence"))?;
        Ok((piece.clone(), drawn(request, piece)))
    }

    /// A pre-signed link is followed.
    pub fn check_link(
        &self,
        id: &str,
        rel: &str,
        query: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        link_holds(self.seed, (id, rel), query, now).map_err(Refused::Forbidden)
    }

    /// The partner decides.
    pub fn decide(&mut self, id: &str, decision: &str, now: Timestamp) -> Result<(), Refused> {
        if !self.own(id)?.scenario.has_decisions {
            return Err(Refused::NotFound("there is no such endpoint"));
        }
        if !matches!(decision, word::PASS | word::FAIL) {
            let text = "the status must be partner-pass or partner-fail";
            return Err(Refused::BadRequest(text));
        }
        let missing = Refused::NotFound("there is no such PII request");
        let request = self.find_mut(id).ok_or(missing)?;
        if request.status() == decision {
            return Ok(());
        }
        if matches!(request.status(), word::PASS | word::FAIL) {
            return Err(Refused::Conflict("it is decided otherwise"));
        }
        if !request.is_reviewable() {
            return Err(Refused::Conflict("the request is not in review"));
        }
        request.take(Turn::to(decision), TurnOrigin::Partner, now);
        request.decision = Some(decision.to_owned());
        request.end_course();
        self.forget_due(id);
        Ok(())
    }
}
