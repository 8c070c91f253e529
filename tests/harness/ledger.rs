//! The sandbox's ledger held against the binary's log: what was answered with 200 must be in there.

use std::collections::BTreeMap;

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
    /// When it was signed, Unix seconds; of the one status that can come about more than once.
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

    /// By a callback about a verification.
    pub fn by_callback(sandbox: &SandboxHandle, delivery: &Delivery, verification: &str) -> Self {
        let status = delivery.status.map(Status::as_str);
        let status = status.filter(|_| delivery.kind == CallbackKind::Status);
        Self::new(verification, status, || {
            let body = sandbox.body(delivery.number).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            body["deadline"].as_i64().unwrap() - FRESH
        })
    }
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
        let one = Told::by_callback(sandbox, delivery, &verification_of(&delivery.request));
        assert!(
            told.contains_key(&one),
            "{delivery:?} was acknowledged and is lost"
        );
    }
}
