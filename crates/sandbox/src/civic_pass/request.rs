//! A PII request: how it was started, where it is on its course, and what it knows of the user.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use verilane_core::Timestamp;

use super::scenario::{CivicPassScenario, LinkStyle, Subject, Turn, word};
use crate::fields;
use crate::person::Person;
use crate::seed::Seed;

/// What the widget is told when the user opens it. Everything may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct PiiOrder {
    /// The user's wallet; one of their own if left out.
    pub wallet: Option<String>,
    /// The user's DID; one of their own if left out.
    pub did: Option<String>,
    /// The partner; the sandbox's own if left out.
    pub partner_id: Option<String>,
    /// The gatekeeper network; the partner's own if left out.
    pub network: Option<String>,
    /// Which of the invented people the user is; drawn from the wallet if left out.
    pub person: Option<u32>,
    /// What the request's id and faults are drawn from; the sandbox's seed if left out.
    pub seed: Option<u64>,
    /// Its scenario: over HTTP names or an object; the sandbox's if left out.
    #[serde(deserialize_with = "super::control::scenario_if_any")]
    pub scenario: Option<CivicPassScenario>,
    /// Its id: letters, digits, `_` and `-`, at most 128; drawn if left out.
    pub id: Option<String>,
    /// Whether the presentation request id is a URL that ends in the id.
    pub url_id: bool,
}

/// Who brought a turn about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnOrigin {
    /// The widget started the request.
    Widget,
    /// The scenario's course.
    Course,
    /// The control API: the user, Civic, or somebody else who decides.
    Command,
    /// The partner's `PUT …/status`.
    Partner,
}

/// A turn that a request has taken, and what it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnView {
    /// The status after it.
    pub status: String,
    /// The `collection-status` after it.
    pub collection_status: Option<String>,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// Who brought it about.
    pub origin: TurnOrigin,
}

/// A PII request, as the control API shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PiiRequestView {
    /// What the widget hands to the page.
    pub presentation_request_id: String,
    /// The last part of it, if it is a URL.
    pub id: String,
    /// Whose request it is.
    pub partner_id: String,
    /// The gatekeeper network.
    pub network: String,
    /// The user's wallet.
    pub wallet: String,
    /// The user's DID.
    pub did: String,
    /// The status now.
    pub status: String,
    /// The `collection-status` now.
    pub collection_status: Option<String>,
    /// Every turn so far.
    pub turns: Vec<TurnView>,
    /// What the partner decided, if they did.
    pub decision: Option<String>,
    /// What the answer says about the user once it may.
    pub verified_information: Map<String, Value>,
    /// The evidence that there are links to, or will be.
    pub evidence: Vec<String>,
    /// When it goes on by itself, in Unix milliseconds.
    pub next_turn_ms: Option<i64>,
}

/// A PII request.
#[derive(Debug)]
pub struct PiiRequest {
    pub given_id: String,
    pub id: String,
    pub partner_id: String,
    pub network: String,
    pub wallet: String,
    pub did: String,
    pub person: Person,
    pub seed: Seed,
    pub scenario: CivicPassScenario,
    pub links: LinkStyle,
    pub decision: Option<String>,
    /// How many times tokens are revoked yet.
    pub revokes: u32,
    status: String,
    collection_status: Option<String>,
    /// The evidence that there are links to; all if nothing is said.
    shown: Option<Vec<String>>,
    /// Whether it has been in a status in which PII can be read.
    opened: bool,
    course: VecDeque<Turn>,
    next_turn: Option<Timestamp>,
    turns: Vec<TurnView>,
}

/// Whether PII can be read in a status; unknown if the status is.
fn opens(status: &str) -> Option<bool> {
    match status {
        word::SUCCESS | word::COMPLETE | word::PASS | word::FAIL => Some(true),
        word::AWAITING_USER | word::ACKNOWLEDGED | word::FAILED | word::CANCELLED => Some(false),
        _ => None,
    }
}

/// The most turns that are remembered of one request.
const MOST_TURNS: usize = 1_000;

impl PiiRequest {
    /// A request that starts at `now`.
    pub fn start(given: Given, step: Duration, now: Timestamp) -> Self {
        let scenario = given.scenario;
        let mut request = Self {
            given_id: given.given_id,
            id: given.id,
            partner_id: given.partner_id,
            network: given.network,
            wallet: given.wallet,
            did: given.did,
            person: given.person,
            seed: given.seed,
            links: scenario.links,
            decision: None,
            revokes: scenario.revokes_tokens,
            status: String::new(),
            collection_status: scenario.collection_status.clone(),
            shown: None,
            opened: false,
            course: scenario.course.iter().cloned().collect(),
            next_turn: None,
            turns: Vec::new(),
            scenario,
        };
        let first = Turn::to(&request.scenario.starts_as);
        request.take(first, TurnOrigin::Widget, now);
        request.schedule(step, now);
        request
    }

    /// The status now.
    pub fn status(&self) -> &str {
        &self.status
    }

    /// The `collection-status` now.
    pub fn collection_status(&self) -> Option<&str> {
        self.collection_status.as_deref()
    }

    /// Whether the partner may decide.
    pub fn is_reviewable(&self) -> bool {
        matches!(self.status.as_str(), word::SUCCESS | word::COMPLETE)
    }

    /// Whether PII and evidence can be read.
    pub fn is_open(&self) -> bool {
        opens(&self.status).unwrap_or(self.opened)
    }

    /// Whether there is a link to a piece of evidence.
    pub fn shows(&self, rel: &str) -> bool {
        let shown = self.shown.as_ref();
        shown.is_none_or(|shown| shown.iter().any(|shown| shown == rel))
    }

    /// When it goes on by itself.
    pub const fn next_turn(&self) -> Option<Timestamp> {
        self.next_turn
    }

    /// Takes a turn.
    pub fn take(&mut self, turn: Turn, origin: TurnOrigin, at: Timestamp) {
        if let Some(status) = turn.status {
            self.opened |= opens(&status) == Some(true);
            self.status = status;
        }
        if turn.collection_status.is_some() {
            self.collection_status = turn.collection_status;
        }
        self.links = turn.links.unwrap_or(self.links);
        if turn.evidence.is_some() {
            self.shown = turn.evidence;
        }
        if self.turns.len() < MOST_TURNS {
            self.turns.push(TurnView {
                status: self.status.clone(),
                collection_status: self.collection_status.clone(),
                at_ms: at.as_millis(),
                origin,
            });
        }
    }

    /// Somebody else than the course says what the status is: the course has ended.
    pub fn end_course(&mut self) {
        self.course.clear();
        self.next_turn = None;
    }

    /// Takes the course's next turn, at its time and not at that of whoever notices.
    pub fn go_on(&mut self, step: Duration) {
        let (Some(at), Some(turn)) = (self.next_turn, self.course.pop_front()) else {
            return;
        };
        self.take(turn, TurnOrigin::Course, at);
        self.schedule(step, at);
    }

    fn schedule(&mut self, step: Duration, from: Timestamp) {
        let after = |turn: &Turn| turn.after.map_or(step, Duration::from_secs);
        self.next_turn = self.course.front().map(|turn| from + after(turn));
    }

    /// What the answer says about the user.
    pub fn information(&self) -> Map<String, Value> {
        let kind = self.scenario.document_type.as_deref();
        let kind = kind.unwrap_or("Passport");
        let document = match kind.to_ascii_lowercase().as_str() {
            "driving license" => "DriverLicense",
            "id card" => "IDCard",
            "biometric residence permit" => "ResidencePermit",
            _ => "Passport",
        };
        let of = |part: &str| self.person.value(&format!("SH_{document}_{part}"));
        let mut information: Map<String, Value> = [
            ("email", self.person.value(fields::EMAIL)),
            ("phoneNumber", self.person.value(fields::PHONE)),
            ("name", of("FULLNAME")),
            ("dateOfBirth", of("DOB")),
            ("dateOfExpiry", of("ExpiryDate")),
            ("documentType", Some(kind.to_owned())),
            ("documentNumber", of("DocumentNumber")),
            ("issueCountry", of("Country")),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect();
        if let Some(only) = &self.scenario.only_claims {
            information.retain(|name, _| only.contains(name));
        }
        information.extend(self.scenario.more_claims.clone());
        let another = |what: &str| self.seed.hex(&format!("civic-pass/another/{what}"));
        let (address, account) = match self.scenario.subject {
            Subject::AsAsked => (self.wallet.clone(), self.did.clone()),
            Subject::AnotherWallet => (wallet(&another("wallet")), self.did.clone()),
            Subject::AnotherDid => (self.wallet.clone(), did(&another("did"))),
            Subject::Unnamed => return information,
        };
        information.insert("address".to_owned(), address.into());
        information.insert("accountId".to_owned(), account.into());
        information
    }

    /// As the control API shows it.
    pub fn view(&self) -> PiiRequestView {
        PiiRequestView {
            presentation_request_id: self.given_id.clone(),
            id: self.id.clone(),
            partner_id: self.partner_id.clone(),
            network: self.network.clone(),
            wallet: self.wallet.clone(),
            did: self.did.clone(),
            status: self.status.clone(),
            collection_status: self.collection_status.clone(),
            turns: self.turns.clone(),
            decision: self.decision.clone(),
            verified_information: self.information(),
            evidence: {
                let rels = self.scenario.evidence.iter().map(|piece| &piece.rel);
                rels.filter(|rel| self.shows(rel)).cloned().collect()
            },
            next_turn_ms: self.next_turn.map(Timestamp::as_millis),
        }
    }
}

/// What a request starts from.
pub struct Given {
    pub given_id: String,
    pub id: String,
    pub partner_id: String,
    pub network: String,
    pub wallet: String,
    pub did: String,
    pub person: Person,
    pub seed: Seed,
    pub scenario: CivicPassScenario,
}

/// A wallet's address out of hex digits.
pub fn wallet(hex: &str) -> String {
    format!("0x{}", hex.get(..40).unwrap_or(hex))
}

/// A DID out of hex digits.
pub fn did(hex: &str) -> String {
    format!("did:civic:{}", hex.get(..32).unwrap_or(hex))
}
