//! How verifications and their transitions look in a terminal, and as JSON for scripts.
//!
//! Only what an event holds is shown: ids, states, status words, reasons and times. The one thing
//! in it that leads back to a person, the transaction's hash, is left out.

use std::time::SystemTime;

use prost_types::Timestamp;
use serde_json::{Map, Value, json};
use verilane_api::v1::watch_verification_response::Item as OneItem;
use verilane_api::v1::watch_verifications_response::Item as ManyItem;
use verilane_api::v1::{Assurance, Event, EventType, State, Verification};

/// One message of a watch, whichever RPC it came over.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A verification as it stands.
    Snapshot(Box<Verification>),
    /// So many verifications stood in the snapshot.
    SnapshotEnd(u64),
    /// A transition.
    Event(Box<Event>),
    /// Nothing has happened by this time.
    Heartbeat(Option<Timestamp>),
}

impl Item {
    /// From a message of WatchVerification.
    pub fn one(item: Option<OneItem>) -> Option<Self> {
        Some(match item? {
            OneItem::Snapshot(row) => Self::Snapshot(Box::new(row.verification?)),
            OneItem::SnapshotEnd(end) => Self::SnapshotEnd(end.verifications),
            OneItem::Event(event) => Self::Event(Box::new(event)),
            OneItem::Heartbeat(beat) => Self::Heartbeat(beat.time),
        })
    }

    /// From a message of WatchVerifications.
    pub fn many(item: Option<ManyItem>) -> Option<Self> {
        Some(match item? {
            ManyItem::Snapshot(row) => Self::Snapshot(Box::new(row.verification?)),
            ManyItem::SnapshotEnd(end) => Self::SnapshotEnd(end.verifications),
            ManyItem::Event(event) => Self::Event(Box::new(event)),
            ManyItem::Heartbeat(beat) => Self::Heartbeat(beat.time),
        })
    }

    /// A line for people; none for what is only a sign of life.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Snapshot(row) => Some(standing(row)),
            Self::SnapshotEnd(rows) => Some(format!("-- {rows} so far; what follows is new")),
            Self::Event(event) => Some(transition(event)),
            Self::Heartbeat(_) => None,
        }
    }

    /// An object for scripts.
    pub fn json(&self, token: &str) -> Value {
        let mut object = match self {
            Self::Snapshot(row) => json!({ "snapshot": {
                "verification_id": row.id,
                "state": state(row.state()),
                "revision": row.revision,
                "connection": row.connection,
                "provider_status": row.provider_status,
            } }),
            Self::SnapshotEnd(rows) => json!({ "snapshot_end": { "verifications": rows } }),
            Self::Event(event) => json!({ "event": event_json(event) }),
            Self::Heartbeat(time) => json!({ "heartbeat": { "time": optional_time(*time) } }),
        };
        if let (Some(object), false) = (object.as_object_mut(), token.is_empty()) {
            object.insert("resume_token".to_owned(), token.into());
        }
        object
    }
}

/// A transition in a line: when, whose, from where to where, by which word, how far to be trusted.
pub fn transition(event: &Event) -> String {
    let mut line = format!(
        "{} #{:<4} {} r{:<3} {:<24} {:<18} {}",
        time(event.commit_time),
        event.sequence,
        event.verification_id,
        event.revision,
        moved(event),
        word(event),
        assurance(event.assurance()),
    );
    if event.provider_time.is_some() {
        line.push_str(&format!(" provider's time {}", time(event.provider_time)));
    }
    if !event.reason.is_empty() {
        line.push_str(&format!(" reason {}", event.reason));
    }
    for warning in &event.warnings {
        line.push_str(&format!(" warning {warning}"));
    }
    if event.late {
        line.push_str(" late");
    }
    if !event.applied {
        line.push_str(" not applied");
    }
    line
}

fn standing(row: &Verification) -> String {
    format!(
        "{} =     {} r{:<3} {:<24} {}",
        time(row.update_time),
        row.id,
        row.revision,
        state(row.state()),
        row.provider_status,
    )
}

fn moved(event: &Event) -> String {
    let after = state(event.state_after());
    if event.state_before() == State::Unspecified {
        format!("→ {after}")
    } else if event.state_before == event.state_after {
        after.to_owned()
    } else {
        format!("{} → {after}", state(event.state_before()))
    }
}

/// The provider's own word, or ours where it said none.
fn word(event: &Event) -> &str {
    if event.provider_status.is_empty() {
        kind(event.r#type())
    } else {
        &event.provider_status
    }
}

fn event_json(event: &Event) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null) && value != "" && value != json!([]) {
            object.insert(name.to_owned(), value);
        }
    };
    put("sequence", event.sequence.into());
    put("verification_id", event.verification_id.as_str().into());
    put("revision", event.revision.into());
    put("attempt", event.attempt.into());
    put("type", kind(event.r#type()).into());
    put("state_before", state(event.state_before()).into());
    put("state_after", state(event.state_after()).into());
    put("connection", event.connection.as_str().into());
    put("provider", event.provider.as_str().into());
    put("provider_status", event.provider_status.as_str().into());
    put("provider_time", optional_time(event.provider_time));
    put("commit_time", optional_time(event.commit_time));
    put("assurance", assurance(event.assurance()).into());
    put("applied", event.applied.into());
    put("late", event.late.into());
    put("reason", event.reason.as_str().into());
    put("warnings", event.warnings.clone().into());
    put("retryable", event.retryable.into());
    Value::Object(object)
}

/// A state as the documentation writes it.
pub fn state(state: State) -> &'static str {
    bare(state.as_str_name(), "STATE_")
}

/// An assurance as the documentation writes it.
pub fn assurance(assurance: Assurance) -> &'static str {
    bare(assurance.as_str_name(), "ASSURANCE_")
}

fn kind(kind: EventType) -> &'static str {
    bare(kind.as_str_name(), "EVENT_TYPE_")
}

fn bare(name: &'static str, prefix: &str) -> &'static str {
    match name.strip_prefix(prefix).unwrap_or(name) {
        "UNSPECIFIED" => "",
        bare => bare,
    }
}

/// A time to the millisecond, UTC; `-` if there is none.
pub fn time(time: Option<Timestamp>) -> String {
    match optional_time(time) {
        Value::String(text) => text,
        _ => "-".to_owned(),
    }
}

fn optional_time(time: Option<Timestamp>) -> Value {
    time.and_then(|time| SystemTime::try_from(time).ok())
        .map_or(Value::Null, |time| {
            humantime::format_rfc3339_millis(time).to_string().into()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            sequence: 7,
            verification_id: "01930000-0000-7000-8000-000000000001".to_owned(),
            revision: 3,
            r#type: EventType::ProviderStatus.into(),
            state_before: State::Pending.into(),
            state_after: State::Processing.into(),
            provider_status: "ACCEPTED".to_owned(),
            provider_time: Some(Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            commit_time: Some(Timestamp {
                seconds: 1_700_000_001,
                nanos: 5_000_000,
            }),
            assurance: Assurance::Signed.into(),
            applied: true,
            tx_hash: "0xfeed".to_owned(),
            ..Event::default()
        }
    }

    #[test]
    fn a_transition_is_one_line_with_its_times_and_assurance() {
        let line = transition(&event());
        for part in [
            "2023-11-14T22:13:21.005Z",
            "#7",
            "r3",
            "PENDING → PROCESSING",
            "ACCEPTED",
            "SIGNED",
            "provider's time 2023-11-14T22:13:20.000Z",
        ] {
            assert!(line.contains(part), "{line} lacks {part}");
        }
        assert!(!line.contains("not applied") && !line.contains("late"));
    }

    #[test]
    fn what_leads_back_to_a_person_is_not_shown() {
        let item = Item::Event(Box::new(event()));
        let shown = format!("{:?} {}", item.line(), item.json("t"));
        assert!(!shown.contains("0xfeed"), "{shown}");
    }

    #[test]
    fn json_has_the_token_and_leaves_out_what_is_empty() {
        let json = Item::Event(Box::new(event())).json("token");
        assert_eq!(json["resume_token"], "token");
        assert_eq!(json["event"]["state_after"], "PROCESSING");
        assert!(json["event"].get("reason").is_none());
        assert!(Item::SnapshotEnd(2).json("").get("resume_token").is_none());
    }
}
