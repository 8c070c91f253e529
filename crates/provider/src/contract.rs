//! The contract of a provider plug-in: one small trait, and the plain types it speaks.
//!
//! A plug-in owns its vendor's wire formats, keys and peculiarities; it owns no storage, no HTTP
//! client, no retries and no clock. Parsing and checking callbacks are pure functions of bytes, keys
//! and time. What a plug-in returns is checked by the facade before anybody believes it.

mod exchange;
mod looks;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use verilane_core::{
    Action, CallbackChannel, Checks, ClaimName, ClaimRequest, Decision, DocumentType, Fact,
    FieldViolation, Pii, ProviderName, ProviderStatus, Reason, Timestamp, Wish, fields_of,
};

pub use exchange::{Exchanged, Granted, ProviderMessage};
pub use looks::{Continuation, EvidenceBody, EvidenceOffer, LookAnswer, LookRequest, Pace};

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
    /// The claims of the request, one for one: where each can be had from.
    pub claims: Vec<Wish>,
    /// What the provider gives besides, for which nobody asked by name. Optional, and nothing that
    /// [`claims`](Self::claims) asks for.
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

/// A provider's call, as it came in. Owned, since it is read on another thread.
#[derive(Clone)]
pub struct Callback {
    /// On which path.
    pub channel: CallbackChannel,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its body. Personal data.
    pub body: Bytes,
    /// When it came.
    pub receive_time: Timestamp,
    /// The attempts that it can be about, newest first.
    pub candidates: Vec<Candidate>,
}

/// An attempt that a callback can be about.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The user.
    pub subject: Pii<String>,
    /// What was asked for, sorted. Shared by the attempts of a slot, of which there can be many.
    pub fields: Arc<[String]>,
    /// When its intent was committed.
    pub start_time: Timestamp,
    /// The expiry that the provider was asked for.
    pub requested_expiry: Timestamp,
    /// The expiry that it answered, once it did.
    pub expire_time: Option<Timestamp>,
    /// Whether a caller called it off.
    pub is_cancelled: bool,
}

/// A callback that is what it claims to be.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The index of the candidate that it is about.
    pub candidate: usize,
    /// What it says.
    pub report: Report,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// Whether its deadline has passed.
    pub is_late: bool,
    /// The fingerprint of the pinned key that signed it.
    pub key_fingerprint: String,
    /// Which of the known encodings the signature holds for.
    pub encoding: &'static str,
}

/// What a callback says.
#[derive(Clone, Debug)]
pub enum Report {
    /// How far the provider is.
    Status(StatusReport),
    /// Verified data.
    Data(DataReport),
    /// A failure.
    Failure(FailureReport),
}

/// How far a provider is.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// Its word, one of those it documents; `"OTHER"` for any else.
    pub status: ProviderStatus,
    /// What makes this report one and the same when it comes again. Without personal data.
    pub identity: String,
    /// The provider's time of it, if an attempt can come to this more than once: then that belongs
    /// to what makes it the same. A history has it exactly; of a callback it can be that of a
    /// repeat, and so lie later.
    pub occurrence: Option<Timestamp>,
    /// The word's place in the provider's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt.
    pub fact: Option<Fact>,
    /// The hash of a transaction on a public chain. Leads back to a person.
    pub tx_hash: Option<Pii<String>>,
}

/// A question for the statuses that a provider has noted. It is about a user and fields, not about
/// an attempt: where a provider keeps several requests apart, the plug-in answers with all of them.
#[derive(Debug)]
pub struct HistoryRequest<'a> {
    /// The user.
    pub subject: &'a Pii<String>,
    /// What was asked for, sorted, each once.
    pub fields: &'a [&'a str],
}

/// A status that a provider has noted.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// What it says, under the identity that a callback about it has.
    pub report: StatusReport,
    /// The provider's own time of it.
    pub provider_time: Timestamp,
}

/// Verified data.
#[derive(Clone, Debug)]
pub struct DataReport {
    /// One entry for each field that was asked for and came. No field twice.
    pub items: Vec<DataItem>,
    /// How many items came that nobody asked for.
    pub unrequested: usize,
}

/// The value of one field.
#[derive(Clone, Debug)]
pub struct DataItem {
    /// The provider's name for the field.
    pub field: String,
    /// The value, as received.
    pub value: Pii<String>,
    /// What the provider's fingerprint of the value was salted with. As sensitive as the value.
    pub pepper: Option<Pii<String>>,
    /// The picture that the value encodes, where the field holds one.
    pub image: Option<Image>,
    /// What the provider says of the value beside it, where it says anything.
    pub checks: Option<Checks>,
}

/// A picture, taken out of the text that encodes it.
#[derive(Clone, Debug)]
pub enum Image {
    /// Its file, byte for byte.
    File(Pii<Vec<u8>>),
    /// The text encodes nothing.
    Unreadable,
}

/// Data that is right in everything but its signature. Nobody believes it.
#[derive(Clone, Debug)]
pub struct UnsignedData {
    /// The index of the candidate that it would be about.
    pub candidate: usize,
    /// What it says. Nothing in it was left unasked, and it holds something.
    pub data: DataReport,
    /// The provider's own time of it, by its own word.
    pub provider_time: Option<Timestamp>,
    /// Whether its deadline has passed.
    pub is_late: bool,
}

/// A value to be checked again.
#[derive(Clone, Copy, Debug)]
pub struct ValueToCheck<'a> {
    /// The provider's name for the field.
    pub field: &'a str,
    /// The value, as received.
    pub value: &'a Pii<String>,
    /// What its fingerprint was salted with.
    pub pepper: &'a Pii<String>,
}

/// What a provider says of values that it was asked about: each is on one list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revalidated {
    /// The fields whose values hold.
    pub valid: Vec<String>,
    /// The fields whose values don't hold.
    pub invalid: Vec<String>,
}

/// A failure.
#[derive(Clone, Debug)]
pub struct FailureReport {
    /// The provider's word, if it is one that it documents; else `"OTHER"`.
    pub status: ProviderStatus,
    /// The word's place in the provider's order; 0 if it has none.
    pub rank: u16,
    /// What makes this report one and the same when it comes again. Without personal data.
    pub identity: String,
    /// What it tells about the attempt.
    pub fact: Fact,
}

/// A callback that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("callback refused: {reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
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
