//! What must hold in the end: every verification is what it should be, and the log, the watcher and
//! the connector's ledger tell the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use verilane_api::v1::{ClaimStatus, Event, EventType, State};
use verilane_sandbox::{DataDelivery, Status};

use super::FIELDS;
use super::harness::{Server, Stage, check_ledger};
use super::load::Made;
use super::watcher::Watcher;

/// Looks at everything.
pub async fn check(
    stage: &Stage,
    server: &Server,
    watcher: &Watcher,
    made: &BTreeMap<String, Made>,
) {
    let log = server.log().await;
    watcher.saw(log.len()).await;
    assert!(
        watcher.events() == log,
        "{}",
        difference(&watcher.events(), &log)
    );
    check_order(&log);

    let id = |made: &Made| made.id.clone().unwrap();
    let ids: BTreeSet<String> = made.values().map(id).collect();
    assert_eq!(ids.len(), made.len());
    let created = log
        .iter()
        .filter(|event| event.r#type() == EventType::Created);
    let created: Vec<&String> = created.map(|event| &event.verification_id).collect();
    assert_eq!(
        created.len(),
        ids.len(),
        "a repeated call has made another verification"
    );
    assert!(created.into_iter().all(|id| ids.contains(id)));

    let requests = stage.sandbox.requests(None).unwrap();
    assert_eq!(requests.len(), made.len());
    let mut about = HashMap::new();
    for request in requests {
        assert_eq!(request.status, Status::FinishSuccess, "{request:?}");
        assert_eq!(request.data, DataDelivery::Delivered, "{request:?}");
        about.insert(request.id, id(&made[&request.user]));
    }
    check_ledger(&stage.sandbox, &log, |request| about[request].clone());
    for made in made.values() {
        check_one(server, made).await;
    }
}

/// Sequences without a gap, revisions of each verification too, and each state where the last ended.
fn check_order(log: &[Event]) {
    let mut last: HashMap<&str, (u64, State)> = HashMap::new();
    for (event, sequence) in log.iter().zip(1..) {
        assert_eq!(event.sequence, sequence);
        let one = last
            .entry(&event.verification_id)
            .or_insert((0, State::Unspecified));
        let before = (event.revision - 1, event.state_before());
        assert_eq!(*one, before, "{event:?}");
        *one = (event.revision, event.state_after());
    }
    for (id, (_, state)) in last {
        assert_eq!(state, State::Verified, "{id}");
    }
}

async fn check_one(server: &Server, made: &Made) {
    let id = made.id.as_ref().unwrap();
    let verification = server.get(id).await;
    assert_eq!(verification.state(), State::Verified);
    let granted = verification.claims.iter();
    let granted = granted.filter(|claim| claim.status() == ClaimStatus::Granted);
    assert_eq!(granted.count(), FIELDS.len());
    let claims = server.read_claims(id).await.unwrap().claims;
    let read: BTreeMap<String, String> = claims
        .into_iter()
        .map(|claim| (claim.provenance.unwrap().provider_field, claim.raw_value))
        .collect();
    let held = FIELDS.map(|field| (field.to_owned(), made.user.value(field).unwrap()));
    assert_eq!(read, BTreeMap::from(held), "{}", made.user.name);
}

/// Where two orders of events part.
fn difference(seen: &[Event], log: &[Event]) -> String {
    let sequence = |event: Option<&Event>| event.map(|event| event.sequence);
    let parted = (0..seen.len().max(log.len())).find(|at| seen.get(*at) != log.get(*at));
    let parted = parted.unwrap_or_default();
    format!(
        "{} seen, {} in the log; they part at {parted}: {:?} seen, {:?} in the log",
        seen.len(),
        log.len(),
        sequence(seen.get(parted)),
        sequence(log.get(parted))
    )
}
