//! What must hold in the end: every verification is what its fate demands, its log tells it once and in
//! order, what it holds is what Civic gave, and Civic was told each decision to one effect.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use verilane_api::v1::{Decision, Event, EventType};
use verilane_sandbox::{CivicPassHandle, PiiRequestView};

use super::fate::Caller;
use super::harness::{Server, Watcher, check_order, check_same};
use super::load::{Made, PICTURES};
use super::repeats::decisions;

/// Looks at the log, the watcher and Civic's ledger.
pub async fn check_history(
    server: &Server,
    watcher: &Watcher,
    made: &BTreeMap<String, Made>,
    civic: &CivicPassHandle,
) {
    let log = server.log().await;
    watcher.saw(log.len()).await;
    check_same(&watcher.events(), &log);
    let states = check_order(&log);
    let ids: Vec<&str> = made.keys().map(String::as_str).collect();
    let mut told: Vec<&str> = states.keys().copied().collect();
    told.sort_unstable();
    assert_eq!(told, ids, "a repeated call has made another verification");
    for (id, made) in made {
        let request = civic.request(&made.request).unwrap();
        let events: Vec<&Event> = log
            .iter()
            .filter(|event| event.verification_id == *id)
            .collect();
        assert_eq!(states[&**id], made.fate.ends_as, "{:?}", made.fate);
        check_told(&events, made, &request);
        let expected = usize::from(made.fate.is_told());
        assert_eq!(
            decisions(&request),
            expected,
            "{:?}: {request:?}",
            made.fate
        );
        if let (true, Caller::Decides(decision)) = (made.fate.is_told(), made.fate.caller) {
            let word = match decision {
                Decision::Approve => "partner-pass",
                _ => "partner-fail",
            };
            assert_eq!(request.decision.as_deref(), Some(word));
            assert_eq!(request.status, word);
        }
    }
}

/// Each thing is told once, and Civic's words in the order in which they came about.
fn check_told(events: &[&Event], made: &Made, request: &PiiRequestView) {
    let count = |kind| events.iter().filter(|event| event.r#type() == kind).count();
    for once in [
        EventType::Created,
        EventType::ActionAvailable,
        EventType::Continued,
    ] {
        assert_eq!(count(once), 1, "{once:?} of {:?}", made.fate);
    }
    let is_decided = matches!(made.fate.caller, Caller::Decides(_));
    assert_eq!(count(EventType::ReviewDecided), usize::from(is_decided));
    let came = count(EventType::ReviewNeeded) + count(EventType::DataReceived);
    let comes = if made.fate.has_claims() { 1..=1 } else { 0..=1 };
    assert!(comes.contains(&came), "claims came {came} times");
    let called_off = [Caller::CallsOffSoon, Caller::CallsOffLate].contains(&made.fate.caller);
    assert_eq!(count(EventType::Cancelled), usize::from(called_off));

    let mut turns = request.turns.iter();
    let words = events
        .iter()
        .filter(|event| event.r#type() == EventType::ProviderStatus);
    for event in words {
        let word = &event.provider_status;
        let came_about = turns.any(|turn| turn.status == *word);
        assert!(
            came_about,
            "{word} is told twice, or out of order: {:?}",
            made.fate
        );
    }
}

/// Looks at every verification as it can be read. How many pieces of evidence were compared.
pub async fn check_each(
    server: &Server,
    made: &BTreeMap<String, Made>,
    civic: &CivicPassHandle,
) -> usize {
    let mut pieces = 0;
    for (id, made) in made {
        let verification = server.get(id).await;
        let ended = (verification.state(), &*verification.reason);
        let expected = (made.fate.ends_as, made.fate.reason);
        assert_eq!(ended, expected, "{:?}", made.fate);
        if made.fate.has_claims() {
            pieces += check_claims(server, id, made, civic).await;
        }
    }
    pieces
}

async fn check_claims(server: &Server, id: &str, made: &Made, civic: &CivicPassHandle) -> usize {
    let told = civic.request(&made.request).unwrap().verified_information;
    let read = server.read_claims(id).await.unwrap();
    assert_eq!(read.claims.len(), 2 + PICTURES.len(), "{:?}", made.fate);
    for name in ["email", "name"] {
        let is_it = |claim: &&verilane_api::v1::Claim| {
            claim.provenance.as_ref().unwrap().provider_field == name
        };
        let claim = read.claims.iter().find(is_it).unwrap();
        assert_eq!(claim.raw_value, told[name].as_str().unwrap());
    }
    assert_eq!(read.evidence.len(), PICTURES.len());
    for rel in PICTURES {
        let mut evidence = read.evidence.iter();
        let evidence = evidence.find(|one| one.provider_field == rel).unwrap();
        let (listed, bytes) = server.download(id, &evidence.id, 0).await.unwrap();
        assert_eq!(listed, *evidence);
        let picture = civic.evidence(&made.request, rel).unwrap();
        assert_eq!(evidence.sha256[..], Sha256::digest(&picture)[..]);
        assert!(bytes == picture, "{rel} of {:?}", made.fate);
    }
    PICTURES.len()
}
