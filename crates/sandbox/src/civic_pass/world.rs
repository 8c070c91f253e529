//! Everything that Civic knows here, and how it moves: pure.
//!
//! Whoever holds it tells it the time before asking anything: `tick` takes every turn whose time
//! has come. It never waits and reads no clock, so the same calls at the same times lead to the same
//! answers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use openssl::error::ErrorStack;
use serde::Serialize;
use verilane_core::Timestamp;

use super::partner::{CivicPassPartner, Partner};
use super::picture::Picture;
use super::request::{Given, PiiOrder, PiiRequest, PiiRequestView, TurnOrigin, did, wallet};
use super::scenario::{CivicPassEndpoint, CivicPassScenario, Evidence, Turn};
use super::stop::Stops;
use super::tokens::{TokenCount, Tokens};
use crate::calls::Calls;
use crate::downtime::Downtime;
use crate::origins::Origins;
use crate::person::Person;
use crate::scenario::AnswerTrouble;
use crate::seed::Seed;
use crate::world::ControlError;

/// How many requests are remembered at most; beyond that the oldest are forgotten.
const MOST_REQUESTS: usize = 100_000;
/// How many calls are remembered at most; beyond that the oldest are forgotten.
const MOST_CALLS: usize = 20_000;
/// How many people a wallet's owner is drawn from.
const PEOPLE: usize = 10_000;
/// Whom calls of the token endpoint are about; no request has that id.
pub const NOBODY: &str = "oauth/token";

/// A call of one of Civic's own endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CivicPassCall {
    /// Its place among all: 1, 2, …
    pub number: u64,
    /// When it was answered, in Unix milliseconds.
    pub at_ms: i64,
    /// Which endpoint.
    pub endpoint: CivicPassEndpoint,
    /// The request that it was about, by the last part of its id.
    pub request: Option<String>,
    /// The status that it was answered; none if the connection was cut instead.
    pub code: Option<u16>,
    /// Whether it came with an `Authorization` header.
    pub bearer: bool,
}

/// The state of one sandbox's Civic.
#[derive(Debug)]
pub struct World {
    pub(super) seed: Seed,
    step: Duration,
    scenario: CivicPassScenario,
    pub(super) partner: Partner,
    origins: Origins,
    requests: BTreeMap<u64, PiiRequest>,
    /// Requests by the last part of their id.
    numbers: HashMap<String, u64>,
    due: BTreeSet<(Timestamp, u64)>,
    /// How many requests each wallet has had.
    opened: HashMap<String, u64>,
    started: u64,
    pub(super) tokens: Tokens,
    rules: Calls,
    calls: VecDeque<CivicPassCall>,
    called: u64,
    down: Downtime,
    /// Where a call is kept standing.
    pub(super) stops: Stops,
}

/// What it starts from.
#[derive(Debug)]
pub struct Beginning {
    /// What everything is drawn from.
    pub seed: Seed,
    /// From turn to turn.
    pub step: Duration,
    /// For the token endpoint, and for requests without one of their own.
    pub scenario: CivicPassScenario,
    /// The partner's own public key in hex, if they have one.
    pub public_key: Option<String>,
    /// Where it listens.
    pub origins: Origins,
}

impl World {
    /// A world without requests.
    pub fn new(beginning: Beginning) -> Result<Self, ErrorStack> {
        let pinned = beginning.public_key.as_deref();
        Ok(Self {
            partner: Partner::derive(beginning.seed, pinned, &beginning.origins)?,
            seed: beginning.seed,
            step: beginning.step,
            scenario: beginning.scenario,
            origins: beginning.origins,
            requests: BTreeMap::new(),
            numbers: HashMap::new(),
            due: BTreeSet::new(),
            opened: HashMap::new(),
            started: 0,
            tokens: Tokens::default(),
            rules: Calls::default(),
            calls: VecDeque::new(),
            called: 0,
            down: Downtime::Up,
            stops: Stops::default(),
        })
    }

    /// What Civic tells its partner.
    pub const fn partner(&self) -> &CivicPassPartner {
        &self.partner.told
    }

    /// Where it is, as who calls it by `host` sees it.
    pub fn origins(&self, host: Option<&str>) -> Origins {
        self.origins.seen_as(host)
    }

    /// The scenario of the token endpoint, and of requests started without one of their own.
    pub const fn scenario(&self) -> &CivicPassScenario {
        &self.scenario
    }

    /// Sets that scenario. Requests that have started keep theirs.
    pub fn set_scenario(&mut self, scenario: CivicPassScenario) {
        self.scenario = scenario;
        self.rules.forget(Some(NOBODY));
    }

    /// Takes every turn whose time has come. Says whether there was one.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        let mut moved = false;
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, number));
            moved = true;
            if let Some(request) = self.requests.get_mut(&number) {
                request.go_on(self.step);
                if let Some(next) = request.next_turn() {
                    self.due.insert((next, number));
                }
            }
        }
        moved
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The widget starts a request, on a page that knows Civic at `api`.
    pub fn start(
        &mut self,
        order: PiiOrder,
        api: &str,
        now: Timestamp,
    ) -> Result<PiiRequestView, ControlError> {
        let number = self.started + 1;
        let seed = order.seed.map_or(self.seed, Seed);
        let drawn = |what: &str| seed.hex(&format!("civic-pass/user/{number}/{what}"));
        let address = order.wallet.unwrap_or_else(|| wallet(&drawn("wallet")));
        let nth = self.opened.get(&address).map_or(1, |opened| opened + 1);
        let id = match order.id {
            Some(id) if !is_id(&id) => return Err(malformed("the id is not one")),
            Some(id) => id,
            None => seed.uuid(&format!("civic-pass/request/{address}/{nth}")),
        };
        if self.numbers.contains_key(&id) {
            return Err(malformed("there is a request of this id"));
        }
        let person = order.person.unwrap_or_else(|| {
            let mut draw = self.seed.draw(&format!("civic-pass/owner/{address}"));
            u32::try_from(draw.below(PEOPLE)).unwrap_or(0)
        });
        let partner = &self.partner.told;
        let given = Given {
            given_id: match order.url_id {
                true => format!("{api}/civic-pass/sip/v3/scopeRequest/{id}"),
                false => id.clone(),
            },
            id,
            partner_id: order
                .partner_id
                .unwrap_or_else(|| partner.partner_id.clone()),
            network: order
                .network
                .unwrap_or_else(|| partner.gatekeeper_network.clone()),
            did: order.did.unwrap_or_else(|| did(&drawn("did"))),
            wallet: address,
            person: Person::new(self.seed, person),
            seed,
            scenario: order.scenario.unwrap_or_else(|| self.scenario.clone()),
        };
        self.started = number;
        self.opened.insert(given.wallet.clone(), nth);
        while self.requests.len() >= MOST_REQUESTS {
            if let Some((number, oldest)) = self.requests.pop_first() {
                self.numbers.remove(&oldest.id);
                self.due.retain(|(_, due)| *due != number);
                self.rules.forget(Some(&oldest.id));
            }
        }
        let request = PiiRequest::start(given, self.step, now);
        if let Some(next) = request.next_turn() {
            self.due.insert((next, number));
        }
        let view = request.view();
        self.numbers.insert(request.id.clone(), number);
        self.requests.insert(number, request);
        Ok(view)
    }

    pub(super) fn find(&self, id: &str) -> Option<&PiiRequest> {
        self.requests.get(self.numbers.get(id)?)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut PiiRequest> {
        self.requests.get_mut(self.numbers.get(id)?)
    }

    /// All requests, oldest first.
    pub fn views(&self) -> Vec<PiiRequestView> {
        self.requests.values().map(PiiRequest::view).collect()
    }

    /// One request.
    pub fn view(&self, id: &str) -> Result<PiiRequestView, ControlError> {
        let request = self.find(id).ok_or(ControlError::UnknownRequest)?;
        Ok(request.view())
    }

    /// Whether a request is, or was, in a status.
    pub fn has_reached(&self, id: &str, status: &str) -> Result<bool, ControlError> {
        let view = self.view(id)?;
        Ok(view.status == status || view.turns.iter().any(|turn| turn.status == status))
    }

    /// A command turns a request; one that says a status ends its course.
    pub fn turn(
        &mut self,
        id: &str,
        turn: Turn,
        now: Timestamp,
    ) -> Result<PiiRequestView, ControlError> {
        if turn.after.is_some() {
            return Err(malformed("a turn by command comes now"));
        }
        let ends = turn.status.is_some();
        let request = self.find_mut(id).ok_or(ControlError::UnknownRequest)?;
        request.take(turn, TurnOrigin::Command, now);
        if ends {
            request.end_course();
        }
        let view = request.view();
        if ends {
            self.forget_due(id);
        }
        Ok(view)
    }

    pub(super) fn forget_due(&mut self, id: &str) {
        if let Some(number) = self.numbers.get(id) {
            self.due.retain(|(_, due)| due != number);
        }
    }

    /// Gives a request another scenario for its answers. The course that it has begun stays.
    pub fn set_request_scenario(
        &mut self,
        id: &str,
        scenario: CivicPassScenario,
    ) -> Result<PiiRequestView, ControlError> {
        let request = self.find_mut(id).ok_or(ControlError::UnknownRequest)?;
        request.links = scenario.links;
        request.revokes = scenario.revokes_tokens;
        request.scenario = scenario;
        let view = request.view();
        self.rules.forget(Some(id));
        Ok(view)
    }

    /// The picture that a download brings when nothing goes wrong.
    pub fn picture(&self, id: &str, rel: &str) -> Result<Picture, ControlError> {
        let request = self.find(id).ok_or(ControlError::UnknownRequest)?;
        let piece = piece(request, rel).ok_or(ControlError::UnknownEvidence)?;
        Ok(drawn(request, piece))
    }

    /// What happens to a call of an endpoint about a request.
    pub fn trouble(&mut self, endpoint: CivicPassEndpoint, whom: &str) -> Option<AnswerTrouble> {
        if endpoint == CivicPassEndpoint::Token {
            self.tokens.asked();
        }
        let request = self.numbers.get(whom).and_then(|n| self.requests.get(n));
        let (rules, seed) = match request {
            Some(request) => (&request.scenario.answers, request.seed),
            None if endpoint == CivicPassEndpoint::Token => (&self.scenario.answers, self.seed),
            // Nothing is remembered of ids that somebody makes up.
            None => return None,
        };
        self.rules.trouble(rules, endpoint, whom, seed)
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

    /// Writes a call down.
    pub fn note(
        &mut self,
        endpoint: CivicPassEndpoint,
        whom: &str,
        code: Option<u16>,
        bearer: bool,
        now: Timestamp,
    ) {
        self.called += 1;
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(CivicPassCall {
            number: self.called,
            at_ms: now.as_millis(),
            endpoint,
            request: (whom != NOBODY).then(|| whom.chars().take(128).collect()),
            code,
            bearer,
        });
    }

    /// The calls after a number, oldest first, about one request or all.
    pub fn calls(&self, after: u64, request: Option<&str>) -> Vec<CivicPassCall> {
        let calls = self.calls.iter().filter(|call| call.number > after);
        let about = |call: &&CivicPassCall| request.is_none() || call.request.as_deref() == request;
        calls.filter(about).cloned().collect()
    }

    /// How many access tokens there were.
    pub fn tokens(&self, now: Timestamp) -> TokenCount {
        self.tokens.count(now)
    }

    /// No access token holds any more.
    pub fn revoke_tokens(&mut self) {
        self.tokens.revoke();
    }
}

/// A piece of a request's evidence.
pub(super) fn piece<'a>(request: &'a PiiRequest, rel: &str) -> Option<&'a Evidence> {
    let mut pieces = request.scenario.evidence.iter();
    pieces.find(|piece| piece.rel == rel)
}

/// What a piece of a request's evidence shows.
pub(super) fn drawn(request: &PiiRequest, piece: &Evidence) -> Picture {
    let label = format!("civic-pass/evidence/{}/{}", request.id, piece.rel);
    Picture::new(request.seed, &label, piece.bytes)
}

fn malformed(why: &str) -> ControlError {
    ControlError::Malformed(why.to_owned())
}

fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=128).contains(&id.len()) && id.chars().all(plain)
}
