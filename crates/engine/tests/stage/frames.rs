//! What a watch sends, in a form that tests read: each message one line of JSON, its token beside it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use verilane_core::{Event, Pii, Sequence, Timestamp};
use verilane_engine::{Delivery, EngineError, FrameEncoder, VerificationView, WatchMany, WatchOne};

/// The encoder.
pub struct Frames;

fn line(value: &Value) -> Bytes {
    value.to_string().into()
}

/// An event as the encoder writes it; the log is compared by this.
pub fn event(event: &Event, tx_hash: Option<&str>) -> Value {
    let body = &event.body;
    json!({
        "is": "event",
        "sequence": event.sequence.0,
        "verification": body.verification.to_string(),
        "revision": body.revision.0,
        "kind": body.kind.as_str(),
        "before": body.state_before.map(|state| state.as_str()),
        "after": body.state_after.as_str(),
        "applied": body.applied,
        "late": body.late,
        "reason": body.reason.map(|reason| reason.code()),
        "tx_hash": tx_hash,
    })
}

impl FrameEncoder for Frames {
    fn event(&self, event: &Event, tx_hash: Option<&Pii<String>>) -> Bytes {
        line(&self::event(
            event,
            tx_hash.map(|hash| hash.expose().as_str()),
        ))
    }

    fn snapshot(&self, view: &VerificationView) -> Bytes {
        line(&json!({
            "is": "row",
            "verification": view.row.id.to_string(),
            "revision": view.row.revision.0,
            "state": view.row.state().0.as_str(),
        }))
    }

    fn snapshot_end(&self, rows: u64) -> Bytes {
        line(&json!({ "is": "end", "rows": rows }))
    }

    fn heartbeat(&self, now: Timestamp) -> Bytes {
        line(&json!({ "is": "beat", "now": now.as_secs() }))
    }

    fn token(&self, token: &str) -> Bytes {
        Bytes::copy_from_slice(token.as_bytes())
    }
}

/// A message, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub says: Value,
    pub token: String,
}

impl Message {
    pub fn read(delivery: &Delivery) -> Self {
        Self {
            says: serde_json::from_slice(&delivery.head).unwrap(),
            token: String::from_utf8(delivery.token.to_vec()).unwrap(),
        }
    }

    pub fn is(&self, what: &str) -> bool {
        self.says["is"] == what
    }

    pub fn sequence(&self) -> u64 {
        self.says["sequence"].as_u64().unwrap()
    }

    pub fn revision(&self) -> u64 {
        self.says["revision"].as_u64().unwrap()
    }

    pub fn verification(&self) -> String {
        self.says["verification"].as_str().unwrap().to_owned()
    }
}

/// The place that a token names. Callers can't know; these tests may.
pub fn place(token: &str) -> Sequence {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    Sequence(u64::from_be_bytes(bytes[17..25].try_into().unwrap()))
}

/// Both kinds of watch.
pub trait Watch {
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send;

    /// The next message; none once the watch has ended.
    async fn message(&mut self) -> Option<Message> {
        let next = super::soon(self.next()).await;
        next.unwrap().map(|delivery| Message::read(&delivery))
    }

    /// The next message that is no heartbeat.
    async fn news(&mut self) -> Option<Message> {
        loop {
            match self.message().await {
                Some(message) if message.is("beat") => {}
                other => return other,
            }
        }
    }

    /// So many messages that are no heartbeats.
    async fn some_news(&mut self, count: usize) -> Vec<Message> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.news().await.unwrap());
        }
        all
    }

    /// Everything up to a place in the log, as a heartbeat or the end tells that it was examined.
    async fn news_to(&mut self, head: Sequence) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            match self.message().await {
                None => return all,
                Some(message) if message.is("beat") && place(&message.token) >= head => {
                    return all;
                }
                Some(message) if message.is("beat") => {}
                Some(message) => all.push(message),
            }
        }
    }
}

impl Watch for WatchOne {
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send {
        self.next()
    }
}

impl Watch for WatchMany {
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send {
        self.next()
    }
}

/// A heartbeat for tests that wait for one.
pub const QUICK: Duration = Duration::from_millis(5);
/// A heartbeat for tests that want none.
pub const NEVER: Duration = Duration::MAX;
