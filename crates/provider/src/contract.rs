//! The contract of a provider plug-in: one small trait, and the plain types it speaks.
//!
//! A plug-in owns its vendor's wire formats, keys and peculiarities; it owns no storage, no HTTP
//! client, no retries and no clock. Parsing and checking callbacks are pure functions of bytes, keys
//! and time. What a plug-in returns is checked by the facade before anybody believes it.

mod exchange;
mod looks;
mod messages;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use verilane_core::{
    Action, ClaimName, ClaimRequest, Decision, DocumentType, FieldViolation, Pii, ProviderName,
    Reason, Timestamp, Wish, fields_of,
};

pub use exchange::{Exchanged, Granted, ProviderMessage};
pub use looks::{
    Continuation, EvidenceBody, EvidenceOffer, LookAnswer, LookRequest, Pace, Unshown,
};
pub use messages::{
    Callback, Candidate, DataItem, DataReport, FailureReport, HistoryEntry, HistoryRequest, Image,
    Reading, Refusal, Report, Revalidated, StatusReport, UnsignedData, ValueToCheck,
};

use crate::ProviderError;

/// What a connection, as configured, can do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Capability {
    /// The provider calls us.
    Callback,
    /// It keeps a history of statuses, which can be fetched later.
    History,
    /// It can be asked beforehand what a user has verified.
    Availability,
    /// Pictures come as evidence.
    Evidence,
    /// It can be asked whether a value still holds.
    Revalidate,
    /// An attempt goes on with what the user's browser brings back: from then on the provider is looked
    /// at, or gives everything at once.
    Continue,
    /// It is told what the caller decides, and has the last word.
    Review,
}

/// A claim that a connection offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedClaim {
    /// The fact.
    pub name: ClaimName,
    /// The document it comes from, where it comes from one.
    pub document: Option<DocumentType>,
    /// The provider's name for it.
    pub field: &'static str,
}

/// The lifetimes that a provider accepts for an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActionLifetime {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// The one used if the caller says none.
    pub default: Duration,
}

/// What is fixed about a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The kind of upstream system.
    pub provider: ProviderName,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// What the provider has. Derived claims can be asked for besides: see
    /// [`vocabulary`](Self::vocabulary).
    pub claims: Vec<OfferedClaim>,
    /// How long an action can live.
    pub action_lifetime: ActionLifetime,
    /// Whether a caller must name the user.
    pub needs_subject: bool,
    /// Whether it holds one request for a user and a set of fields at a time, whoever asks.
    pub holds_one_request: bool,
    /// How often it is looked at, if it can be: with [`Capability::Continue`]. One with that capability
    /// that can't be looked at gives everything at once, for a code.
    pub pace: Option<Pace>,
    /// The sets of claims that it can be asked for by name, if it has such; the name of each.
    pub scopes: &'static [&'static str],
}

impl Profile {
    /// Whether an attempt goes on with a code that the provider takes once.
    #[must_use]
    pub fn exchanges_codes(&self) -> bool {
        self.capabilities.contains(&Capability::Continue) && self.pace.is_none()
    }

    /// Everything that can be asked for, with where it comes from: each claim that is offered, and
    /// behind it those that are derived from it.
    pub fn vocabulary(&self) -> impl Iterator<Item = (ClaimName, &OfferedClaim)> {
        self.claims.iter().flat_map(|offered| {
            let names = ClaimName::ALL.iter().copied();
            let derived = names.filter(|name| name.derived_from() == Some(offered.name));
            std::iter::once(offered.name)
                .chain(derived)
                .map(move |name| (name, offered))
        })
    }
}

/// A caller's wish, before anything was checked.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The user as the provider knows him; empty if the caller names nobody.
    pub subject: Pii<String>,
    /// What to ask for. Empty only if a scope is named.
    pub claims: Vec<ClaimRequest>,
    /// The set of claims to ask for, one of [`Profile::scopes`], where the caller names one: everything
    /// that it gives is asked for.
    pub scope: Option<String>,
    /// How long the action shall live; the provider's default if unsaid.
    pub action_lifetime: Option<Duration>,
}

/// A wish that the provider could be asked for.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The user, in the one spelling under which he is found again; empty if the caller named nobody,
    /// and the provider tells.
    pub subject: Pii<String>,
    /// The claims of the request, one for one: where each can be had from. One that the verification is
    /// about is required even if the request can do without it.
    pub claims: Vec<Wish>,
    /// What the provider gives besides, for which nobody asked by name: nothing that
    /// [`claims`](Self::claims) names, but perhaps the source of a derived claim there.
    pub besides: Vec<Wish>,
    /// How long the action shall live.
    pub action_lifetime: Duration,
    /// How long what came is kept after the end; for good if none. Only where nothing comes after the end
    /// any more, as where [codes are exchanged](Profile::exchanges_codes): that would stay.
    pub retention: Option<Duration>,
}

impl Prepared {
    /// Every field that can be asked for, sorted, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = fields_of(&self.claims);
        fields.extend(fields_of(&self.besides));
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

/// Which fields a user has verified, of those asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Availability {
    /// The fields that he holds.
    pub held: Vec<String>,
}

/// A request to start, exactly as it goes to the provider.
#[derive(Debug)]
pub struct Start<'a> {
    /// The user.
    pub subject: &'a Pii<String>,
    /// What to ask for, sorted, each once.
    pub fields: &'a [&'a str],
    /// Where the provider reports how far it is.
    pub status_url: &'a Pii<String>,
    /// Where it delivers data.
    pub data_url: &'a Pii<String>,
    /// Until when the action shall live.
    pub expiry: Timestamp,
    /// Whether nobody waits for a picture of the code: a link is enough, from which it can be drawn.
    pub without_picture: bool,
}

/// A provider's answer to a request to start.
#[derive(Clone, Debug)]
pub struct Started {
    /// What the user has to do.
    pub action: Action,
    /// Whether the provider says that it held this request before.
    pub already_open: bool,
}

/// A provider, behind one configured connection.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// What is fixed about the connection.
    fn profile(&self) -> &Profile;

    /// Checks a caller's wish and puts it into the provider's terms. Pure: asks nobody. Answers
    /// with everything that is wrong, not only the first.
    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>>;

    /// Asks which of the prepared fields the user has verified, of all at once. Changes nothing.
    /// For connections with [`Capability::Availability`].
    async fn check_availability(
        &self,
        _prepared: &Prepared,
    ) -> Result<Availability, ProviderError> {
        Err(ProviderError::Refused {
            reason: Reason::AvailabilityNotOffered,
            text: None,
        })
    }

    /// Sends the request that starts an attempt. The intent, with these very URLs, is durable by
    /// now; the call can be repeated with them after an unclear outcome.
    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError>;

    /// Fetches what the provider has noted about a user and fields, oldest first in the provider's
    /// own order, whatever the times say. Changes nothing. Only asked of a connection that has
    /// [`Capability::History`].
    async fn history(
        &self,
        request: &HistoryRequest<'_>,
    ) -> Result<Vec<HistoryEntry>, ProviderError> {
        let _ = request;
        Err(ProviderError::InvalidAnswer("it keeps no history"))
    }

    /// Checks a callback and says what it tells, and about which candidate. Pure, and possibly
    /// slow (signatures): the facade keeps it off the IO threads.
    /// A plug-in whose provider calls nobody refuses all.
    fn read_callback(&self, _callback: &Callback) -> Result<Reading, Refusal> {
        Err(Reason::CallbackMalformed.into())
    }

    /// Reads data whose signature was refused, and checks everything else as for a callback. Pure. A
    /// plug-in that has no such data refuses all.
    fn read_unsigned(&self, _callback: &Callback) -> Result<UnsignedData, Refusal> {
        Err(Reason::CallbackMalformed.into())
    }

    /// Asks whether values of a user still hold. Changes nothing at the provider. For connections
    /// with [`Capability::Revalidate`].
    async fn revalidate(
        &self,
        _subject: &Pii<String>,
        _values: &[ValueToCheck<'_>],
    ) -> Result<Revalidated, ProviderError> {
        Err(ProviderError::Refused {
            reason: Reason::RevalidationNotOffered,
            text: None,
        })
    }

    /// Checks what a browser brought back, and gives the name by which the provider knows its request,
    /// or the code that it takes, in the one spelling under which it is found again. Pure. For connections
    /// with [`Capability::Continue`], as are the next ones.
    fn read_continuation(
        &self,
        _brought: &Continuation,
        _now: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        Err(FieldViolation {
            field: String::new(),
            description: "is nothing that this provider hands out".to_owned(),
            reason: Reason::ContinuationNotOffered,
        })
    }

    /// What tells a request apart, of a name that `read_continuation` gave: two names with the same are
    /// of one request. Pure.
    fn request_of<'a>(&self, reference: &'a Pii<String>) -> Cow<'a, str> {
        Cow::Borrowed(reference.expose())
    }

    /// Gives a code that `read_continuation` gave to the provider, for what the user has granted. It can
    /// succeed once. The intent is durable by now. [`ProviderError::Refused`] with `CODE_ALREADY_USED`
    /// says that the code was spent before, with any other reason that nothing was spent by this call.
    /// For connections that [exchange codes](Profile::exchanges_codes), as are the next two.
    async fn exchange(&self, _code: &Pii<String>) -> Result<ProviderMessage, ProviderError> {
        Err(ProviderError::InvalidAnswer("it takes no code"))
    }

    /// Fetches what an answer points to, if it does not hold everything itself. The answer is durable by
    /// now. It can be repeated as long as the link lives; [`ProviderError::Refused`] says that it leads
    /// nowhere any more.
    async fn fetch_exchanged(
        &self,
        _answer: &ProviderMessage,
    ) -> Result<Option<ProviderMessage>, ProviderError> {
        Ok(None)
    }

    /// Checks what an exchange gave and says what it tells. Pure, and possibly slow (signatures,
    /// pictures): the facade keeps it off the IO threads.
    fn read_exchanged(&self, _exchanged: &Exchanged) -> Result<Granted, Refusal> {
        Err(Reason::ExchangeAnswerInvalid.into())
    }

    /// Looks at a request. Changes nothing at the provider.
    async fn look(&self, _request: &LookRequest<'_>) -> Result<LookAnswer, ProviderError> {
        Err(ProviderError::InvalidAnswer("it can't be looked at"))
    }

    /// Begins to fetch a piece of evidence that a look has just shown. [`ProviderError::Refused`] says
    /// that the link leads nowhere any more, so that a further look may show another;
    /// [`ProviderError::InvalidAnswer`], now or from the body, that what is there can't be used.
    async fn fetch_evidence(
        &self,
        _offer: &EvidenceOffer,
    ) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        Err(ProviderError::InvalidAnswer("it offers no evidence"))
    }

    /// Tells the provider what the caller has decided. The decision is durable by now; the call can be
    /// repeated after an unclear outcome. What came of it, a look tells. For connections with
    /// [`Capability::Review`].
    async fn tell_decision(
        &self,
        _reference: &Pii<String>,
        _decision: Decision,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::InvalidAnswer("it takes no decision"))
    }
}
