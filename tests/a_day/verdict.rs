//! What must hold in the end: what the connector has noted is told once and in order, what it has
//! delivered can be read, and every watch has told what the log tells.

use std::collections::{BTreeMap, BTreeSet};

use verilane_api::v1::{Assurance, Event, EventType, State};
use verilane_sandbox::{DataDelivery, RequestView};

use super::harness::{Runs, check_order, genuine};
use super::{Day, FIELDS};

/// The verification that a request was made for: the newest of its user by then.
fn verification<'a>(day: &'a Day, request: &RequestView) -> Option<&'a str> {
    let user = |who: usize| day.stage.user(&day.people[who].name);
    let mut made = day.made.iter();
    let (_, made) = made.find(|(who, _)| user(**who).core_id == request.user)?;
    let asked = request.statuses.first().unwrap().created_at;
    let mut by_then = made.iter().filter(|(at, _)| at.as_secs() <= asked);
    by_then.next_back().map(|(_, id)| id.as_str())
}

fn runs(day: &Day, requests: &[RequestView], log: &[Event]) -> Runs {
    let callbacks = genuine(&day.stage.sandbox);
    Runs::of(log, requests, &callbacks, |request| {
        verification(day, request)
    })
}

/// What of the connector's history is in no event, or the other way round.
pub fn untold(day: &Day, log: &[Event]) -> Vec<((String, u32), String)> {
    let requests = day.stage.sandbox.requests(None).unwrap();
    runs(day, &requests, log).untold(&requests, log)
}

/// How many events were pulled.
pub fn pulled(log: &[Event]) -> usize {
    log.iter().filter(|event| is_pulled(event)).count()
}

fn is_pulled(event: &Event) -> bool {
    event.assurance() == Assurance::Pulled
}

/// Looks at everything.
pub async fn check(day: &Day, log: &[Event]) {
    let requests = day.stage.sandbox.requests(None).unwrap();
    let runs = runs(day, &requests, log);
    let sandbox = &day.stage.sandbox;
    runs.check_acknowledged(sandbox, &genuine(sandbox), log);
    check_order(log);
    check_pulled(day, &requests, log);
    check_watchers(day, log).await;

    let made: BTreeSet<&str> = day
        .made
        .values()
        .flatten()
        .map(|(_, id)| id.as_str())
        .collect();
    let told: BTreeSet<&str> = log
        .iter()
        .map(|event| event.verification_id.as_str())
        .collect();
    assert_eq!(made, told);
    let mut brought: BTreeSet<&str> = BTreeSet::new();
    for request in &requests {
        assert_ne!(request.data, DataDelivery::GivenUp, "{request:?}");
        if request.data == DataDelivery::Delivered {
            brought.extend(verification(day, request));
        }
    }
    for (who, made) in &day.made {
        let person = &day.people[*who];
        for (number, (_, id)) in made.iter().enumerate() {
            let must = person.brings_data || person.retries || number > 0;
            assert_eq!(brought.contains(id.as_str()), must, "{person:?} {id}");
            check_end(day, *who, id, must).await;
        }
    }
}

/// Data that came is verified, and is what the person holds.
async fn check_end(day: &Day, who: usize, id: &str, brought: bool) {
    let (server, person) = (day.server(), &day.people[who]);
    let state = server.get(id).await.state();
    if !brought {
        assert!(
            [State::Expired, State::Failed].contains(&state),
            "{person:?} is {state:?}"
        );
        return;
    }
    assert_eq!(state, State::Verified, "{person:?} {id}");
    let claims = server.read_claims(id).await.unwrap().claims;
    let read: BTreeMap<String, String> = claims
        .into_iter()
        .map(|claim| (claim.provenance.unwrap().provider_field, claim.raw_value))
        .collect();
    let user = day.stage.user(&person.name);
    let held = FIELDS.map(|field| (field.to_owned(), user.value(field).unwrap()));
    assert_eq!(read, BTreeMap::from(held), "{person:?}");
}

/// What was pulled has the connector's own times, and what was pulled at once stands in its order.
fn check_pulled(day: &Day, requests: &[RequestView], log: &[Event]) {
    let mut noted: BTreeMap<&str, BTreeSet<(i64, &str)>> = BTreeMap::new();
    for request in requests {
        let noted = noted
            .entry(verification(day, request).unwrap())
            .or_default();
        noted.extend(
            request
                .statuses
                .iter()
                .map(|one| (one.created_at, one.status.as_str())),
        );
    }
    let mut before: Option<&Event> = None;
    for event in log.iter().filter(|event| is_pulled(event)) {
        assert_eq!(event.r#type(), EventType::ProviderStatus);
        let id = event.verification_id.as_str();
        let at = event.provider_time.unwrap().seconds;
        let entry = (at, event.provider_status.as_str());
        assert!(noted[id].contains(&entry), "{event:?}");
        if let Some(before) = before {
            let is_same = before.verification_id == id
                && before.attempt == event.attempt
                && before.commit_time == event.commit_time;
            let in_order = before.provider_time.unwrap().seconds <= at;
            assert!(!is_same || in_order, "{before:?} stands before {event:?}");
        }
        before = Some(event);
    }
}

/// Every watch has told exactly what the log tells.
async fn check_watchers(day: &Day, log: &[Event]) {
    for tail in &day.tails {
        tail.saw(log.len()).await;
        assert!(tail.events() == log, "a tail has seen something else");
    }
    for (id, watcher) in &day.watchers {
        let of_one = day.server().log_of(id).await;
        let events = log.iter().filter(|event| event.verification_id == *id);
        assert!(events.eq(&of_one), "{id}");
        watcher.saw(of_one.len()).await;
        assert!(watcher.events() == of_one, "{id}");
    }
}
