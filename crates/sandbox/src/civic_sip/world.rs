//! Everything that Civic SIP knows here: pure.
//!
//! Whoever holds it says what time it is. It never waits and reads no clock, so the same calls at the
//! same times lead to the same answers. Nothing happens by itself: the phone is played by commands.

use std::collections::{BTreeMap, HashMap, VecDeque};

use verilane_core::Timestamp;

use super::application::{Application, CivicSipApplication};
use super::exchange::{auth_token, text_of};
use super::ledger::Calls as Ledger;
use super::scenario::{CivicSipEndpoint, CivicSipScenario};
use super::scope_request::{
    CivicSipEvent, PopupError, ScopeOrder, ScopeRequest, ScopeRequestView, ScopeState,
};
use super::setup::CivicSipSetup;
use crate::calls::Calls;
use crate::config::SandboxError;
use crate::downtime::Downtime;
use crate::origins::Origins;
use crate::person::Person;
use crate::scenario::AnswerTrouble;
use crate::seed::Seed;
use crate::world::ControlError;

/// How many requests are remembered at most; beyond that the oldest are forgotten.
const MOST_REQUESTS: usize = 100_000;
/// How many troubles can wait for exchanges to come.
const MOST_WAITING: usize = 1_000;

/// The state of one sandbox's Civic SIP.
#[derive(Debug)]
pub struct World {
    pub(super) seed: Seed,
    pub(super) scenario: CivicSipScenario,
    pub(super) application: Application,
    pub(super) requests: BTreeMap<u64, ScopeRequest>,
    /// The ledger of calls.
    pub ledger: Ledger,
    origins: Origins,
    /// Requests by id, by code, and by object in storage.
    numbers: HashMap<String, u64>,
    started: u64,
    rules: Calls,
    waiting: VecDeque<AnswerTrouble>,
    down: Downtime,
}

/// What it starts from.
#[derive(Debug)]
pub struct Beginning {
    /// What everything is drawn from.
    pub seed: Seed,
    /// The application, and the scenario of requests without one of their own.
    pub setup: CivicSipSetup,
    /// Where it listens.
    pub origins: Origins,
}

impl World {
    /// A world without requests.
    pub fn new(beginning: Beginning) -> Result<Self, SandboxError> {
        let Beginning {
            seed,
            setup,
            origins,
        } = beginning;
        Ok(Self {
            seed,
            scenario: setup.scenario.clone(),
            application: Application::derive(seed, setup, &origins)?,
            requests: BTreeMap::new(),
            ledger: Ledger::default(),
            origins,
            numbers: HashMap::new(),
            started: 0,
            rules: Calls::default(),
            waiting: VecDeque::new(),
            down: Downtime::Up,
        })
    }

    /// Where it is, as who calls it by `host` sees it.
    pub fn origins(&self, host: Option<&str>) -> Origins {
        self.origins.seen_as(host)
    }

    /// What a client is told.
    pub fn told(&self, host: Option<&str>) -> CivicSipApplication {
        self.application.told_at(&self.origins(host))
    }

    /// The scenario of requests opened without one of their own.
    pub const fn scenario(&self) -> &CivicSipScenario {
        &self.scenario
    }

    /// Sets that scenario. Requests that are open keep theirs.
    pub fn set_scenario(&mut self, scenario: CivicSipScenario) {
        self.scenario = scenario;
    }

    /// The popup opens.
    pub fn open(&mut self, order: ScopeOrder) -> ScopeRequestView {
        self.started += 1;
        let number = self.started;
        let seed = order.seed.map_or(self.seed, Seed);
        let own = &self.application.told().app_id;
        let app_id = order.app_id.unwrap_or_else(|| own.clone());
        let drawn = u32::try_from(number - 1).unwrap_or(u32::MAX);
        let person = order.person.unwrap_or(drawn);
        let user_id = order
            .user_id
            .unwrap_or_else(|| self.seed.hex(&format!("civic-sip/user/{app_id}/{person}")));
        while self.requests.len() >= MOST_REQUESTS {
            if let Some((_, oldest)) = self.requests.pop_first() {
                for name in [oldest.code(), oldest.object()] {
                    self.numbers.remove(&name);
                }
                self.numbers.remove(&oldest.id);
                self.rules.forget(Some(&oldest.id));
            }
        }
        let request = ScopeRequest {
            id: seed.uuid(&format!("civic-sip/request/{number}")),
            app_id,
            scope: order.scope,
            person: Person::new(self.seed, person),
            user_id,
            seed,
            scenario: order.scenario.unwrap_or_else(|| self.scenario.clone()),
            state: ScopeState::Open,
            events: Vec::new(),
            token: None,
            tries: 0,
            effects: 0,
            exchanged_at: None,
            exchanged_by: None,
        };
        for name in [request.id.clone(), request.code(), request.object()] {
            self.numbers.insert(name, number);
        }
        let view = request.view();
        self.requests.insert(number, request);
        view
    }

    fn find(&self, id: &str) -> Result<&ScopeRequest, ControlError> {
        let request = self.numbers.get(id).and_then(|n| self.requests.get(n));
        request.ok_or(ControlError::UnknownRequest)
    }

    fn find_mut(&mut self, id: &str) -> Result<&mut ScopeRequest, ControlError> {
        let request = self.numbers.get(id).and_then(|n| self.requests.get_mut(n));
        request.ok_or(ControlError::UnknownRequest)
    }

    fn pending(&mut self, id: &str) -> Result<&mut ScopeRequest, ControlError> {
        let request = self.find_mut(id)?;
        match request.is_pending() {
            true => Ok(request),
            false => Err(ControlError::NotAcceptable),
        }
    }

    /// The request that has given out a code.
    pub(super) fn of_code(&self, code: &str) -> Option<u64> {
        let number = self.numbers.get(code).copied()?;
        let request = self.requests.get(&number)?;
        (request.token.is_some() && request.code() == code).then_some(number)
    }

    /// The request whose token storage has under a name.
    pub(super) fn of_object(&self, object: &str) -> Option<&ScopeRequest> {
        let request = self.requests.get(self.numbers.get(object)?)?;
        (request.object() == object).then_some(request)
    }

    /// The phone reads the QR code.
    pub fn read(&mut self, id: &str) -> Result<CivicSipEvent, ControlError> {
        match self.pending(id)? {
            request if request.state == ScopeState::Open => Ok(request.read()),
            _ => Err(ControlError::NotAcceptable),
        }
    }

    /// The user says no.
    pub fn cancel(&mut self, id: &str) -> Result<CivicSipEvent, ControlError> {
        Ok(self.pending(id)?.cancel())
    }

    /// The popup fails.
    pub fn fail(&mut self, id: &str, error: &PopupError) -> Result<CivicSipEvent, ControlError> {
        Ok(self.pending(id)?.fail(error))
    }

    /// The user says yes, in a browser that knows the sandbox by the name of `host`.
    pub fn approve(
        &mut self,
        id: &str,
        host: Option<&str>,
        now: Timestamp,
    ) -> Result<CivicSipEvent, ControlError> {
        self.pending(id)?;
        let origins = self.origins(host);
        let token = auth_token(self.find(id)?, &self.application, &origins, now)?;
        Ok(self.find_mut(id)?.approve(token))
    }

    /// Gives a request another scenario from now on.
    pub fn set_request_scenario(
        &mut self,
        id: &str,
        scenario: CivicSipScenario,
    ) -> Result<ScopeRequestView, ControlError> {
        let request = self.find_mut(id)?;
        request.scenario = scenario;
        let view = request.view();
        self.rules.forget(Some(&view.id));
        Ok(view)
    }

    /// All requests, oldest first.
    pub fn views(&self) -> Vec<ScopeRequestView> {
        self.requests.values().map(ScopeRequest::view).collect()
    }

    /// One request, by its id or its code.
    pub fn view(&self, id: &str) -> Result<ScopeRequestView, ControlError> {
        self.find(id).map(ScopeRequest::view)
    }

    /// The clear text of a request's data.
    pub fn clear_text(&self, id: &str) -> Result<String, ControlError> {
        Ok(text_of(self.find(id)?)?)
    }

    /// What happens to a call about a request. A try of a code is counted, whatever that is.
    pub fn trouble(
        &mut self,
        endpoint: CivicSipEndpoint,
        request: Option<&str>,
    ) -> Option<AnswerTrouble> {
        let exchange = endpoint == CivicSipEndpoint::Exchange;
        if exchange
            && let Some(request) = request
            && let Ok(request) = self.find_mut(request)
        {
            request.tries += 1;
        }
        if exchange && let Some(trouble) = self.waiting.pop_front() {
            return Some(trouble);
        }
        let number = self.numbers.get(request?)?;
        let request = self.requests.get(number)?;
        let rules = &request.scenario.answers;
        self.rules
            .trouble(rules, endpoint, &request.id, request.seed)
    }

    /// Has troubles befall the exchanges to come, one each, before any that scenarios have.
    pub fn befall(&mut self, troubles: Vec<AnswerTrouble>) -> Result<(), ControlError> {
        if self.waiting.len() + troubles.len() > MOST_WAITING {
            return Err(ControlError::Malformed("too many troubles".to_owned()));
        }
        self.waiting.extend(troubles);
        Ok(())
    }

    /// Whether Civic is down.
    pub fn is_down(&self, now: Timestamp) -> bool {
        self.down.is_on(now)
    }

    /// Civic goes down: for so many seconds, or until it is told to come up.
    pub fn go_down(&mut self, seconds: Option<u64>, now: Timestamp) {
        self.down.begin(seconds, now);
    }

    /// Civic comes up.
    pub fn come_up(&mut self) {
        self.down = Downtime::Up;
    }

    /// The id of the request that a code or an object in storage belongs to.
    pub fn request_of(&self, name: &str) -> Option<String> {
        let request = self.requests.get(self.numbers.get(name)?)?;
        Some(request.id.clone())
    }
}
