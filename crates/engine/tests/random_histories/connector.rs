//! A CorePass connector that does what a history says, over real HTTP: it holds requests, notes what
//! becomes of them, and writes really signed callbacks, which the history delivers or loses.
//!
//! One request a user and set of items, as documented: a second one is told of the first while nobody
//! has begun with it, and refused from `INITIATE_SUBMITTED` on until it is finished.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha3::{Digest, Sha3_256};
use verilane_core::clock::ManualClock;
use verilane_core::{CallbackChannel, Clock};

use crate::model::{RECURS, WORDS, canonical};

/// What a history tells of a request that nobody has accepted yet.
pub const WAITS: &str = "PENDING";

/// A user and a set of items, by their places.
pub type Slot = (usize, usize);

pub const USERS: [&str; 2] = [
    "ab22b1671b4f7ccc0b16a87514adde84513b6348232e",
    "cb4500112233445566778899aabbccddeeff00112233",
];
/// Every user and set of items.
pub const SLOTS: [Slot; 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];
const ITEMS: [&[&str]; 2] = [&["SH_EMAIL", "SH_PHONE"], &["SH_EMAIL"]];
/// An item that nobody asks for.
const FOREIGN: &str = "SH_Passport_DOB";
/// How far back a history reaches.
const MONTH: i64 = 30 * 24 * 3_600;
/// What can go wrong with a transfer, and words that are not documented.
pub const FAILURES: [&str; 6] = [
    "INITIATED_FAILED",
    "VALIDITY_FAILED",
    "CONFIRM_FAILED",
    "CONFIRMED_FAILED",
    "FINISH_FAILED",
    "out of gas",
];

pub fn asked(slot: Slot) -> &'static [&'static str] {
    ITEMS[slot.1]
}

/// The e-mail address is required, all else is not.
pub fn required(slot: Slot) -> &'static [&'static str] {
    &ITEMS[slot.1][..1]
}

/// How the connector takes what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Well,
    /// Does nothing about requests and histories, and says so.
    Busy,
    /// Does what it is asked, and does not answer.
    Mute,
    /// Does nothing at all.
    Down,
}

/// What the connector was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Asked {
    Start,
    History,
}

/// What a start was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is held, and can be accepted until then.
    Holds(i64),
    /// Another is held that can be accepted until then.
    HeldAlready(i64),
    /// Another is being worked on.
    Ongoing,
    /// Nothing that could be read.
    Nothing,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    Status { word: String, tx: Option<String> },
    Data(Vec<(String, String)>),
    Failure(String),
}

/// A callback, not signed yet.
#[derive(Clone, Debug)]
pub struct Letter {
    pub slot: Slot,
    /// The secret end of the URL that it goes to.
    pub path: String,
    pub what: What,
    /// When what it tells of happened.
    pub time: i64,
    /// The request's expiration, unless it is left out.
    pub expiration: Option<i64>,
    pub delivered: bool,
}

/// Who signs a callback, and whether what is signed is what is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hand {
    Genuine,
    /// A key of somebody else.
    Stranger,
    /// Changed after it was signed.
    Changed,
}

/// What a request brings if it succeeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    All,
    /// Without what is not required.
    Least,
    /// Without what is.
    Lacking,
    /// With what nobody asked for.
    More,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub slot: Slot,
    pub expiration: i64,
    paths: [String; 2],
    content: Content,
    rank: usize,
    /// Whether nothing more is to be done about it.
    over: bool,
}

/// What a request was seen to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// The transfer goes on, passing over so many statuses.
    Next(usize),
    Fails(usize),
    Finishes,
    /// A delivery fails, as it can again and again.
    CannotDeliver,
    WritesData {
        with_expiration: bool,
    },
    WritesFailure(usize),
    /// The user takes back what is required.
    Lacks,
}

pub struct World {
    clock: ManualClock,
    pub mood: Mood,
    pub requests: Vec<Request>,
    /// All statuses in the order noted.
    pub noted: Vec<Letter>,
    pub letters: Vec<Letter>,
    /// What starts were answered since this was last looked at.
    pub answers: Vec<(Slot, Answer)>,
    /// How many histories of a slot were told since this was last looked at.
    pub told: BTreeMap<Slot, usize>,
    /// When a history of a slot was last asked for in vain.
    pub untold: BTreeMap<Slot, i64>,
    /// When a start, and when a history, of a slot was last asked for, whatever was answered.
    pub asked: BTreeMap<(Asked, Slot), i64>,
}

pub struct Connector {
    pub world: Arc<Mutex<World>>,
    pub base: String,
    keys: [PKey<Private>; 3],
}

impl Connector {
    pub async fn serve(clock: ManualClock) -> Self {
        let world = Arc::new(Mutex::new(World::new(clock)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let key = |seed| PKey::private_key_from_raw_bytes(&[seed; 57], Id::ED448).unwrap();
        Self {
            world,
            base,
            keys: [key(1), key(2), key(3)],
        }
    }

    /// The public halves of the keys for statuses and for all else.
    pub fn public_keys(&self) -> [String; 2] {
        let public = |key: &PKey<Private>| hex(&key.raw_public_key().unwrap());
        [public(&self.keys[0]), public(&self.keys[1])]
    }

    /// A callback's bytes under a deadline.
    pub fn sign(&self, letter: &Letter, deadline: i64, hand: Hand) -> String {
        let body = letter.body(deadline);
        let key = match (hand, letter.channel()) {
            (Hand::Stranger, _) => &self.keys[2],
            (_, CallbackChannel::Status) => &self.keys[0],
            (_, CallbackChannel::Data) => &self.keys[1],
        };
        let mut signed = body.clone();
        if hand == Hand::Changed {
            signed.push(' ');
        }
        let digest = Sha3_256::digest(signed.as_bytes());
        let mut signer = Signer::new_without_digest(key).unwrap();
        let mut signature = signer.sign_oneshot_to_vec(&digest).unwrap();
        signature.extend(key.raw_public_key().unwrap());
        let open = body.strip_suffix('}').unwrap();
        format!("{open},\"signature\":\"{}\"}}", STANDARD.encode(signature))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Letter {
    /// Whether it tells of this status.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(&self.what, What::Status { word, .. } if word == wanted)
    }

    /// Whether it tells the same status as another, of whatever request.
    pub fn is_same(&self, other: &Self) -> bool {
        let word = |letter: &Self| match &letter.what {
            What::Status { word, .. } => Some(canonical(word).to_owned()),
            _ => None,
        };
        word(self) == word(other)
    }

    /// Whether it tells that the user has accepted, and nothing has ended.
    pub fn accepts(&self) -> bool {
        let course = [
            "ACCEPTED",
            "INITIATE_SUBMITTED",
            "INITIATED",
            "KYC_RECEIVED",
        ];
        let further = ["VALIDITY_CHECK", "VALIDITY_SUCCEED", "CONFIRM_SUBMITTED"];
        course.iter().chain(&further).any(|word| self.is(word))
    }

    /// Whether nothing more is done about the request that it tells of.
    pub fn ends(&self) -> bool {
        let ends = FAILURES.iter().chain(&["FINISH_SUCCESS"]);
        ends.into_iter().any(|word| self.is(word))
    }

    pub const fn channel(&self) -> CallbackChannel {
        match self.what {
            What::Status { .. } => CallbackChannel::Status,
            What::Data(_) | What::Failure(_) => CallbackChannel::Data,
        }
    }

    /// Compact, members in wire order.
    fn body(&self, deadline: i64) -> String {
        let mut members = vec![format!("\"user\":{}", json!(USERS[self.slot.0]))];
        let items = asked(self.slot);
        match &self.what {
            What::Status { word, .. } => {
                let hash = |item: &&str| hex(&Sha3_256::digest(item.as_bytes()));
                let hashes: Vec<_> = items.iter().map(hash).collect();
                members.push(format!("\"fields\":{}", json!(hashes)));
                members.push(format!("\"status\":{}", json!(word)));
            }
            What::Data(values) => {
                let info = |(field, value): &(String, String)| {
                    format!(
                        "{{\"fieldID\":{},\"fieldValue\":{},\"pepper\":\"00ff\"}}",
                        json!(field),
                        json!(value)
                    )
                };
                let infos: Vec<_> = values.iter().map(info).collect();
                members.push(format!("\"infos\":[{}]", infos.join(",")));
            }
            What::Failure(error) => {
                members.push(format!("\"items\":{}", json!(items)));
                members.push(format!("\"error\":{}", json!(error)));
            }
        }
        if let Some(expiration) = self.expiration {
            members.push(format!("\"expiration\":{expiration}"));
        }
        members.push(format!("\"deadline\":{deadline}"));
        if let What::Status { tx: Some(tx), .. } = &self.what {
            members.push(format!("\"tx_hash\":\"{tx}\""));
        }
        format!("{{{}}}", members.join(","))
    }
}

impl World {
    const fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            mood: Mood::Well,
            requests: Vec::new(),
            noted: Vec::new(),
            letters: Vec::new(),
            answers: Vec::new(),
            told: BTreeMap::new(),
            untold: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        *self = Self::new(self.clock.clone());
    }

    fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// Whether a request has no successor, so that the history can still be its own.
    fn is_newest(&self, number: usize) -> bool {
        let slot = self.requests[number].slot;
        let last = self.requests.iter().rposition(|other| other.slot == slot);
        last == Some(number)
    }

    /// Does what can be done at this moment. None if it can't.
    pub fn act(&mut self, number: usize, act: Act) -> Option<()> {
        let now = self.now();
        let request = self.requests.get(number)?.clone();
        let waits = request.rank < 2;
        // Nobody can accept it any more.
        if waits && (now >= request.expiration || request.over) {
            return None;
        }
        let newest = self.is_newest(number);
        match act {
            Act::Next(pass) if newest && !request.over => {
                let course = [2, 3, 4, 6, 7, 8, 10, 11, 13];
                let mut rest = course.iter().filter(|rank| **rank > request.rank);
                let rank = *rest.nth(pass)?;
                self.requests[number].rank = rank;
                self.note(number, WORDS[rank - 1]);
            }
            Act::Fails(which) if newest && !waits && !request.over => {
                let word = match FAILURES[which % FAILURES.len()] {
                    // Words that are not documented say nothing.
                    "out of gas" => "ON_HOLD",
                    failure => failure,
                };
                self.requests[number].over |= word != "ON_HOLD";
                self.note(number, word);
            }
            Act::Finishes if newest && !waits && !request.over => {
                self.requests[number].over = true;
                self.note(number, "FINISH_SUCCESS");
            }
            Act::CannotDeliver if newest && !waits => {
                let again = |noted: &Letter| noted.is(RECURS) && noted.time == now;
                if self.noted.iter().any(again) {
                    return None;
                }
                self.note(number, RECURS);
            }
            // Nothing is paid for before it has begun.
            Act::WritesData { with_expiration } if request.rank >= 3 => {
                let what = What::Data(self.content(number));
                let expiration = with_expiration.then_some(request.expiration);
                self.write(number, what, expiration);
            }
            Act::Lacks => self.requests[number].content = Content::Lacking,
            Act::WritesFailure(which) if !waits => {
                self.requests[number].over = true;
                let error = FAILURES[which % FAILURES.len()].to_owned();
                self.write(number, What::Failure(error), Some(request.expiration));
            }
            _ => return None,
        }
        Some(())
    }

    fn content(&self, number: usize) -> Vec<(String, String)> {
        let request = &self.requests[number];
        let all = asked(request.slot);
        let mut fields = match request.content {
            Content::All | Content::More => all.to_vec(),
            Content::Least => all[..1].to_vec(),
            Content::Lacking => all[all.len() - 1..].to_vec(),
        };
        if request.content == Content::More {
            fields.push(FOREIGN);
        }
        let value = |field: &str| (field.to_owned(), format!("{field} of request {number}"));
        fields.into_iter().map(value).collect()
    }

    fn note(&mut self, number: usize, word: &str) {
        let what = What::Status {
            word: word.to_owned(),
            tx: word
                .contains("SUBMITTED")
                .then(|| format!("0x{number:064x}")),
        };
        let expiration = self.requests[number].expiration;
        let letter = self.write(number, what, Some(expiration));
        self.noted.push(letter);
    }

    fn write(&mut self, number: usize, what: What, expiration: Option<i64>) -> Letter {
        let request = &self.requests[number];
        let place = usize::from(!matches!(what, What::Status { .. }));
        let letter = Letter {
            slot: request.slot,
            path: request.paths[place].clone(),
            what,
            time: self.now(),
            expiration,
            delivered: false,
        };
        self.letters.push(letter.clone());
        letter
    }

    /// What a history tells at a time, oldest first.
    pub fn history(&self, slot: Slot, now: i64) -> impl Iterator<Item = &Letter> {
        let kept = move |letter: &&Letter| letter.slot == slot && letter.time >= now - MONTH;
        self.noted.iter().filter(kept)
    }

    fn start(&mut self, slot: Slot, asked: &Value) -> (StatusCode, String) {
        let (now, mood) = (self.now(), self.mood);
        self.asked.insert((Asked::Start, slot), now);
        if mood == Mood::Busy || mood == Mood::Down {
            self.answers.push((slot, Answer::Nothing));
            return (StatusCode::SERVICE_UNAVAILABLE, String::new());
        }
        let last = self.requests.iter().rposition(|other| other.slot == slot);
        let held = last
            .map(|last| &self.requests[last])
            .filter(|held| !held.over);
        let (status, body, answer) = match held {
            Some(held) if held.rank >= 3 => (
                StatusCode::BAD_REQUEST,
                "there is an ongoing request for this user and items".to_owned(),
                Answer::Ongoing,
            ),
            Some(held) if now < held.expiration => held_until(held.expiration, true),
            _ => {
                let expiration = asked["expiration"].as_i64().unwrap();
                let path = |member: &str| {
                    let url = asked[member].as_str().unwrap();
                    url.rsplit('/').next().unwrap().to_owned()
                };
                let content = [
                    Content::All,
                    Content::Least,
                    Content::Lacking,
                    Content::More,
                ];
                self.requests.push(Request {
                    slot,
                    expiration,
                    paths: [path("statusCallback"), path("callback")],
                    // With one item, nothing can be left out.
                    content: match slot.1 {
                        0 => content[self.requests.len() % 4],
                        _ => content[self.requests.len() % 2 * 3],
                    },
                    rank: 1,
                    over: false,
                });
                self.note(self.requests.len() - 1, WAITS);
                held_until(expiration, false)
            }
        };
        if mood == Mood::Mute {
            self.answers.push((slot, Answer::Nothing));
            return (StatusCode::GATEWAY_TIMEOUT, String::new());
        }
        self.answers.push((slot, answer));
        (status, body)
    }

    fn tell(&mut self, slot: Slot) -> (StatusCode, String) {
        let now = self.now();
        self.asked.insert((Asked::History, slot), now);
        if self.mood != Mood::Well {
            self.untold.insert(slot, now);
            return (StatusCode::SERVICE_UNAVAILABLE, String::new());
        }
        *self.told.entry(slot).or_default() += 1;
        let mut statuses: Vec<_> = self
            .history(slot, now)
            .filter_map(|letter| match &letter.what {
                What::Status { word, tx } => {
                    Some(json!({ "status": word, "created_at": letter.time, "tx_hash": tx }))
                }
                _ => None,
            })
            .collect();
        statuses.reverse();
        (
            StatusCode::OK,
            json!({ "AllStatuses": statuses }).to_string(),
        )
    }
}

fn held_until(expiration: i64, already: bool) -> (StatusCode, String, Answer) {
    let body = json!({
        "link": "corepass:request/x?type=callback",
        "expiration": expiration,
        "alreadySent": already,
    });
    let answer = if already {
        Answer::HeldAlready(expiration)
    } else {
        Answer::Holds(expiration)
    };
    (StatusCode::OK, body.to_string(), answer)
}

async fn answer(State(world): State<Arc<Mutex<World>>>, uri: Uri, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let user = USERS
        .iter()
        .position(|user| asked["user"] == *user)
        .unwrap();
    let items = ITEMS
        .iter()
        .position(|items| asked["items"] == json!(items));
    let slot = (user, items.unwrap());
    let mut world = world.lock();
    let (status, body) = match uri.path() {
        _ if world.mood == Mood::Down && uri.path().ends_with("/verified") => {
            (StatusCode::SERVICE_UNAVAILABLE, String::new())
        }
        path if path.ends_with("/verified") => {
            let held = json!({ "verifiedItems": asked["items"] });
            (StatusCode::OK, held.to_string())
        }
        path if path.ends_with("/qrcode") => world.start(slot, &asked),
        path if path.ends_with("/all-statuses") => world.tell(slot),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    (status, body).into_response()
}
