//! What must hold in the end: every verification is what it should be, and the log, the watcher and
//! the connector's ledger tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use verilane_api::v1::{ClaimStatus, Event, EventType, State};
use verilane_sandbox::{DataDelivery, RequestView, SandboxHandle};

use super::FIELDS;
use super::harness::{Runs, Server, Stage, Watcher, check_order, check_same, genuine};
use super::load::{Made, NOT_OURS, TOO_LATE};
use super::trouble::Others;

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
    let requests = own_requests(&stage.sandbox);
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
    check_same(&watcher.events(), &log);
    let states = check_order(&log);

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
        let state = states[made.id.as_deref().unwrap()];
        assert_eq!(Some(state), made.ends_as, "{:?}", made.fate);
        let mut theirs = requests.iter().filter(|request| request.user == *core_id);
        match state {
            State::Verified => {
                let is_paid = theirs.any(|request| request.data == DataDelivery::Delivered);
                assert!(is_paid, "{} is verified without data", made.user.name);
                check_verified(server, made).await;
            }
            // Another system's transfer goes on. That is looked at last.
            State::Failed => {
                assert!(theirs.next().is_none(), "{:?}", made.fate);
                check_without(server, made, &[NOT_OURS, "START_ABANDONED", TOO_LATE]).await;
            }
            _ => check_without(server, made, &["CANCELLED_BY_CALLER"]).await,
        }
    }
    let is_open = |id: &str| {
        let mut made = made.values();
        made.any(|made| made.id.as_deref() == Some(id) && made.fate.others == Others::Open)
    };
    let mut refused = log.iter().filter(|event| event.reason == NOT_OURS);
    let was_seen = refused.any(|event| is_open(&event.verification_id));
    assert!(was_seen, "nobody was in another system's way for a while");
    runs.recurrences()
}

/// The requests that were made by the service; what other systems have made is none of its business.
pub fn own_requests(sandbox: &SandboxHandle) -> Vec<RequestView> {
    let mut requests = sandbox.requests(None).unwrap();
    requests.retain(|request| !request.planted);
    requests
}

/// It has ended for one of these reasons, and holds nothing.
async fn check_without(server: &Server, made: &Made, reasons: &[&str]) {
    let id = made.id.as_ref().unwrap();
    let verification = server.get(id).await;
    let reason = &*verification.reason;
    assert!(reasons.contains(&reason), "{reason}: {:?}", made.fate);
    let mut claims = verification.claims.iter();
    assert!(claims.all(|claim| claim.status() == ClaimStatus::Requested));
    let read = server.read_claims(id).await;
    assert!(read.is_err(), "{read:?}");
}

async fn check_verified(server: &Server, made: &Made) {
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
