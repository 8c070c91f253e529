//! What must hold in the end: every verification is what it should be, and the log, the watcher and
//! the connector's ledger tell the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use verilane_api::v1::{ClaimStatus, Event, EventType, State};
use verilane_sandbox::{DataDelivery, RequestView};

use super::FIELDS;
use super::harness::{Runs, Server, Stage, Watcher, genuine};
use super::load::Made;

/// How long what callbacks did not tell may take to be pulled, at the pace of the clock.
const PULLS: Duration = Duration::from_secs(60);

/// Looks at everything, once the connector's story has been told to its end. How many failed
/// deliveries were compared one by one.
pub async fn check(
    stage: &Stage,
    server: &Server,
    watcher: &Watcher,
    made: &BTreeMap<String, Made>,
) -> usize {
    let requests = stage.sandbox.requests(None).unwrap();
    let callbacks = genuine(&stage.sandbox);
    let of = |request: &RequestView| made[&request.user].id.as_deref();
    let runs = |seen: &[Event]| Runs::of(seen, &requests, &callbacks, of);
    let untold = |seen: &[Event]| runs(seen).untold(&requests, seen);
    let all = watcher.saw_all(|seen| untold(seen).is_empty());
    let all = tokio::time::timeout(PULLS, all).await;
    if all.is_err() {
        let seen = watcher.events();
        let untold = untold(&seen);
        let stories = untold
            .iter()
            .map(|(run, _)| runs(&seen).story(&run.0, &seen));
        let stories: Vec<_> = stories.collect();
        panic!("untold: {untold:?}\n{}", stories.join("\n"));
    }
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

    let runs = runs(&log);
    runs.check_acknowledged(&stage.sandbox, &callbacks, &log);
    for (core_id, made) in made {
        let mut theirs = requests.iter().filter(|request| request.user == *core_id);
        let is_paid = theirs.any(|request| request.data == DataDelivery::Delivered);
        assert!(is_paid, "{} is verified without data", made.user.name);
    }
    for made in made.values() {
        check_one(server, made).await;
    }
    runs.recurrences()
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
    for claim in &verification.claims {
        // Some turned out not to hold any more.
        let came = [ClaimStatus::Granted, ClaimStatus::Invalid];
        assert!(came.contains(&claim.status()), "{claim:?}");
    }
    assert_eq!(verification.claims.len(), FIELDS.len());
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
