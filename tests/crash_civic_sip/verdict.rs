//! What must hold of every exchange, whenever servers died: it is told once and in order, its code had
//! one effect at most and was not sent too often, and what is there is what Civic gave.

use sha2::{Digest as _, Sha256};
use verilane_api::v1::{Event, EventType, State};
use verilane_sandbox::{CivicSipCall, CivicSipEndpoint};

use super::harness::sip::held;
use super::harness::{Server, Stage};

const IMAGE: &str = "documents.genericId.image";
/// How often a code is sent that may have been taken.
pub const SENDS: usize = 2;

/// Each step is told once.
pub fn check_told(events: &[Event], ends_as: State, kept: bool) {
    use State::{Pending, Processing};
    let mut expected = vec![
        (EventType::Created, Pending),
        (EventType::ActionAvailable, Pending),
        (EventType::Continued, Processing),
    ];
    if kept {
        expected.push((EventType::CodeExchanged, Processing));
    }
    let last = match ends_as {
        State::Verified => EventType::DataReceived,
        _ => EventType::FailureReported,
    };
    expected.push((last, ends_as));
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.r#type(), event.state_after()))
        .collect();
    assert_eq!(told, expected);
}

/// The exchanges among calls, oldest first.
pub fn exchanges(calls: &[CivicSipCall]) -> impl Iterator<Item = &CivicSipCall> {
    calls
        .iter()
        .filter(|call| call.endpoint == CivicSipEndpoint::Exchange)
}

/// How often a code came to Civic so that it may have been taken: all but what was turned away unread.
pub fn sends(calls: &[CivicSipCall]) -> usize {
    let counts = |call: &&CivicSipCall| call.code != Some(429);
    exchanges(calls).filter(counts).count()
}

/// A code has one effect at most, is sent once more at most, and not at all once its data is there.
pub fn check_calls(calls: &[CivicSipCall], is_verified: bool, told: &str) {
    let effects = exchanges(calls).filter(|call| call.effect).count();
    assert!(effects <= 1, "{told} is spent {effects} times: {calls:?}");
    assert!(sends(calls) <= SENDS, "{told}: {calls:?}");
    if is_verified {
        let last = exchanges(calls).last().unwrap();
        let is_it = last.effect && last.code == Some(200);
        assert!(is_it, "{told}: {calls:?}");
    }
    // Storage must not learn who we are.
    let to_storage = |call: &&CivicSipCall| call.endpoint == CivicSipEndpoint::Storage;
    let mut fetches = calls.iter().filter(to_storage);
    assert!(fetches.all(|call| !call.authorization));
}

/// What is there is what Civic gave; nothing is, where it failed.
pub async fn check_claims(server: &Server, stage: &Stage, id: &str, request: &str, ends_as: State) {
    let read = server.read_claims(id).await;
    if ends_as != State::Verified {
        let refused = read.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
        return;
    }
    let read = read.unwrap();
    let mut given = held(stage, request);
    let picture = given.remove(IMAGE);
    let mut told = std::collections::BTreeMap::new();
    for claim in read.claims {
        let field = claim.provenance.unwrap().provider_field;
        let twice = told.insert(field, claim.raw_value);
        assert_eq!(twice, None);
    }
    assert_eq!(told.remove(IMAGE).is_some(), picture.is_some());
    assert_eq!(told, given);
    assert_eq!(read.evidence.len(), usize::from(picture.is_some()));
    if let Some(picture) = picture {
        use base64::Engine as _;
        let picture = base64::prelude::BASE64_STANDARD.decode(picture).unwrap();
        let evidence = &read.evidence[0];
        assert_eq!(evidence.sha256[..], Sha256::digest(&picture)[..]);
        let (_, bytes) = server.download(id, &evidence.id, 0).await.unwrap();
        assert!(bytes == picture, "the picture of {id}");
    }
}
