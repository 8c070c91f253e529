//! Steering Civic SIP from within the process: what its control API does, without HTTP.

use std::sync::Arc;
use std::time::Duration;

use super::application::CivicSipApplication;
use super::ledger::CivicSipCall;
use super::scenario::CivicSipScenario;
use super::scope_request::{CivicSipEvent, PopupError, ScopeOrder, ScopeRequestView, ScopeState};
use crate::scenario::AnswerTrouble;
use crate::shared::Shared;
use crate::world::ControlError;

/// Steers one sandbox's Civic SIP: the popup, the phone, and what goes wrong. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CivicSipHandle(pub(crate) Arc<Shared>);

impl CivicSipHandle {
    /// What a client is set up with: the base, the application's id, key and secret, Civic's keys.
    #[must_use]
    pub fn application(&self) -> CivicSipApplication {
        self.application_seen_as(None)
    }

    /// The same, for who knows the sandbox by the name of `host`.
    pub(crate) fn application_seen_as(&self, host: Option<&str>) -> CivicSipApplication {
        self.0.civic_sip.look(|world, _| world.told(host))
    }

    /// The scenario of requests opened without one of their own.
    #[must_use]
    pub fn scenario(&self) -> CivicSipScenario {
        self.0.civic_sip.look(|world, _| world.scenario().clone())
    }

    /// Sets that scenario. Requests that are open keep theirs.
    pub fn set_scenario(&self, scenario: CivicSipScenario) {
        self.0
            .civic_sip
            .change(|world, _| world.set_scenario(scenario));
    }

    /// The page opens the popup.
    #[must_use]
    pub fn open(&self, order: ScopeOrder) -> ScopeRequestView {
        self.0.civic_sip.change(|world, _| world.open(order))
    }

    /// The phone reads the popup's QR code.
    pub fn read(&self, id: &str) -> Result<CivicSipEvent, ControlError> {
        self.0.civic_sip.change(|world, _| world.read(id))
    }

    /// The user says yes. The event's [`token`](CivicSipEvent::token) is what a page sends to its
    /// server.
    pub fn approve(&self, id: &str) -> Result<CivicSipEvent, ControlError> {
        self.approve_seen_as(id, None)
    }

    /// The same, in a browser that knows the sandbox by the name of `host`.
    pub(crate) fn approve_seen_as(
        &self,
        id: &str,
        host: Option<&str>,
    ) -> Result<CivicSipEvent, ControlError> {
        self.0
            .civic_sip
            .change(|world, now| world.approve(id, host, now))
    }

    /// The page opens the popup, and the user says yes: the auth-code token.
    pub fn approved(&self, order: ScopeOrder) -> Result<String, ControlError> {
        let event = self.approve(&self.open(order).id)?;
        Ok(event.token().unwrap_or_default().to_owned())
    }

    /// The user says no.
    pub fn cancel(&self, id: &str) -> Result<CivicSipEvent, ControlError> {
        self.0.civic_sip.change(|world, _| world.cancel(id))
    }

    /// The popup fails.
    pub fn fail(&self, id: &str, error: &PopupError) -> Result<CivicSipEvent, ControlError> {
        self.0.civic_sip.change(|world, _| world.fail(id, error))
    }

    /// Gives a request another scenario from now on.
    pub fn set_request_scenario(
        &self,
        id: &str,
        scenario: CivicSipScenario,
    ) -> Result<ScopeRequestView, ControlError> {
        self.0
            .civic_sip
            .change(|world, _| world.set_request_scenario(id, scenario))
    }

    /// All requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ScopeRequestView> {
        self.0.civic_sip.look(|world, _| world.views())
    }

    /// One request, by its id or its code: how often the code was tried, and whether it is spent.
    pub fn request(&self, id: &str) -> Result<ScopeRequestView, ControlError> {
        self.0.civic_sip.look(|world, _| world.view(id))
    }

    /// Waits until a request is in a state, for at most `limit` of real time.
    pub async fn reached(
        &self,
        id: &str,
        state: ScopeState,
        limit: Duration,
    ) -> Result<ScopeRequestView, ControlError> {
        let view = self
            .0
            .civic_sip
            .wait(limit, |world, _| match world.view(id) {
                Ok(view) if view.state != state => None,
                found => Some(found),
            });
        view.await.unwrap_or(Err(ControlError::NotYet))
    }

    /// The clear text that an exchange of a request brings when nothing goes wrong with it.
    pub fn clear_text(&self, id: &str) -> Result<String, ControlError> {
        self.0.civic_sip.look(|world, _| world.clear_text(id))
    }

    /// Has troubles befall the exchanges to come, one each and in this order, whatever they are
    /// about and before any that scenarios have.
    pub fn befall(&self, troubles: Vec<AnswerTrouble>) -> Result<(), ControlError> {
        self.0.civic_sip.change(|world, _| world.befall(troubles))
    }

    /// The calls of Civic's own endpoints after a number (0: from the first), oldest first, about
    /// one request or all. Those that are not over are among them.
    #[must_use]
    pub fn calls(&self, after: u64, request: Option<&str>) -> Vec<CivicSipCall> {
        self.0
            .civic_sip
            .look(|world, _| world.ledger.after(after, request))
    }

    /// As [`CivicSipHandle::calls`], waiting until there is one, for at most `limit`.
    pub async fn next_calls(
        &self,
        after: u64,
        request: Option<&str>,
        limit: Duration,
    ) -> Vec<CivicSipCall> {
        let some = self.0.civic_sip.wait(limit, |world, _| {
            let calls = world.ledger.after(after, request);
            (!calls.is_empty()).then_some(calls)
        });
        some.await.unwrap_or_default()
    }

    /// Civic goes down: for so many seconds of the clock, or until told to come up. Every
    /// connection to it is cut then, and nothing is forgotten.
    pub fn go_down(&self, seconds: Option<u64>) {
        self.0
            .civic_sip
            .change(|world, now| world.go_down(seconds, now));
    }

    /// Civic comes up.
    pub fn come_up(&self) {
        self.0.civic_sip.change(|world, _| world.come_up());
    }
}
