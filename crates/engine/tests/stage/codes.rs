//! A provider that takes codes, and does with each request what a script says, behind the contract of a
//! plug-in. It spends a code once, whatever else it does, and writes down what it was sent.
//!
//! A code is `code:NAME:UNTIL`, in seconds since the epoch; its name is what counts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use verilane_core::{
    Action, Checks, ClaimName, ClaimRequest, ClaimSelector, ClaimSource, FieldViolation, Pii,
    ProviderName, Reason, SUBJECT_ID, ScopeRequestPopup, Timestamp, Wish,
};
use verilane_provider::{
    ActionLifetime, Capability, Continuation, DataItem, DataReport, Exchanged, Granted,
    OfferedClaim, Pace, Prepared, Profile, Provider, ProviderError, ProviderMessage, Refusal,
    Start, StartRequest, Started,
};

use super::MINUTE;

/// What it offers: the user's own name there, and what he grants.
const OFFERED: [OfferedClaim; 4] = [
    offered(ClaimName::ProviderSubject, USER),
    offered(ClaimName::Email, "MAIL"),
    offered(ClaimName::PhoneNumber, "PHONE"),
    offered(ClaimName::Birthdate, "BIRTH"),
];
const USER: &str = "USER";

const fn offered(name: ClaimName, field: &'static str) -> OfferedClaim {
    OfferedClaim {
        name,
        document: None,
        field,
    }
}

/// What it does with one code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Spends it, and gives what was granted; refuses it if it is spent.
    Gives,
    /// Spends it; the answer is lost.
    IsLost,
    /// Never gets it, and nobody knows.
    NeverGotIt,
    /// The request never leaves.
    NotSent,
    /// Looks at nothing, and asks for time.
    Busy(Option<Duration>),
    /// Something before it answers.
    Overloaded(Option<Duration>),
    /// Says no, in words of its own.
    Refuses(Reason),
    /// Spends it, and answers nonsense.
    Nonsense,
}

/// What becomes of one request for what an answer points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    Gives,
    /// It leads nowhere any more.
    IsDead,
    /// It does not answer in time.
    IsSlow,
    Nonsense,
}

/// A value by its field, and whether it is valid and his own, if that is said.
pub type Item = (&'static str, &'static str, Option<(bool, bool)>);

/// What a user has granted.
#[derive(Clone, Debug)]
pub struct Grant {
    pub user: String,
    pub items: Vec<Item>,
    /// Whether the answer only points to it.
    pub is_large: bool,
    pub digest_mismatch: bool,
}

/// The words in which it says no.
pub const WORDS: &str = "the words of a refusal";
/// The key that its answers are signed under.
pub const KEY: &str = "the key of codes";

/// What it was asked, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Noted {
    /// A request to exchange a code, what was done with it, and whether it was spent by then. Of one that
    /// never left it knows nothing; it is noted all the same.
    Code(String, Reply, bool),
    /// A request for what the answer to a code points to, and what was done with it.
    Link(String, Link),
    /// What a code gave was read.
    Read(String),
    /// It was to be read, and was not, for this reason.
    Unread(String, Reason),
}

#[derive(Default)]
pub struct World {
    pub noted: VecDeque<Noted>,
    pub grants: BTreeMap<String, Grant>,
    pub spent: BTreeSet<String>,
    /// Each code that it was sent, by name, and what it did.
    pub sent: Vec<(String, Reply)>,
    /// What was handed out for a code.
    pub given: BTreeSet<String>,
    pub fetches: usize,
    /// What is done next; after these, codes are exchanged.
    pub replies: VecDeque<Reply>,
    pub links: VecDeque<Link>,
    /// Why the next answers are not read; after these, all are.
    pub unread: VecDeque<Reason>,
}

type Hook = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;
type LinkHook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

pub struct Codes {
    profile: Profile,
    pub world: Mutex<World>,
    /// Called with each code before it is answered, by its number from 1.
    hook: Mutex<Option<Hook>>,
    /// Called before each link is followed.
    link_hook: Mutex<Option<LinkHook>>,
}

/// The text of a code.
pub fn code(name: &str, until: Timestamp) -> String {
    format!("code:{name}:{}", until.as_secs())
}

fn parts(code: &str) -> Option<(&str, Timestamp)> {
    let (name, until) = code.strip_prefix("code:")?.rsplit_once(':')?;
    Some((name, Timestamp::from_secs(until.parse().ok()?)))
}

fn violation(field: String, reason: Reason) -> FieldViolation {
    FieldViolation {
        field,
        description: "is wrong".to_owned(),
        reason,
    }
}

impl Codes {
    pub fn new() -> Self {
        Self {
            profile: Profile {
                provider: ProviderName::new("codes").unwrap(),
                capabilities: vec![Capability::Continue],
                claims: OFFERED.to_vec(),
                action_lifetime: ActionLifetime {
                    min: MINUTE,
                    max: 60 * MINUTE,
                    default: 10 * MINUTE,
                },
                needs_subject: false,
                holds_one_request: false,
                pace: None,
                scopes: &["ALL"],
            },
            world: Mutex::default(),
            hook: Mutex::default(),
            link_hook: Mutex::default(),
        }
    }

    /// One that is looked at, and takes no codes.
    pub fn looked_at() -> Self {
        let mut codes = Self::new();
        codes.profile.provider = ProviderName::new("looked-at").unwrap();
        codes.profile.pace = Some(Pace {
            first: MINUTE,
            longest: 10 * MINUTE,
        });
        codes
    }

    /// A user grants what he is asked for, for a code.
    pub fn grants(&self, name: &str, grant: Grant) {
        self.world.lock().grants.insert(name.to_owned(), grant);
    }

    /// The next codes are answered so.
    pub fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.world.lock().replies.extend(replies);
    }

    /// What its links do next.
    pub fn links(&self, links: impl IntoIterator<Item = Link>) {
        self.world.lock().links.extend(links);
    }

    /// How often it was sent a code.
    pub fn sent(&self) -> usize {
        self.world.lock().sent.len()
    }

    /// Something to do with each code before it is answered.
    pub fn at_code(&self, hook: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.hook.lock() = Some(Arc::new(hook));
    }

    /// Something to do before each link is followed.
    pub fn at_link(&self, hook: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.link_hook.lock() = Some(Arc::new(hook));
    }

    fn wish(&self, claim: &ClaimRequest) -> Option<Wish> {
        let mut all = OFFERED.iter();
        let found = all.find(|offered| match &claim.selector {
            ClaimSelector::Claim { name, .. } | ClaimSelector::AnyDocument { name, .. } => {
                *name == offered.name
            }
            ClaimSelector::ProviderField(field) => field == offered.field,
        })?;
        Some(wish(found, claim.required))
    }
}

fn wish(offered: &OfferedClaim, required: bool) -> Wish {
    Wish {
        name: offered.name,
        sources: vec![ClaimSource {
            document: None,
            field: offered.field.to_owned(),
        }],
        preferred: Vec::new(),
        required,
    }
}

fn message(body: &Value) -> ProviderMessage {
    ProviderMessage {
        media_type: "application/json".to_owned(),
        body: body.to_string().into(),
    }
}

impl Grant {
    /// The e-mail address and the telephone number of a user.
    pub fn of(user: &str) -> Self {
        let said = Some((true, true));
        Self {
            user: user.to_owned(),
            items: vec![
                ("MAIL", "ada@example.org", said),
                ("PHONE", "+41 44 668 18 00", said),
            ],
            is_large: false,
            digest_mismatch: false,
        }
    }

    fn written(&self, name: &str) -> Value {
        let items = self
            .items
            .iter()
            .map(|(field, value, said)| json!({ "field": field, "value": value, "said": said }));
        let items: Vec<_> = items.collect();
        json!({
            "code": name,
            "user": self.user,
            "items": items,
            "digest": self.digest_mismatch,
        })
    }
}

#[async_trait]
impl Provider for Codes {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        let mut claims = Vec::new();
        let mut violations = Vec::new();
        for (place, claim) in request.claims.iter().enumerate() {
            match self.wish(claim) {
                Some(wish) => claims.push(wish),
                None => {
                    let field = format!("claims[{place}]");
                    violations.push(violation(field, Reason::ClaimUnknown));
                }
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let is_asked = claims
            .iter()
            .any(|wish| wish.name == ClaimName::ProviderSubject);
        let besides = OFFERED.iter().take(usize::from(!is_asked));
        Ok(Prepared {
            subject: request.subject.clone(),
            claims,
            besides: besides.map(|user| wish(user, false)).collect(),
            action_lifetime: request
                .action_lifetime
                .unwrap_or(self.profile.action_lifetime.default),
            retention: None,
        })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        Ok(Started {
            action: Action::ScopeRequestPopup(ScopeRequestPopup {
                application_id: "application".to_owned(),
                scope_request: "ALL".to_owned(),
                style: "popup".to_owned(),
                script_url: "https://codes.test/script.js".to_owned(),
                style_sheet_url: "https://codes.test/style.css".to_owned(),
                hide_intro: None,
                return_parameter: "uuid".to_owned(),
                expire_time: start.expiry,
            }),
            already_open: false,
        })
    }

    fn read_continuation(
        &self,
        brought: &Continuation,
        now: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        let Continuation::AuthorizationCode(code) = brought else {
            let Continuation::PresentationRequest(request) = brought else {
                return Err(violation(String::new(), Reason::ContinuationMalformed));
            };
            return Ok(request.clone());
        };
        let wrong = |reason| violation(String::new(), reason);
        let (_, until) = parts(code.expose()).ok_or(wrong(Reason::AuthCodeMalformed))?;
        if now > until {
            return Err(wrong(Reason::AuthCodeExpired));
        }
        Ok(code.clone())
    }

    fn request_of<'a>(&self, reference: &'a Pii<String>) -> Cow<'a, str> {
        parts(reference.expose())
            .map_or(reference.expose().as_str(), |(name, _)| name)
            .into()
    }

    async fn exchange(&self, code: &Pii<String>) -> Result<ProviderMessage, ProviderError> {
        let (name, _) = parts(code.expose()).unwrap();
        let (number, reply) = {
            let mut world = self.world.lock();
            let reply = world.replies.pop_front().unwrap_or(Reply::Gives);
            let is_spent = world.spent.contains(name);
            let noted = Noted::Code(name.to_owned(), reply, is_spent);
            world.noted.push_back(noted);
            if reply != Reply::NotSent {
                world.sent.push((name.to_owned(), reply));
            }
            (world.sent.len(), reply)
        };
        let hook = self.hook.lock().clone();
        if let Some(hook) = hook {
            hook(number).await;
        }
        let mut world = self.world.lock();
        let refused = |reason, text: Option<&str>| {
            Err(ProviderError::Refused {
                reason,
                text: text.map(Pii::from),
            })
        };
        match reply {
            Reply::NotSent => return Err(ProviderError::NotSent),
            Reply::NeverGotIt => return Err(ProviderError::Unclear),
            Reply::Busy(retry_after) => return Err(ProviderError::Busy { retry_after }),
            Reply::Overloaded(retry_after) => {
                return Err(ProviderError::Overloaded { retry_after });
            }
            Reply::Refuses(reason) => return refused(reason, Some(WORDS)),
            Reply::Gives | Reply::IsLost | Reply::Nonsense => {}
        }
        let is_new = world.spent.insert(name.to_owned());
        match reply {
            Reply::IsLost => Err(ProviderError::Unclear),
            _ if !is_new => refused(Reason::CodeAlreadyUsed, None),
            Reply::Nonsense => Err(ProviderError::InvalidAnswer("it makes no sense")),
            _ => {
                world.given.insert(name.to_owned());
                let grant = &world.grants[name];
                Ok(message(&if grant.is_large {
                    json!({ "link": name })
                } else {
                    grant.written(name)
                }))
            }
        }
    }

    async fn fetch_exchanged(
        &self,
        answer: &ProviderMessage,
    ) -> Result<Option<ProviderMessage>, ProviderError> {
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let Some(name) = answer["link"].as_str() else {
            return Ok(None);
        };
        let hook = self.link_hook.lock().clone();
        if let Some(hook) = hook {
            hook().await;
        }
        let mut world = self.world.lock();
        world.fetches += 1;
        let link = world.links.pop_front().unwrap_or(Link::Gives);
        world.noted.push_back(Noted::Link(name.to_owned(), link));
        match link {
            Link::Gives => Ok(Some(message(&world.grants[name].written(name)))),
            Link::IsSlow => Err(ProviderError::Unclear),
            Link::Nonsense => Err(ProviderError::InvalidAnswer("it makes no sense")),
            Link::IsDead => Err(ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: None,
            }),
        }
    }

    fn read_exchanged(&self, exchanged: &Exchanged) -> Result<Granted, Refusal> {
        let body = &exchanged.rest.as_ref().unwrap_or(&exchanged.answer).body;
        let body: Value = serde_json::from_slice(body).unwrap();
        let name = body["code"].as_str().unwrap().to_owned();
        {
            let mut world = self.world.lock();
            if let Some(reason) = world.unread.pop_front() {
                world.noted.push_back(Noted::Unread(name, reason));
                return Err(reason.into());
            }
            world.noted.push_back(Noted::Read(name));
        }
        let user = body["user"].as_str().unwrap();
        let item = |field: &str, value: &str, checks| DataItem {
            field: field.to_owned(),
            value: Pii::from(value),
            pepper: None,
            image: None,
            checks,
        };
        let items = body["items"].as_array().unwrap().iter().map(|written| {
            let said = written["said"].as_array().map(|said| Checks {
                is_valid: said[0] == true,
                is_owner: said[1] == true,
                digest: None,
            });
            let (field, value) = (written["field"].as_str(), written["value"].as_str());
            item(field.unwrap(), value.unwrap(), said)
        });
        let (asked, others): (Vec<_>, Vec<_>) =
            items.partition(|item| exchanged.fields.contains(&item.field));
        let subject = exchanged.subject.expose();
        Ok(Granted {
            is_anothers: !subject.is_empty() && *subject != format!("{SUBJECT_ID}{user}"),
            data: DataReport {
                items: asked,
                unrequested: others.len(),
            },
            subject: item(USER, user, None),
            document: None,
            digest_mismatch: body["digest"] == true,
            provider_time: Some(exchanged.bind_time),
            key_fingerprint: KEY.to_owned(),
        })
    }
}
