//! What callers are shown, opened from what is at rest.

use verilane_core::decide::PageEvent;
use verilane_core::{
    Action, AttemptNumber, ClaimName, ClaimSelector, ClaimSource, ClaimStatus, ClaimValue,
    ConnectionName, Date, Decision, EvidenceId, EvidenceRecord, Pii, Principal, ProviderName,
    RequestedClaim, Revision, State, StoredClaim, Timestamp, Verification, VerificationId, Wish,
};
use verilane_provider::{CircuitHealth, CircuitState, Continuation, Health, HealthState, Profile};
use verilane_store::ListOrder;
use verilane_vault::{SealedWhat, VaultError};

use crate::sealing::{FIRST, Sealer};
use crate::{EngineError, KeyCache};

/// A verification with what its caller may see of it in clear.
#[derive(Clone, Debug)]
pub struct VerificationView {
    /// The row.
    pub row: Verification,
    /// The caller's reference to the subject.
    pub subject_ref: Option<Pii<String>>,
    /// The caller's labels.
    pub labels: Vec<(String, Pii<String>)>,
    /// Why it was asked for.
    pub purpose: Pii<String>,
    /// What the user has to do, of each attempt that still waits for him.
    pub actions: Vec<(AttemptNumber, Action)>,
    /// Whether a new attempt may be asked for now.
    pub retryable: bool,
    /// Whether the request that is answered with this found the verification open already.
    pub joined: bool,
}

impl VerificationView {
    pub(crate) fn open(
        row: Verification,
        now: Timestamp,
        keys: &KeyCache,
    ) -> Result<Self, EngineError> {
        let key = keys.of(&row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let subject_ref = row
            .subject_ref
            .as_ref()
            .map(|sealed| sealer.open_text(FIRST, SealedWhat::SubjectRef, sealed))
            .transpose()?;
        let labels = row
            .labels
            .as_ref()
            .map(|sealed| sealer.open_labels(sealed))
            .transpose()?
            .unwrap_or_default();
        let purpose = sealer.open_text(FIRST, SealedWhat::Purpose, &row.purpose)?;
        // An action that nobody can take any more is not shown: it would only be a dead code.
        let actions = row
            .attempts
            .iter()
            .filter(|a| a.state().0 == State::Pending && now < row.expire_time)
            .filter(|a| a.expire_time.is_none_or(|until| now < until) && a.handover.is_none())
            .filter_map(|a| Some((a.number, a.action.as_ref()?)))
            .map(|(number, action)| Ok((number, sealer.open_action(number, action)?)))
            .collect::<Result<_, EngineError>>()?;
        Ok(Self {
            subject_ref,
            labels,
            purpose,
            actions,
            retryable: row.is_retryable(now),
            joined: false,
            row,
        })
    }
}

/// Why and for whom personal data is handled.
#[derive(Clone, Debug, Default)]
pub struct AccessContext {
    /// The purpose. Required.
    pub purpose: Pii<String>,
    /// The person behind the calling service, opaque.
    pub actor: Pii<String>,
    /// The caller's own reference of the access.
    pub reference: Pii<String>,
}

/// Claims to read.
#[derive(Clone, Debug)]
pub struct ReadClaims {
    /// Who reads.
    pub principal: Principal,
    /// Why.
    pub access: AccessContext,
    /// Which claims; all if empty.
    pub claims: Vec<ClaimSelector>,
    /// Of which claims the pepper too.
    pub peppers_of: Vec<ClaimSelector>,
}

/// A piece of evidence to hand out.
#[derive(Clone, Debug)]
pub struct DownloadEvidence {
    /// Who reads.
    pub principal: Principal,
    /// Why.
    pub access: AccessContext,
    /// Whose evidence.
    pub verification: VerificationId,
    /// Which piece.
    pub evidence: EvidenceId,
    /// How many of its bytes the reader has already.
    pub offset: u64,
}

/// Claims to have checked again.
#[derive(Clone, Debug)]
pub struct Revalidate {
    /// Who asks.
    pub principal: Principal,
    /// Why.
    pub access: AccessContext,
    /// Whose claims.
    pub verification: VerificationId,
    /// Which claims; all if empty.
    pub claims: Vec<ClaimSelector>,
}

/// What a provider says of a claim now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revalidation {
    /// It holds.
    Holds,
    /// It does not hold any more.
    DoesNotHold,
    /// Nobody can tell: it came without a pepper.
    NotCheckable,
}

/// What providers say of claims now.
#[derive(Clone, Debug)]
pub struct RevalidationView {
    /// The verification afterwards.
    pub row: Verification,
    /// The claims as they were asked for, by field. What is derived from a claim is said the same of as
    /// of the claim.
    pub claims: Vec<(RequestedClaim, Revalidation)>,
}

/// A claim in clear.
#[derive(Clone, Debug)]
pub struct ClaimView {
    /// The name that it was asked for by.
    pub name: ClaimName,
    /// What has become of it.
    pub status: ClaimStatus,
    /// Everything that is not sealed about what came: of a derived claim, about the claim that it is
    /// derived from.
    pub claim: StoredClaim,
    /// The value, as the provider sent it; none if evidence holds it, or if the claim is derived.
    pub raw: Option<Pii<String>>,
    /// What follows from the value that came, if the claim is derived.
    pub derived: Option<Derived>,
    /// The pepper, if it was asked for. A derived claim has none.
    pub pepper: Option<Pii<String>>,
    /// The kind of the document that it came from, in the provider's own word, if that has one.
    pub provider_document: Option<Pii<String>>,
}

/// The value of a derived claim.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The claim that it is derived from.
    pub from: ClaimName,
    /// The day, in UTC, that it holds for: that of the reading.
    pub as_of: Pii<Date>,
    /// The value; none if it can't be derived from what came.
    pub value: Option<ClaimValue>,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct ClaimsView {
    /// The verification as it stood.
    pub row: Verification,
    /// The user, as the provider knows him.
    pub subject: Pii<String>,
    /// The claims, by field.
    pub claims: Vec<ClaimView>,
    /// The evidence that backs these claims, oldest first.
    pub evidence: Vec<EvidenceView>,
}

/// A piece of evidence that backs a claim.
#[derive(Clone, Debug)]
pub struct EvidenceView {
    /// Everything about it that is not sealed.
    pub record: EvidenceRecord,
    /// Its media type, as its bytes begin.
    pub media_type: String,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl EvidenceView {
    pub(crate) fn open(record: EvidenceRecord, sealer: &Sealer<'_>) -> Result<Self, VaultError> {
        let (media_type, sha256) = sealer.open_evidence_description(&record)?;
        Ok(Self {
            record,
            media_type,
            sha256,
        })
    }
}

/// A configured connection, for callers.
#[derive(Clone, Debug)]
pub struct ConnectionView {
    /// Its name.
    pub name: ConnectionName,
    /// What is fixed about it.
    pub profile: Profile,
    /// How its provider has answered lately.
    pub health: Health,
    /// How soon after the last news of an attempt its provider is asked for what was missed, at
    /// first; none if it is not.
    pub poll_interval: Option<std::time::Duration>,
    /// How long it is left alone at most while an attempt is open; none if it is never asked.
    pub poll_interval_max: Option<std::time::Duration>,
    /// Whether calls pass to it at all.
    pub circuit: CircuitHealth,
}

impl ConnectionView {
    /// Whether what is asked of the provider now can be expected to be answered.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.circuit.state == CircuitState::Closed && self.health.state != HealthState::Unavailable
    }
}

/// What a user is to be asked about, without being asked himself.
#[derive(Clone, Debug)]
pub struct CheckAvailability {
    /// Who asks.
    pub principal: Principal,
    /// At which connection.
    pub connection: ConnectionName,
    /// The user as the provider knows him.
    pub subject: Pii<String>,
    /// What he may hold.
    pub claims: Vec<verilane_core::ClaimRequest>,
    /// Why, and for whom.
    pub access: AccessContext,
}

/// What a user holds of what could be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AvailabilityView {
    /// Whether a verification of these claims could be created, as far as they go.
    pub can_create: bool,
    /// Claim by claim, in the order of the request.
    pub claims: Vec<ClaimAvailability>,
}

/// Where a claim would come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimAvailability {
    /// The wish, with every field that was tried.
    pub wish: Wish,
    /// The source that would be asked for; none if the user holds it nowhere.
    pub source: Option<ClaimSource>,
}

/// A verification to ask for.
#[derive(Clone, Debug)]
pub struct CreateVerification {
    /// Who asks.
    pub principal: Principal,
    /// Makes repeats of the call harmless.
    pub request_id: Option<String>,
    /// At which connection.
    pub connection: ConnectionName,
    /// The user as the provider knows him.
    pub subject: Pii<String>,
    /// The caller's reference to the user.
    pub subject_ref: Option<Pii<String>>,
    /// What to ask for.
    pub claims: Vec<verilane_core::ClaimRequest>,
    /// The provider's set of claims to ask for, where it has such and the caller names one.
    pub scope: Option<String>,
    /// The caller's labels, sorted by key, each key once.
    pub labels: Vec<(String, Pii<String>)>,
    /// Why, and for whom.
    pub access: AccessContext,
    /// When it stops waiting for the user.
    pub expire: Expire,
    /// How long an action shall live.
    pub action_lifetime: Option<std::time::Duration>,
    /// How many attempts it may have.
    pub max_attempts: Option<u32>,
    /// Whether its caller needs no picture of a QR code, since the link is enough.
    pub without_picture: bool,
    /// Where the call stands in a trace.
    pub trace_parent: Option<verilane_core::TraceParent>,
}

/// A new attempt to ask for.
#[derive(Clone, Debug)]
pub struct RetryVerification {
    /// Who asks.
    pub principal: Principal,
    /// Makes repeats of the call harmless.
    pub request_id: Option<String>,
    /// Of which verification.
    pub verification: VerificationId,
    /// The revision that the caller has seen.
    pub expected: Option<Revision>,
    /// Why, and for whom.
    pub access: AccessContext,
    /// How long the action shall live.
    pub action_lifetime: Option<std::time::Duration>,
    /// Whether the provider need not draw a picture.
    pub without_picture: bool,
}

/// What a user's browser brought back.
#[derive(Clone, Debug)]
pub struct ContinueVerification {
    /// Who hands it in.
    pub principal: Principal,
    /// For which verification.
    pub verification: VerificationId,
    /// The revision that the caller has seen.
    pub expected: Option<Revision>,
    /// Why, and for whom.
    pub access: AccessContext,
    /// What it is.
    pub brought: Brought,
}

/// What a browser has brought back, or what its page tells.
#[derive(Clone, Debug)]
pub enum Brought {
    /// What the attempt goes on with.
    Continuation(Continuation),
    /// What the user does, as the provider's part of the page tells. With it what the page was told
    /// besides, in words of the provider's.
    Page(PageEvent, Pii<String>),
}

/// A decision on what was verified.
#[derive(Clone, Debug)]
pub struct ReviewVerification {
    /// Who decides.
    pub principal: Principal,
    /// On which verification.
    pub verification: VerificationId,
    /// The revision that the caller has seen.
    pub expected: Option<Revision>,
    /// Why, and for whom.
    pub access: AccessContext,
    /// What is decided.
    pub decision: Decision,
    /// What the caller gives as its reason. Goes into the audit chain, sealed.
    pub reason: Pii<String>,
}

/// When a verification stops waiting for its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expire {
    /// As configured.
    Default,
    /// At a time.
    At(Timestamp),
    /// After a time.
    After(std::time::Duration),
}

/// What a list can be narrowed by. Empty sets match everything.
#[derive(Clone, Debug, Default)]
pub struct ListVerifications {
    /// The connection is one of these.
    pub connections: Vec<ConnectionName>,
    /// The provider is one of these.
    pub providers: Vec<ProviderName>,
    /// The state is one of these.
    pub states: Vec<State>,
    /// The user as the provider knows him.
    pub subject: Option<Pii<String>>,
    /// The caller's reference to the user.
    pub subject_ref: Option<Pii<String>>,
    /// Every one of these labels.
    pub labels: Vec<(String, Pii<String>)>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// In which order.
    pub order: ListOrder,
    /// At most so many.
    pub page_size: u32,
    /// Where the page before ended.
    pub page_token: Option<String>,
}

/// Names of claims, for the audit chain: no values.
pub(crate) fn matter(name: ClaimName, document: Option<verilane_core::DocumentType>) -> String {
    document.map_or_else(|| name.to_string(), |document| format!("{document}/{name}"))
}
