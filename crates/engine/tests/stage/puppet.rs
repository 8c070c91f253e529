//! A provider that follows a script, behind the contract of a plug-in.
//!
//! Its callbacks are JSON; instead of a signature they carry a mark. Everything that it was asked is
//! written down.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;
use verilane_core::{
    Action, ClaimName, ClaimRequest, ClaimSelector, ClaimSource, Decision, DocumentType, Fact,
    FieldViolation, Pii, ProviderName, QrOrLink, Reason, Timestamp, Wish,
};
use verilane_provider::{
    ActionLifetime, Availability, Callback, Capability, Continuation, DataItem, DataReport,
    EvidenceBody, EvidenceOffer, FailureReport, HistoryEntry, HistoryRequest, Image, LookAnswer,
    LookRequest, OfferedClaim, Pace, Prepared, Profile, Provider, ProviderError, Reading, Refusal,
    Report, Revalidated, Start, StartRequest, Started, StatusReport, UnsignedData, ValueToCheck,
};

use super::MINUTE;
use super::looks::Looks;

/// What stands in a genuine callback where others have a signature.
pub const MARK: &str = "genuine";

/// A request to start, as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct StartCall {
    pub subject: String,
    pub fields: Vec<String>,
    pub status_url: String,
    pub data_url: String,
    pub expiry: Timestamp,
    pub without_picture: bool,
}

impl StartCall {
    /// The same as it is sent once nobody waits for a picture.
    pub fn without_its_picture(&self) -> Self {
        Self {
            without_picture: true,
            ..self.clone()
        }
    }
}

/// What the provider does with one request to start.
#[derive(Clone, Debug)]
pub enum Answer {
    Takes,
    /// It holds one already, which can be accepted until then.
    HoldsOne(Timestamp),
    /// The request never leaves.
    NotSent,
    /// It may have taken it.
    Unclear,
    Busy(Option<Duration>),
    Refuses(Reason),
    /// It says no, in words of its own.
    Says(&'static str),
    Nonsense,
    /// It never answers.
    Hangs,
}

/// What the provider does with one request for its history.
#[derive(Clone, Debug)]
pub enum HistoryAnswer {
    /// It says what it has noted.
    Tells,
    /// The request never leaves.
    NotSent,
    /// It asks for time.
    Busy(Duration),
    /// It says no.
    Refuses,
}

type CheckHook = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;
type Hook = Arc<dyn Fn(StartCall) -> BoxFuture<'static, ()> + Send + Sync>;

pub struct Puppet {
    profile: Profile,
    /// How long what comes of verifications made from now on is kept.
    pub retention: Mutex<Option<Duration>>,
    held: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Answer>>,
    starts: Mutex<Vec<StartCall>>,
    /// Called with each request to start before it is answered.
    hook: Mutex<Option<Hook>>,
    availability_checks: AtomicUsize,
    /// Called with each check of what a user holds, by its number from 1.
    availability_hook: Mutex<Option<CheckHook>>,
    started: tokio::sync::Notify,
    /// Fields whose values do not hold.
    revoked: Mutex<Vec<String>>,
    checked: Mutex<Vec<Checked>>,
    /// Called with each request to check values again before it is answered, by how many values had
    /// been checked before.
    revalidation_hook: Mutex<Option<CheckHook>>,
    /// What it has noted, oldest first, whoever it is about.
    noted: Mutex<Vec<HistoryEntry>>,
    history_answers: Mutex<VecDeque<HistoryAnswer>>,
    pulls: tokio::sync::watch::Sender<usize>,
    /// Called with each request for its history before it is answered, by its number from 1.
    pull_hook: Mutex<Option<CheckHook>>,
    pub looks: Looks,
}

/// A value that it was asked to check, with its pepper.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub subject: String,
    pub field: String,
    pub value: String,
    pub pepper: String,
}

/// Offered by one that is looked at, besides.
const PAGE: OfferedClaim = OfferedClaim {
    name: ClaimName::DocumentImage,
    document: Some(DocumentType::Passport),
    field: "P_PAGE",
};

const OFFERED: [OfferedClaim; 6] = [
    OfferedClaim {
        name: ClaimName::Email,
        document: None,
        field: "EMAIL",
    },
    OfferedClaim {
        name: ClaimName::Birthdate,
        document: Some(DocumentType::Passport),
        field: "P_BIRTH",
    },
    OfferedClaim {
        name: ClaimName::Name,
        document: Some(DocumentType::Passport),
        field: "P_NAME",
    },
    OfferedClaim {
        name: ClaimName::Birthdate,
        document: Some(DocumentType::IdCard),
        field: "I_BIRTH",
    },
    OfferedClaim {
        name: ClaimName::Name,
        document: Some(DocumentType::IdCard),
        field: "I_NAME",
    },
    OfferedClaim {
        name: ClaimName::FaceImage,
        document: Some(DocumentType::Passport),
        field: "P_FACE",
    },
];

/// A status, its place in the provider's order, and what it tells.
const STATUSES: [(&str, u16, Option<Fact>); 8] = [
    ("PENDING", 1, None),
    ("ACCEPTED", 2, Some(Fact::Accepted)),
    ("INITIATED", 3, Some(Fact::Accepted)),
    (
        "VALIDITY_FAILED",
        4,
        Some(Fact::Failed(Reason::ValidityFailed)),
    ),
    ("CONFIRMED", 5, Some(Fact::Confirmed)),
    ("CALLBACK_FAILED", 6, Some(Fact::DeliveryFailed)),
    ("FINISH_SUCCESS", 7, Some(Fact::Settled)),
    ("FINISH_FAILED", 8, Some(Fact::SettlementFailed)),
];

impl Puppet {
    /// One that can't tell what a user holds.
    pub fn without_availability() -> Self {
        let mut puppet = Self::new();
        puppet.profile.capabilities = vec![Capability::Callback];
        puppet
    }

    pub fn new() -> Self {
        Self {
            profile: Profile {
                provider: ProviderName::new("puppet").unwrap(),
                capabilities: vec![
                    Capability::Callback,
                    Capability::Availability,
                    Capability::Evidence,
                    Capability::Revalidate,
                ],
                claims: OFFERED.to_vec(),
                action_lifetime: ActionLifetime {
                    min: 5 * MINUTE,
                    max: 15 * MINUTE,
                    default: 10 * MINUTE,
                },
                needs_subject: true,
                holds_one_request: true,
                pace: None,
                scopes: &[],
            },
            retention: Mutex::default(),
            held: Mutex::new(OFFERED.iter().map(|o| o.field.to_owned()).collect()),
            answers: Mutex::default(),
            starts: Mutex::default(),
            hook: Mutex::default(),
            availability_checks: AtomicUsize::new(0),
            availability_hook: Mutex::default(),
            started: tokio::sync::Notify::new(),
            revoked: Mutex::default(),
            checked: Mutex::default(),
            revalidation_hook: Mutex::default(),
            noted: Mutex::default(),
            history_answers: Mutex::default(),
            pulls: tokio::sync::watch::Sender::new(0),
            pull_hook: Mutex::default(),
            looks: Looks::new(),
        }
    }

    /// From now on no value of this field holds.
    pub fn revokes(&self, field: &str) {
        self.revoked.lock().push(field.to_owned());
    }

    /// A puppet that can't check values again.
    pub fn without_revalidation(mut self) -> Self {
        let has = &mut self.profile.capabilities;
        has.retain(|capability| *capability != Capability::Revalidate);
        self
    }

    /// Every value that it was asked to check.
    pub fn checked(&self) -> Vec<Checked> {
        self.checked.lock().clone()
    }

    /// One that can be asked what it has noted.
    pub fn keeping_history() -> Self {
        let mut puppet = Self::new();
        puppet.profile.capabilities.push(Capability::History);
        puppet
    }

    /// One that calls nobody and is looked at, after a minute and then less often.
    pub fn looked_at() -> Self {
        let mut puppet = Self::new();
        puppet.profile.capabilities = vec![
            Capability::Continue,
            Capability::Evidence,
            Capability::Review,
        ];
        puppet.profile.holds_one_request = false;
        puppet.profile.claims.push(PAGE);
        puppet.profile.pace = Some(Pace {
            first: MINUTE,
            longest: 4 * MINUTE,
        });
        puppet
    }

    /// It notes a status, and calls nobody.
    pub fn notes(&self, word: &str, time: Timestamp) {
        let known = STATUSES.iter().find(|(name, ..)| *name == word);
        let (status, rank, fact) = known.copied().unwrap_or(("OTHER", 0, None));
        self.noted.lock().push(HistoryEntry {
            report: StatusReport {
                status: status.into(),
                identity: word.to_owned(),
                occurrence: recurs(word).then_some(time),
                rank,
                fact,
                tx_hash: (rank > 2).then(|| Pii::from("0xabc")),
            },
            provider_time: time,
            is_news: true,
        });
    }

    /// The next requests for its history are answered so; after these, it tells.
    pub fn answers_pulls(&self, answers: impl IntoIterator<Item = HistoryAnswer>) {
        self.history_answers.lock().extend(answers);
    }

    /// How often it was asked for its history.
    pub fn pulls(&self) -> usize {
        *self.pulls.borrow()
    }

    /// Waits until it was asked so often.
    pub async fn asked_for_history(&self, times: usize) {
        let mut pulls = self.pulls.subscribe();
        super::soon(pulls.wait_for(|pulls| *pulls >= times))
            .await
            .unwrap();
    }

    /// What every user has verified from now on.
    pub fn holds(&self, fields: &[&str]) {
        *self.held.lock() = fields.iter().map(|f| (*f).to_owned()).collect();
    }

    /// The next requests to start are answered so; after these, all are taken.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().extend(answers);
    }

    /// Whatever is left of these answers is not given.
    pub fn forgets_answers(&self) {
        self.answers.lock().clear();
    }

    /// Something to do with each request to start before it is answered.
    pub fn at_start(
        &self,
        hook: impl Fn(StartCall) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        *self.hook.lock() = Some(Arc::new(hook));
    }

    /// Something to do with each check of what a user holds before it is answered.
    pub fn at_availability_check(
        &self,
        hook: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        *self.availability_hook.lock() = Some(Arc::new(hook));
    }

    /// Something to do with each request to check values again before it is answered.
    pub fn at_revalidation(
        &self,
        hook: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        *self.revalidation_hook.lock() = Some(Arc::new(hook));
    }

    /// Something to do with each request for its history before it is answered.
    pub fn at_pull(&self, hook: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.pull_hook.lock() = Some(Arc::new(hook));
    }

    /// Every request to start so far.
    pub fn starts(&self) -> Vec<StartCall> {
        self.starts.lock().clone()
    }

    pub fn last_start(&self) -> StartCall {
        self.starts.lock().last().unwrap().clone()
    }

    /// Waits for the request to start of this number, from 1.
    pub async fn asked_to_start(&self, number: usize) -> StartCall {
        super::soon(async {
            loop {
                let mut asked = std::pin::pin!(self.started.notified());
                asked.as_mut().enable();
                if let Some(call) = self.starts.lock().get(number - 1) {
                    return call.clone();
                }
                asked.await;
            }
        })
        .await
    }

    pub fn availability_checks(&self) -> usize {
        self.availability_checks.load(Ordering::SeqCst)
    }
}

fn wrong(field: String, reason: Reason) -> FieldViolation {
    FieldViolation {
        field,
        description: "is wrong".to_owned(),
        reason,
    }
}

fn wish(offered: &[OfferedClaim], claim: &ClaimRequest) -> Option<Wish> {
    let offered: Vec<_> = offered
        .iter()
        .filter(|offered| match &claim.selector {
            ClaimSelector::Claim { name, document } => {
                *name == offered.name && *document == offered.document
            }
            ClaimSelector::AnyDocument { name, .. } => *name == offered.name,
            ClaimSelector::ProviderField(field) => field == offered.field,
        })
        .cloned()
        .collect();
    let preferred = match &claim.selector {
        ClaimSelector::AnyDocument { preferred, .. } => preferred.clone(),
        _ => Vec::new(),
    };
    let source = |offered: &OfferedClaim| ClaimSource {
        document: offered.document,
        field: offered.field.to_owned(),
    };
    Some(Wish {
        name: offered.first()?.name,
        sources: offered.iter().map(source).collect(),
        preferred,
        required: claim.required,
    })
}

#[async_trait]
impl Provider for Puppet {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        let mut violations = Vec::new();
        let mut claims = Vec::new();
        for (place, claim) in request.claims.iter().enumerate() {
            match wish(&self.profile.claims, claim) {
                Some(wish) => claims.push(wish),
                None => violations.push(wrong(format!("claims[{place}]"), Reason::ClaimUnknown)),
            }
        }
        let lifetimes = &self.profile.action_lifetime;
        let lifetime = request.action_lifetime.unwrap_or(lifetimes.default);
        if !(lifetimes.min..=lifetimes.max).contains(&lifetime) {
            let reason = Reason::ActionLifetimeOutOfRange;
            violations.push(wrong("action_lifetime".to_owned(), reason));
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        Ok(Prepared {
            besides: Vec::new(),
            subject: Pii::from(request.subject.expose().to_lowercase()),
            claims,
            action_lifetime: lifetime,
            retention: *self.retention.lock(),
        })
    }

    async fn check_availability(&self, prepared: &Prepared) -> Result<Availability, ProviderError> {
        let number = self.availability_checks.fetch_add(1, Ordering::SeqCst) + 1;
        let hook = self.availability_hook.lock().clone();
        if let Some(hook) = hook {
            hook(number).await;
        }
        let held = self.held.lock().clone();
        let asked = prepared.fields().into_iter().map(str::to_owned);
        Ok(Availability {
            held: asked.filter(|field| held.contains(field)).collect(),
        })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        let call = StartCall {
            subject: start.subject.expose().clone(),
            fields: start.fields.iter().map(|f| (*f).to_owned()).collect(),
            status_url: start.status_url.expose().clone(),
            data_url: start.data_url.expose().clone(),
            expiry: start.expiry,
            without_picture: start.without_picture,
        };
        self.starts.lock().push(call.clone());
        self.started.notify_waiters();
        let hook = self.hook.lock().clone();
        if let Some(hook) = hook {
            hook(call).await;
        }
        let answer = self.answers.lock().pop_front().unwrap_or(Answer::Takes);
        let took = |expire_time, already_open| Started {
            action: Action::QrOrLink(QrOrLink {
                link: Pii::from(format!(
                    "puppet:{}",
                    start.subject.expose().replace(' ', "-")
                )),
                qr_png: None,
                expire_time,
            }),
            already_open,
        };
        match answer {
            Answer::Takes => Ok(took(start.expiry, false)),
            Answer::HoldsOne(until) => Ok(took(until, true)),
            Answer::NotSent => Err(ProviderError::NotSent),
            Answer::Unclear => Err(ProviderError::Unclear),
            Answer::Busy(retry_after) => Err(ProviderError::Busy { retry_after }),
            Answer::Refuses(reason) => Err(ProviderError::Refused { reason, text: None }),
            Answer::Says(words) => Err(ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: Some(words.into()),
            }),
            Answer::Nonsense => Err(ProviderError::InvalidAnswer("it makes no sense")),
            Answer::Hangs => std::future::pending().await,
        }
    }

    async fn revalidate(
        &self,
        subject: &Pii<String>,
        values: &[ValueToCheck<'_>],
    ) -> Result<Revalidated, ProviderError> {
        let hook = self.revalidation_hook.lock().clone();
        let before = self.checked.lock().len();
        if let Some(hook) = hook {
            hook(before).await;
        }
        let mut checked = self.checked.lock();
        checked.extend(values.iter().map(|value| Checked {
            subject: subject.expose().clone(),
            field: value.field.to_owned(),
            value: value.value.expose().clone(),
            pepper: value.pepper.expose().clone(),
        }));
        let revoked = self.revoked.lock();
        let fields = values.iter().map(|value| value.field.to_owned());
        let (invalid, valid) = fields.partition(|field| revoked.contains(field));
        Ok(Revalidated { valid, invalid })
    }

    async fn history(&self, _: &HistoryRequest<'_>) -> Result<Vec<HistoryEntry>, ProviderError> {
        let answer = self.history_answers.lock().pop_front();
        self.pulls.send_modify(|pulls| *pulls += 1);
        let hook = self.pull_hook.lock().clone();
        if let Some(hook) = hook {
            hook(self.pulls()).await;
        }
        match answer.unwrap_or(HistoryAnswer::Tells) {
            HistoryAnswer::Tells => Ok(self.noted.lock().clone()),
            HistoryAnswer::NotSent => Err(ProviderError::NotSent),
            HistoryAnswer::Busy(wait) => Err(ProviderError::Busy {
                retry_after: Some(wait),
            }),
            HistoryAnswer::Refuses => Err(ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: None,
            }),
        }
    }

    fn read_continuation(
        &self,
        brought: &Continuation,
        _now: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        let (Continuation::PresentationRequest(name) | Continuation::AuthorizationCode(name)) =
            brought;
        Ok(name.clone())
    }

    async fn look(&self, request: &LookRequest<'_>) -> Result<LookAnswer, ProviderError> {
        self.looks.look(request)
    }

    async fn fetch_evidence(
        &self,
        offer: &EvidenceOffer,
    ) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        self.looks.picture(offer)
    }

    async fn tell_decision(&self, _: &Pii<String>, _: Decision) -> Result<(), ProviderError> {
        self.looks.decide()
    }

    fn read_callback(&self, callback: &Callback) -> Result<Reading, Refusal> {
        let body: Value =
            serde_json::from_slice(&callback.body).map_err(|_| Reason::CallbackMalformed)?;
        if body["mark"] != MARK {
            return Err(Reason::CallbackSignatureInvalid.into());
        }
        self.read(callback, &body)
    }

    fn read_unsigned(&self, callback: &Callback) -> Result<UnsignedData, Refusal> {
        let body: Value =
            serde_json::from_slice(&callback.body).map_err(|_| Reason::CallbackMalformed)?;
        let read = self.read(callback, &body)?;
        let Report::Data(data) = read.report else {
            return Err(Reason::CallbackMalformed.into());
        };
        Ok(UnsignedData {
            candidate: read.candidate,
            data,
            provider_time: read.provider_time,
            is_late: read.is_late,
        })
    }
}

impl Puppet {
    fn read(&self, callback: &Callback, body: &Value) -> Result<Reading, Refusal> {
        let expiration = body["expiration"].as_i64();
        let carries = |candidate: &&verilane_provider::Candidate| {
            let expiry = candidate.expire_time.unwrap_or(candidate.requested_expiry);
            Some(expiry.as_secs()) == expiration
        };
        let candidates = callback.candidates.iter();
        let position = candidates
            .clone()
            .position(|candidate| carries(&candidate) && !candidate.is_cancelled)
            .or_else(|| candidates.clone().position(|candidate| carries(&candidate)))
            .or_else(|| {
                let time = Timestamp::from_secs(body["time"].as_i64()?);
                candidates
                    .clone()
                    .position(|candidate| candidate.start_time <= time)
            })
            .ok_or(Reason::CallbackAttemptUnknown)?;
        // Like a connector's, its calls name the items that it was asked for, all of them.
        let fields = &callback.candidates[position].fields;
        if !self
            .starts
            .lock()
            .iter()
            .any(|start| start.fields[..] == fields[..])
        {
            return Err(Reason::CallbackItemsMismatch.into());
        }
        let deadline = body["deadline"].as_i64().map(Timestamp::from_secs);
        let time = body["time"].as_i64().map(Timestamp::from_secs);
        Ok(Reading {
            candidate: position,
            report: report(body, fields, time)?,
            provider_time: time,
            is_late: deadline.is_some_and(|deadline| callback.receive_time > deadline),
            key_fingerprint: "a pinned key".to_owned(),
            encoding: "puppet",
        })
    }
}

/// How a PNG file begins, in hexadecimal.
pub const PNG: &str = "89504e470d0a1a0a";

/// Pictures come in hexadecimal: of faces, and where something else is one though it should be text.
fn image(field: &str, value: &str) -> Option<Image> {
    if field != "P_FACE" && !value.starts_with(PNG) {
        return None;
    }
    let bytes = (0..value.len()).step_by(2).map(|at| {
        let pair = value.get(at..at + 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    Some(bytes.map_or(Image::Unreadable, |bytes| Image::File(Pii::new(bytes))))
}

/// Whether an attempt can come to it more than once.
fn recurs(word: &str) -> bool {
    word == "CALLBACK_FAILED"
}

fn report(body: &Value, asked: &[String], time: Option<Timestamp>) -> Result<Report, Refusal> {
    let word = body["status"].as_str().unwrap_or_default();
    let known = STATUSES.iter().find(|(name, ..)| *name == word);
    if let Some(items) = body["items"].as_object() {
        let (asked, others): (Vec<_>, Vec<_>) =
            items.iter().partition(|(field, _)| asked.contains(field));
        return Ok(Report::Data(DataReport {
            items: asked
                .into_iter()
                .map(|(field, value)| DataItem {
                    checks: None,
                    field: field.clone(),
                    value: Pii::from(value["value"].as_str().unwrap()),
                    pepper: value["pepper"].as_str().map(Pii::from),
                    image: image(field, value["value"].as_str().unwrap()),
                })
                .collect(),
            unrequested: others.len(),
        }));
    }
    let &(name, rank, fact) = known.ok_or(Reason::CallbackMalformed)?;
    if body["failure"] == true {
        return Ok(Report::Failure(FailureReport {
            status: name.into(),
            rank,
            identity: format!("FAILURE {name}"),
            fact: fact.ok_or(Reason::CallbackMalformed)?,
        }));
    }
    Ok(Report::Status(StatusReport {
        status: name.into(),
        identity: name.to_owned(),
        occurrence: time.filter(|_| recurs(name)),
        rank,
        fact,
        tx_hash: body["tx_hash"].as_str().map(Pii::from),
    }))
}
