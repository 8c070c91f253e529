//! Events as bytes, made once for all who watch: the encoder that the relay is given.
//!
//! Invariant: what is made here and a token joined to it are one watch response of either stream,
//! and the same bytes are one entry of a page of events.

use bytes::Bytes;
use prost::Message as _;
use verilane_api::v1;
use verilane_api::v1::watch_verification_response::Item;
use verilane_core::{Event, Pii, Timestamp};
use verilane_engine::{FrameEncoder, VerificationView};

use super::verification::{Picture, text, verification};
use super::words::{assurance, codes, decision, event_type, reason, state, timestamp};

/// Makes the bytes that watches send.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireEncoder;

impl FrameEncoder for WireEncoder {
    fn event(&self, event: &Event, tx_hash: Option<&Pii<String>>) -> Bytes {
        item(Item::Event(wire_event(event, tx_hash)))
    }

    fn snapshot(&self, view: &VerificationView) -> Bytes {
        item(Item::Snapshot(v1::VerificationSnapshot {
            verification: Some(verification(view, Picture::Without)),
        }))
    }

    fn snapshot_end(&self, rows: u64) -> Bytes {
        item(Item::SnapshotEnd(v1::SnapshotEnd {
            verifications: rows,
        }))
    }

    fn heartbeat(&self, now: Timestamp) -> Bytes {
        item(Item::Heartbeat(v1::Heartbeat {
            time: Some(timestamp(now)),
        }))
    }

    fn token(&self, token: &str) -> Bytes {
        let tail = v1::WatchVerificationResponse {
            item: None,
            resume_token: token.to_owned(),
        };
        tail.encode_to_vec().into()
    }
}

fn item(item: Item) -> Bytes {
    let head = v1::WatchVerificationResponse {
        item: Some(item),
        resume_token: String::new(),
    };
    head.encode_to_vec().into()
}

fn wire_event(event: &Event, tx_hash: Option<&Pii<String>>) -> v1::Event {
    let body = &event.body;
    v1::Event {
        sequence: event.sequence.0,
        verification_id: body.verification.to_string(),
        revision: body.revision.0,
        attempt: body.attempt,
        r#type: event_type(body.kind).into(),
        state_before: body.state_before.map_or(0, |before| state(before).into()),
        state_after: state(body.state_after).into(),
        connection: body.connection.to_string(),
        provider: body.provider.to_string(),
        provider_status: text(body.provider_status.as_ref()),
        provider_rank: body.provider_rank.map(u32::from),
        provider_time: body.provider_time.map(timestamp),
        commit_time: Some(timestamp(body.commit_time)),
        assurance: assurance(body.assurance).into(),
        applied: body.applied,
        late: body.late,
        reason: reason(body.reason),
        warnings: codes(&body.warnings),
        furthest_provider_status: text(body.furthest_status.as_ref()),
        retryable: body.retryable,
        tx_hash: tx_hash
            .map(|hash| hash.expose().clone())
            .unwrap_or_default(),
        provider_progress: text(body.provider_progress.as_ref()),
        decision: body.decision.map_or(0, |said| decision(said).into()),
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::{
        Assurance, ConnectionName, EventKind, NewEvent, ProviderName, Reason, Revision, Sequence,
        State, VerificationId,
    };

    use super::*;

    fn event(sequence: u64) -> Event {
        Event {
            sequence: Sequence(sequence),
            body: NewEvent {
                verification: VerificationId::from_bytes([7; 16]),
                revision: Revision(3),
                attempt: 1,
                kind: EventKind::ProviderStatus,
                state_before: Some(State::Pending),
                state_after: State::Failed,
                connection: ConnectionName::new("live").unwrap(),
                provider: ProviderName::new("corepass").unwrap(),
                provider_status: Some("VALIDITY_FAILED".into()),
                provider_rank: Some(9),
                provider_progress: None,
                decision: None,
                provider_time: Some(Timestamp::from_secs(1_677_255_317)),
                commit_time: Timestamp::from_micros(1_677_255_318_000_001),
                assurance: Assurance::Signed,
                applied: true,
                late: false,
                reason: Some(Reason::ValidityFailed),
                warnings: Vec::new(),
                furthest_status: Some("VALIDITY_FAILED".into()),
                retryable: false,
                tx_hash: None,
            },
        }
    }

    #[test]
    fn heads_of_a_watch_are_entries_of_a_page() {
        let encoder = WireEncoder;
        let hash = Pii::from("0xabc");
        let heads = [
            encoder.event(&event(4), None),
            encoder.event(&event(5), Some(&hash)),
        ];
        let next_token = v1::ListEventsResponse {
            events: Vec::new(),
            next_resume_token: "token".to_owned(),
        };
        let page = [heads.concat(), next_token.encode_to_vec()].concat();
        let page = v1::ListEventsResponse::decode(page.as_slice()).unwrap();
        assert_eq!(page.next_resume_token, "token");
        let sequences: Vec<_> = page.events.iter().map(|e| e.sequence).collect();
        assert_eq!(sequences, [4, 5]);
        assert_eq!(page.events[1].tx_hash, "0xabc");
        let shown = &page.events[0];
        assert_eq!(shown.reason, "VALIDITY_FAILED");
        assert_eq!(shown.state_before(), v1::State::Pending);
        assert_eq!(shown.provider_rank, Some(9));
        assert_eq!(shown.commit_time.unwrap().nanos, 1_000);

        // The same head and a token are a message of a stream.
        let message = [heads[0].clone(), encoder.token("t")].concat();
        let message = v1::WatchVerificationsResponse::decode(message.as_slice()).unwrap();
        assert_eq!(message.resume_token, "t");
        assert_eq!(
            message.item,
            Some(v1::watch_verifications_response::Item::Event(shown.clone()))
        );
    }
}
