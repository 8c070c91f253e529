//! A Civic Pass back end that does what a history says, over real HTTP: it holds requests, shows how far
//! they are, and takes decisions as they come.
//!
//! It is more credulous than Civic: a decision of ours is taken even where it contradicts the one before,
//! and each that has an effect is counted. All that it was asked, and what it answered, is written down
//! in order.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use verilane_core::clock::ManualClock;
use verilane_core::{Clock, Decision, Timestamp};

/// Whose requests there are, by their wallets.
pub const WALLETS: [&str; 2] = ["5yTfE3FuJdnmfEhV", "0xAb5801a7D398351b"];
/// The words of a request that nobody disturbs, in order.
const COURSE: [&str; 3] = ["awaiting-user", "user-acknowledged", SUCCESS];
pub const SUCCESS: &str = "verification-success";
pub const PASS: &str = "partner-pass";
pub const FAIL: &str = "partner-fail";
/// Every word that it can say, those that nobody knows included.
pub const WORDS: [&str; 11] = [
    "awaiting-user",
    "user-acknowledged",
    SUCCESS,
    "verification-failed",
    "user-cancelled",
    PASS,
    FAIL,
    "manual-review",
    "ON_HOLD-2",
    "Words: none!",
    "Other words: none!",
];
/// Its second words, none among them, and what is no word.
pub const PROGRESS: [Option<&str>; 6] = [
    None,
    Some("collecting"),
    Some("IN_PROGRESS"),
    Some("step-2"),
    Some("by Max"),
    Some("by Ada"),
];
/// What a picture is.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nno more than its beginning";

/// How it takes what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Well,
    /// Does nothing, and asks for time.
    Busy,
    /// Does nothing at all.
    Down,
    /// Does what it is asked, and breaks off instead of answering.
    Mute,
    /// Does what it is asked, and answers nonsense.
    Confused,
    /// Lets nobody in.
    Shut,
}

/// What has become of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    Good,
    /// Its link leads nowhere.
    Dead,
    /// Its link leads where nothing may be fetched.
    Astray,
}

/// What an answer tells of the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Info {
    /// All, once it can be read.
    InTime,
    /// All, from the beginning.
    Early,
    /// All but who he is, once it can be read.
    Nameless,
    /// Nothing at all.
    Missing,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub owner: usize,
    pub word: &'static str,
    pub progress: Option<&'static str>,
    pub link: Link,
    /// Whether something is linked to that nobody asked for.
    pub links_more: bool,
    pub info: Info,
    /// Whether the e-mail address, which is required, is left out.
    pub lacks: bool,
    /// Whether it is known at all.
    pub known: bool,
    /// What was decided by us.
    pub decided: Option<Decision>,
    /// How many decisions of ours had an effect.
    pub effects: usize,
}

impl Request {
    /// Whether an answer has anything of the user.
    pub fn informs(&self) -> bool {
        match self.info {
            Info::Early => true,
            Info::InTime | Info::Nameless => is_readable(self.word),
            Info::Missing => false,
        }
    }

    /// Whether it says who he is.
    pub fn names(&self) -> bool {
        self.informs() && self.info != Info::Nameless
    }
}

/// What was asked and answered.
#[derive(Clone, Debug)]
pub enum Noted {
    /// It was looked at over a connection, and this was shown; nothing if that could not be read.
    Look {
        via: usize,
        request: usize,
        shown: Option<Seen>,
    },
    /// It was told a decision.
    Order { request: usize, decision: Decision },
}

#[derive(Clone, Debug)]
pub enum Seen {
    /// It knows of no such request.
    Nothing,
    Request(Request),
}

/// What a request is seen to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Goes on in its course.
    Next,
    /// Says any word, whatever it said before.
    Says(usize),
    Progresses(usize),
    Links(Link),
    LinksMore(bool),
    Informs(Info),
    Lacks,
    /// Somebody else decides.
    IsDecided(Decision),
    IsForgotten,
    IsRemembered,
}

pub struct World {
    clock: ManualClock,
    pub mood: Mood,
    pub requests: Vec<Request>,
    pub noted: VecDeque<Noted>,
    /// When each request was last looked at, and when last in vain.
    pub looked: Vec<(Option<Timestamp>, Option<Timestamp>)>,
}

impl World {
    const fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            mood: Mood::Well,
            requests: Vec::new(),
            noted: VecDeque::new(),
            looked: Vec::new(),
        }
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        *self = Self::new(self.clock.clone());
    }

    /// A user begins in the widget.
    pub fn begin(&mut self, owner: usize) {
        self.looked.push((None, None));
        self.requests.push(Request {
            owner,
            word: COURSE[0],
            progress: None,
            link: Link::Good,
            links_more: false,
            info: Info::InTime,
            lacks: false,
            known: true,
            decided: None,
            effects: 0,
        });
    }

    pub fn act(&mut self, number: usize, act: Act) {
        let request = &mut self.requests[number];
        // What was decided stays so.
        let is_decided = request.decided.is_some();
        match act {
            Act::Next if !is_decided => {
                let place = COURSE.iter().position(|word| *word == request.word);
                let next = place.and_then(|place| COURSE.get(place + 1));
                request.word = next.copied().unwrap_or(request.word);
            }
            Act::Says(word) if !is_decided => request.word = WORDS[word % WORDS.len()],
            Act::IsDecided(decision) if !is_decided && request.word == SUCCESS => {
                request.word = word_of(decision);
            }
            Act::Progresses(word) => request.progress = PROGRESS[word % PROGRESS.len()],
            Act::Links(link) => request.link = link,
            Act::LinksMore(more) => request.links_more = more,
            Act::Informs(info) => request.info = info,
            Act::Lacks => request.lacks = true,
            Act::IsForgotten => request.known = false,
            Act::IsRemembered => request.known = true,
            Act::Next | Act::Says(_) | Act::IsDecided(_) => {}
        }
    }

    fn look(&mut self, via: usize, number: usize, base: &str) -> Answer {
        let now = self.clock.now();
        self.looked[number].0 = Some(now);
        let request = self.requests[number].clone();
        let (answer, shown) = match self.mood {
            Mood::Well if request.known => (
                Answer::Says(answer_of(number, &request, base)),
                Some(Seen::Request(request)),
            ),
            Mood::Well => (Answer::Refuses(StatusCode::NOT_FOUND), Some(Seen::Nothing)),
            mood => (Answer::of(mood), None),
        };
        if shown.is_none() {
            self.looked[number].1 = Some(now);
        }
        self.noted.push_back(Noted::Look {
            via,
            request: number,
            shown,
        });
        answer
    }

    fn order(&mut self, number: usize, decision: Decision) -> Answer {
        self.noted.push_back(Noted::Order {
            request: number,
            decision,
        });
        let mood = self.mood;
        if matches!(mood, Mood::Busy | Mood::Down | Mood::Shut) {
            return Answer::of(mood);
        }
        let request = &mut self.requests[number];
        let taken = match request.decided {
            _ if !request.known => Err(StatusCode::NOT_FOUND),
            Some(before) => Ok(before != decision),
            None if request.word == SUCCESS => Ok(true),
            None if request.word == word_of(decision) => Ok(false),
            None => Err(StatusCode::CONFLICT),
        };
        if taken == Ok(true) {
            request.decided = Some(decision);
            request.word = word_of(decision);
            request.effects += 1;
        }
        match (taken, mood) {
            (_, Mood::Mute | Mood::Confused) => Answer::of(mood),
            (Ok(_), _) => Answer::Says("{}".to_owned()),
            (Err(status), _) => Answer::Refuses(status),
        }
    }
}

pub const fn word_of(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => PASS,
        Decision::Reject => FAIL,
    }
}

/// The id of a request.
pub fn id_of(number: usize) -> String {
    format!("request-{number}")
}

/// The e-mail address that a request gives.
pub fn email_of(number: usize) -> String {
    format!("of-request-{number}@example.org")
}

pub fn is_readable(word: &str) -> bool {
    [SUCCESS, PASS, FAIL].contains(&word)
}

fn answer_of(number: usize, request: &Request, base: &str) -> String {
    let id = id_of(number);
    let mut answer = json!({ "id": id, "status": request.word });
    if let Some(progress) = request.progress {
        answer["collection-status"] = json!(progress);
    }
    if request.informs() {
        let mut information = json!({});
        if request.info != Info::Nameless {
            information["address"] = json!(WALLETS[request.owner]);
        }
        if !request.lacks {
            information["email"] = json!(email_of(number));
        }
        answer["verifiedInformation"] = information;
    }
    let mut links = vec![json!({ "rel": "self", "href": base })];
    if request.links_more {
        let href = format!("{base}/piirequest/{id}/evidence/video");
        links.push(json!({ "rel": "evidence-video", "href": href }));
    }
    if is_readable(request.word) {
        let href = match request.link {
            Link::Astray => "http://169.254.169.254/latest".to_owned(),
            Link::Good | Link::Dead => format!("{base}/piirequest/{id}/evidence/selfie"),
        };
        links.push(json!({ "rel": "evidence-selfie", "href": href }));
    }
    answer["links"] = json!(links);
    answer.to_string()
}

enum Answer {
    Says(String),
    Picture,
    Refuses(StatusCode),
    BreaksOff,
}

impl Answer {
    fn of(mood: Mood) -> Self {
        match mood {
            Mood::Well | Mood::Confused => Self::Says("{\"id\":\"of another\"}".to_owned()),
            Mood::Busy => Self::Refuses(StatusCode::TOO_MANY_REQUESTS),
            Mood::Down => Self::Refuses(StatusCode::SERVICE_UNAVAILABLE),
            Mood::Shut => Self::Refuses(StatusCode::FORBIDDEN),
            Mood::Mute => Self::BreaksOff,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Says(text) => (StatusCode::OK, text).into_response(),
            Self::Picture => (StatusCode::OK, PICTURE).into_response(),
            Self::Refuses(StatusCode::TOO_MANY_REQUESTS) => {
                (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "40")]).into_response()
            }
            Self::Refuses(status) => status.into_response(),
            Self::BreaksOff => {
                let broken: Result<Bytes, _> = Err(std::io::Error::other("broken off"));
                let broken = futures_util::stream::iter([broken]);
                Response::new(Body::from_stream(broken))
            }
        }
    }
}

pub struct Civic {
    pub world: Arc<Mutex<World>>,
    pub base: String,
}

impl Civic {
    pub async fn serve(clock: ManualClock) -> Self {
        let world = Arc::new(Mutex::new(World::new(clock)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = (Arc::clone(&world), base.clone());
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { world, base }
    }
}

/// Below a connection's own path: `/{via}/piirequest/{id}`, its `/status`, and its `/evidence/…`.
async fn answer(
    State((world, base)): State<(Arc<Mutex<World>>, String)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Answer {
    if uri.path() == "/token" {
        let token =
            json!({ "access_token": "a token", "token_type": "Bearer", "expires_in": 86_400 });
        return Answer::Says(token.to_string());
    }
    let parts: Vec<_> = uri.path().split('/').skip(1).collect();
    let [via, "piirequest", id, what @ ..] = parts.as_slice() else {
        return Answer::Refuses(StatusCode::NOT_FOUND);
    };
    let mut world = world.lock();
    let number = id.strip_prefix("request-").unwrap().parse().unwrap();
    match (method, what) {
        (Method::GET, []) => world.look(via.parse().unwrap(), number, &format!("{base}/{via}")),
        (Method::GET, ["evidence", _]) if world.requests[number].link == Link::Good => {
            Answer::Picture
        }
        (Method::PUT, ["status"]) => {
            let order: Value = serde_json::from_slice(&body).unwrap();
            let told = |decision: &Decision| order["status"] == word_of(*decision);
            let decision = [Decision::Approve, Decision::Reject].into_iter().find(told);
            world.order(number, decision.unwrap())
        }
        _ => Answer::Refuses(StatusCode::NOT_FOUND),
    }
}
