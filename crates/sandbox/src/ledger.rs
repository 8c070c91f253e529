//! What went over the wire: every attempt to deliver a callback, and what was answered.
//!
//! A test holds this against the other side's log: whatever was answered 200 must be in there.
//! Callback paths are secrets of the other side, so an entry shows the host and a digest of the
//! path. An entry is made before the first byte is sent and completed when the answer is there.
//! The ledger is bounded; what falls off its end is counted.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use verilane_core::Timestamp;

use crate::letter::Sealed;
use crate::scenario::{CallbackTrouble, Forgery};
use crate::seed::sha3;
use crate::status::Status;

/// How many entries are kept.
const MOST_ENTRIES: usize = 100_000;

/// Which kind of callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallbackKind {
    /// Tells of a status.
    Status,
    /// Brings the data.
    Data,
    /// Tells that there will be no data, at the data's URL.
    Failure,
}

/// One attempt to deliver a callback.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// 1, 2, … in the order of sending.
    pub number: u64,
    /// The id of the request that it is about.
    pub request: String,
    /// Which kind.
    pub kind: CallbackKind,
    /// The status that it tells of, or that the failure came with; for data `None`.
    pub status: Option<Status>,
    /// When that status came about, in Unix seconds; for data when it was first tried.
    pub created_at: i64,
    /// Which try: 1, 2, …
    pub attempt: u32,
    /// Whether this is one more copy of a genuine callback.
    pub duplicate: bool,
    /// What kind of forgery, if it is one.
    pub forged: Option<Forgery>,
    /// Which earlier delivery this repeats, if it was replayed by hand.
    pub replay_of: Option<u64>,
    /// What happened to it on purpose.
    pub trouble: Option<CallbackTrouble>,
    /// Host and port of the callback URL.
    pub host: String,
    /// SHA3-256 of the callback URL's path, hex.
    pub path_sha3: String,
    /// SHA3-256 of the body, hex.
    pub body_sha3: String,
    /// When it was sent, in Unix milliseconds of the sandbox's clock.
    pub sent_at_ms: i64,
    /// When the answer was there, likewise.
    pub answered_at_ms: Option<i64>,
    /// The HTTP status code of the answer.
    pub http: Option<u16>,
    /// Why there was no answer.
    pub failure: Option<Failure>,
}

impl Delivery {
    /// Whether the connector stands behind what it says: neither forged nor tampered with.
    #[must_use]
    pub const fn is_genuine(&self) -> bool {
        self.forged.is_none()
    }

    /// Whether the other side has taken it.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        self.http == Some(200)
    }
}

/// Why a callback got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Nobody listened.
    Connect,
    /// The answer took too long.
    TimedOut,
    /// The connection broke before the answer was whole.
    Broken,
    /// It was never sent, on purpose.
    NotSent,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP answer with this status code.
    Http(u16),
    /// None.
    None(Failure),
}

/// One callback on its way: where it goes and what it is.
#[derive(Clone)]
pub struct Parcel {
    /// The number of the request that it belongs to.
    pub request: u64,
    /// Which kind.
    pub kind: CallbackKind,
    /// The status that it tells of; for data `None`.
    pub status: Option<Status>,
    /// When that status came about.
    pub created_at: Timestamp,
    /// Which try: 1, 2, …
    pub attempt: u32,
    /// Whether this is one more copy.
    pub duplicate: bool,
    /// What kind of forgery, if it is one.
    pub forged: Option<Forgery>,
    /// Which earlier delivery this repeats by hand.
    pub replay_of: Option<u64>,
    /// What happens to it on purpose when it is sent.
    pub trouble: Option<CallbackTrouble>,
    /// What a failure callback says.
    pub error: Option<String>,
    /// Where it goes.
    pub url: reqwest::Url,
    /// The bytes.
    pub sealed: Sealed,
}

/// Shows neither the URL nor what is said.
impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parcel")
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("attempt", &self.attempt)
            .field("forged", &self.forged)
            .finish_non_exhaustive()
    }
}

/// All deliveries that are remembered.
#[derive(Debug)]
pub struct Ledger {
    room: usize,
    entries: BTreeMap<u64, (Delivery, Parcel)>,
    last: u64,
    forgotten: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::with_room(MOST_ENTRIES)
    }
}

impl Ledger {
    /// A ledger that keeps the newest `room` entries.
    const fn with_room(room: usize) -> Self {
        Self {
            room,
            entries: BTreeMap::new(),
            last: 0,
            forgotten: 0,
        }
    }

    /// Notes that a parcel goes out now, and gives the delivery its number.
    pub fn open(&mut self, request: &str, parcel: Parcel, now: Timestamp) -> u64 {
        self.last += 1;
        let delivery = Delivery {
            number: self.last,
            request: request.to_owned(),
            kind: parcel.kind,
            status: parcel.status,
            created_at: parcel.created_at.as_secs(),
            attempt: parcel.attempt,
            duplicate: parcel.duplicate,
            forged: parcel.forged,
            replay_of: parcel.replay_of,
            trouble: parcel.trouble,
            host: host(&parcel.url),
            path_sha3: hex::encode(sha3(parcel.url.path().as_bytes())),
            body_sha3: hex::encode(sha3(&parcel.sealed.body)),
            sent_at_ms: now.as_millis(),
            answered_at_ms: None,
            http: None,
            failure: None,
        };
        self.entries.insert(self.last, (delivery, parcel));
        while self.entries.len() > self.room {
            self.entries.pop_first();
            self.forgotten += 1;
        }
        self.last
    }

    /// Notes what was answered.
    pub fn close(&mut self, number: u64, answer: Answer, now: Timestamp) {
        if let Some((delivery, _)) = self.entries.get_mut(&number) {
            delivery.answered_at_ms = Some(now.as_millis());
            match answer {
                Answer::Http(code) => delivery.http = Some(code),
                Answer::None(failure) => delivery.failure = Some(failure),
            }
        }
    }

    /// The entries after a number, oldest first, of one request or of all.
    pub fn after(&self, number: u64, request: Option<&str>) -> Vec<Delivery> {
        self.entries
            .range(number.saturating_add(1)..)
            .map(|(_, (delivery, _))| delivery)
            .filter(|delivery| request.is_none_or(|id| delivery.request == id))
            .cloned()
            .collect()
    }

    /// One entry.
    pub fn get(&self, number: u64) -> Option<&Delivery> {
        self.entries.get(&number).map(|(delivery, _)| delivery)
    }

    /// What an entry's delivery carried.
    pub fn parcel(&self, number: u64) -> Option<&Parcel> {
        self.entries.get(&number).map(|(_, parcel)| parcel)
    }

    /// The bytes that an entry's delivery carried.
    pub fn body(&self, number: u64) -> Option<Bytes> {
        self.parcel(number).map(|parcel| parcel.sealed.body.clone())
    }

    /// How many entries were dropped to stay within bounds.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

fn host(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel() -> Parcel {
        Parcel {
            request: 1,
            kind: CallbackKind::Status,
            status: Some(Status::Accepted),
            created_at: Timestamp::from_secs(5),
            attempt: 1,
            duplicate: false,
            forged: None,
            replay_of: None,
            trouble: None,
            error: None,
            url: "http://service.example/callbacks/s3cret-path"
                .parse()
                .unwrap(),
            sealed: Sealed {
                content_type: "application/json".to_owned(),
                body: Bytes::from_static(b"{}"),
            },
        }
    }

    #[test]
    fn an_entry_shows_no_callback_path_and_is_completed_by_the_answer() {
        let mut ledger = Ledger::default();
        let number = ledger.open("r1", parcel(), Timestamp::from_millis(7));
        ledger.close(number, Answer::Http(200), Timestamp::from_millis(9));
        let delivery = ledger.get(number).unwrap();
        assert!(delivery.was_taken());
        assert_eq!((delivery.sent_at_ms, delivery.answered_at_ms), (7, Some(9)));
        let json = serde_json::to_string(delivery).unwrap();
        assert!(json.contains("service.example:80"));
        assert!(!json.contains("s3cret"), "{json}");
        assert!(!format!("{ledger:?}").contains("s3cret"));
    }

    #[test]
    fn a_full_ledger_forgets_the_oldest_and_says_how_many() {
        let mut ledger = Ledger::with_room(3);
        for _ in 0..5 {
            ledger.open("r1", parcel(), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(ledger.forgotten(), 2);
        assert!(ledger.get(2).is_none());
        assert_eq!(ledger.after(0, None).len(), 3);
        assert_eq!(ledger.after(4, Some("r1")).len(), 1);
        assert_eq!(ledger.after(0, Some("r2")).len(), 0);
    }
}
