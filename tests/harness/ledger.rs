//! The sandbox's ledger held against the binary's log: what was answered with 200 must be in there.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use verilane_api::v1::{Event, EventType};
use verilane_sandbox::{CallbackKind, Delivery, SandboxHandle, Status};

/// How long before its deadline the connector signs a callback, seconds.
const FRESH: i64 = 180;

/// What a callback tells, as far as it can be told from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The verification that it is about.
    pub verification: String,
    /// The status, or `data`.
    pub what: String,
    /// When it came about, Unix seconds, as the log has it: of the one status that can more than
    /// once.
    pub time: Option<i64>,
}

impl Told {
    fn new(verification: &str, status: Option<&str>, time: impl FnOnce() -> i64) -> Self {
        let recurs = status == Some(Status::CallbackFailed.as_str());
        Self {
            verification: verification.to_owned(),
            what: status.unwrap_or("data").to_owned(),
            time: recurs.then(time),
        }
    }

    /// By an event; nothing by those that the provider did not cause.
    pub fn by_event(event: &Event) -> Option<Self> {
        let status = match event.r#type() {
            EventType::ProviderStatus => Some(event.provider_status.as_str()),
            EventType::DataReceived => None,
            _ => return None,
        };
        let time = || event.provider_time.unwrap().seconds;
        Some(Self::new(&event.verification_id, status, time))
    }

    /// By a callback about a verification, as events told it if they did. Finds fault if they did
    /// twice: a callback can be signed anew, and what can recur then has another time.
    pub fn by_callback(
        sandbox: &SandboxHandle,
        delivery: &Delivery,
        verification: &str,
        told: &BTreeMap<Self, usize>,
    ) -> Self {
        let status = delivery.status.map(Status::as_str);
        let status = status.filter(|_| delivery.kind == CallbackKind::Status);
        Self::new(verification, status, || {
            let span = span(sandbox, delivery);
            let own = told.keys().filter(|one| {
                one.verification == verification
                    && one.time.is_some_and(|time| span.contains(&time))
            });
            let own: Vec<i64> = own.filter_map(|one| one.time).collect();
            assert!(own.len() < 2, "{delivery:?} is {own:?}");
            own.first().copied().unwrap_or(span.start)
        })
    }
}

/// The seconds from when it came about of what a callback tells by its own time, to when the same
/// came about again.
fn span(sandbox: &SandboxHandle, delivery: &Delivery) -> Range<i64> {
    let time = signed_at(sandbox, delivery);
    let noted = sandbox.request(&delivery.request).unwrap().statuses;
    let noted = noted
        .iter()
        .filter(|noted| Some(noted.status) == delivery.status);
    let times = noted.map(|noted| noted.created_at);
    let from = times.clone().filter(|from| *from <= time).max();
    let to = times.filter(|to| *to > time).min();
    from.unwrap()..to.unwrap_or(i64::MAX)
}

/// When a status callback was signed, Unix seconds.
pub(super) fn signed_at(sandbox: &SandboxHandle, delivery: &Delivery) -> i64 {
    let body = sandbox.body(delivery.number).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["deadline"].as_i64().unwrap() - FRESH
}

/// How often each thing was told, by events.
pub fn told_by_events(events: &[Event]) -> BTreeMap<Told, usize> {
    let mut told = BTreeMap::new();
    for one in events.iter().filter_map(Told::by_event) {
        *told.entry(one).or_default() += 1;
    }
    told
}

/// Every genuine callback, oldest first.
pub fn genuine(sandbox: &SandboxHandle) -> Vec<Delivery> {
    assert_eq!(sandbox.forgotten_deliveries(), 0);
    let mut deliveries = sandbox.deliveries(0, None);
    deliveries.retain(Delivery::is_genuine);
    deliveries
}

/// Finds fault if a genuine callback that was answered with 200 is not an event, or if anything was
/// written down twice. `verification_of` knows the verification of a request of the connector.
pub fn check_ledger(
    sandbox: &SandboxHandle,
    events: &[Event],
    verification_of: impl Fn(&str) -> String,
) {
    let told = told_by_events(events);
    for (one, times) in &told {
        assert_eq!(*times, 1, "{one:?}");
    }
    for delivery in genuine(sandbox).iter().filter(|one| one.was_taken()) {
        let one = Told::by_callback(
            sandbox,
            delivery,
            &verification_of(&delivery.request),
            &told,
        );
        assert!(
            told.contains_key(&one),
            "{delivery:?} was acknowledged and is lost"
        );
    }
}
