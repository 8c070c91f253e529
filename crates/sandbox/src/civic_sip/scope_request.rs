//! A scope request: opened by the popup, read and decided on the phone, exchanged by the page's
//! server.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use verilane_core::Timestamp;

use super::scenario::CivicSipScenario;
use crate::origins::Origins;
use crate::person::Person;
use crate::seed::Seed;

/// What is asked of the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// E-mail address and phone number.
    #[default]
    BasicSignup,
    /// No more than who it is.
    AnonymousLogin,
    /// All of the identity check.
    ProofOfIdentity,
}

/// What the page's `signup` says, and who scans the code. Everything may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScopeOrder {
    /// The application; the sandbox's own if left out.
    pub app_id: Option<String>,
    /// What is asked for; `BASIC_SIGNUP` if left out.
    pub scope: Scope,
    /// Which of the invented people the user is; a new one each time if left out.
    pub person: Option<u32>,
    /// Their `userId`; the person's own with that application if left out.
    pub user_id: Option<String>,
    /// What ids and faults are drawn from; the sandbox's seed if left out.
    pub seed: Option<u64>,
    /// Its scenario: over HTTP names or an object; the sandbox's if left out.
    #[serde(deserialize_with = "super::control::scenario_if_any")]
    pub scenario: Option<CivicSipScenario>,
}

/// Where a scope request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeState {
    /// The popup shows its QR code.
    Open,
    /// The phone has read it.
    Read,
    /// The user has said no.
    Cancelled,
    /// The popup has failed.
    Failed,
    /// The user has said yes: there is a code.
    Approved,
    /// The code was spent.
    Exchanged,
}

impl ScopeState {
    /// The state of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}

/// What the popup tells of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopupError {
    /// Its type.
    pub r#type: String,
    /// What it says.
    pub message: String,
}

/// Something that the page is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CivicSipEvent {
    /// What the page listens for with `civicSip.on`.
    pub on: &'static str,
    /// What its listener gets.
    pub event: Value,
}

impl CivicSipEvent {
    /// The auth-code token of an approval, if this is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.event.get("response").and_then(Value::as_str)
    }

    fn told(on: &'static str) -> Self {
        let event = json!({ "event": format!("scoperequest:{on}") });
        Self { on, event }
    }

    fn approved(token: &str) -> Self {
        let mut event = Self::told("auth-code-received");
        if let Value::Object(members) = &mut event.event {
            members.insert("response".to_owned(), token.into());
            members.insert("type".to_owned(), "code".into());
        }
        event
    }

    fn failed(error: &PopupError) -> Self {
        Self {
            on: "civic-sip-error",
            event: json!(error),
        }
    }
}

/// A scope request, as the control API shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScopeRequestView {
    /// Its id: the `uuid` that a mobile browser comes back with.
    pub id: String,
    /// The application that asks.
    pub app_id: String,
    /// What it asks for.
    pub scope: Scope,
    /// The user's `userId`.
    pub user_id: String,
    /// Where it is.
    pub state: ScopeState,
    /// What the page was told so far.
    pub events: Vec<CivicSipEvent>,
    /// The code, if the user approved.
    pub code: Option<String>,
    /// The token around it.
    pub token: Option<String>,
    /// How many exchanges of the code were tried, those that never took effect included.
    pub tries: u32,
    /// How many of them took effect: at most one.
    pub effects: u32,
    /// When the one took effect, in Unix milliseconds.
    pub exchanged_at_ms: Option<i64>,
}

/// A scope request.
#[derive(Debug)]
pub struct ScopeRequest {
    pub id: String,
    pub app_id: String,
    pub scope: Scope,
    pub person: Person,
    pub user_id: String,
    pub seed: Seed,
    pub scenario: CivicSipScenario,
    pub state: ScopeState,
    pub events: Vec<CivicSipEvent>,
    /// The token that the browser got.
    pub token: Option<String>,
    pub tries: u32,
    pub effects: u32,
    pub exchanged_at: Option<Timestamp>,
    /// Where whoever exchanged it saw Civic.
    pub exchanged_by: Option<Origins>,
}

impl ScopeRequest {
    /// What is drawn for it, by name.
    pub fn label(&self, what: &str) -> String {
        format!("civic-sip/{}/{what}", self.id)
    }

    /// Its code.
    pub fn code(&self) -> String {
        self.seed.uuid(&self.label("code"))
    }

    /// Where storage keeps its large token.
    pub fn object(&self) -> String {
        let hex = self.seed.hex(&self.label("object"));
        hex.get(..40).unwrap_or_default().to_owned()
    }

    /// Whether the user can still do something.
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, ScopeState::Open | ScopeState::Read)
    }

    /// The phone reads it.
    pub fn read(&mut self) -> CivicSipEvent {
        self.turn(ScopeState::Read, CivicSipEvent::told("read"))
    }

    /// The user says no.
    pub fn cancel(&mut self) -> CivicSipEvent {
        let event = CivicSipEvent::told("user-cancelled");
        self.turn(ScopeState::Cancelled, event)
    }

    /// The popup fails.
    pub fn fail(&mut self, error: &PopupError) -> CivicSipEvent {
        self.turn(ScopeState::Failed, CivicSipEvent::failed(error))
    }

    /// The user says yes.
    pub fn approve(&mut self, token: String) -> CivicSipEvent {
        let event = CivicSipEvent::approved(&token);
        self.token = Some(token);
        self.turn(ScopeState::Approved, event)
    }

    fn turn(&mut self, state: ScopeState, event: CivicSipEvent) -> CivicSipEvent {
        self.state = state;
        self.events.push(event.clone());
        event
    }

    /// As the control API shows it.
    pub fn view(&self) -> ScopeRequestView {
        ScopeRequestView {
            id: self.id.clone(),
            app_id: self.app_id.clone(),
            scope: self.scope,
            user_id: self.user_id.clone(),
            state: self.state,
            events: self.events.clone(),
            code: self.token.as_ref().map(|_| self.code()),
            token: self.token.clone(),
            tries: self.tries,
            effects: self.effects,
            exchanged_at_ms: self.exchanged_at.map(Timestamp::as_millis),
        }
    }
}
