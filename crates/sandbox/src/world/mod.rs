//! Everything that the sandbox knows, and how it moves: pure but for the signatures it makes.
//!
//! Whoever holds the world tells it the time, hands it what came in, asks it what is to be sent,
//! and reports what was answered. It never waits and never reads a clock, so the same calls at the
//! same times lead to the same bytes. `connector` answers the connector's own API, `timeline` moves
//! requests on, `outbox` decides what goes out in which order, `content` what it says, `by_hand` is what the control API
//! asks for, `opening` makes a request, `planting` makes those of others, `chance` says which faults
//! strike, and `down` takes the connector down and up.

mod by_hand;
mod chance;
mod connector;
mod content;
mod down;
mod opening;
mod outbox;
mod planting;
mod timeline;
mod valid;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use openssl::error::ErrorStack;
use verilane_core::Timestamp;

use crate::calls::Calls;
use crate::config::CallbackUnit;
use crate::downtime::Downtime;
use crate::keys::Keys;
use crate::ledger::{Ledger, Parcel};
use crate::request::{Bundle, Request};
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::users::Roster;

pub use by_hand::{ControlError, ForgeOrder, Idleness};
pub use connector::Refusal;
pub use outbox::Outgoing;
pub use planting::PlantOrder;
pub use valid::ValidQuestion;

/// How many requests are remembered at most.
const MOST_REQUESTS: usize = 100_000;

/// How long a callback may be believed after it was signed.
const DEADLINE: Duration = Duration::from_secs(180);

/// How far back `status` and `all-statuses` reach: the documented month, as 30 days.
const HISTORY: Duration = Duration::from_secs(30 * 86_400);

/// Something that happens at a time.
#[derive(Debug)]
enum Due {
    /// The user accepts.
    Accept(u64),
    /// A request goes on to its next status, or to its data.
    Advance(u64),
    /// What was delayed, or is repeated, goes out.
    Later(Bundle),
    /// A callback that was not taken is sent again.
    Retry(Box<Parcel>),
    /// A request finishes.
    Finish(u64),
}

/// A slot of the connector: who is asked for what, order of the items aside.
type Slot = (String, Vec<String>);

/// The state of one sandbox.
#[derive(Debug)]
pub struct World {
    seed: Seed,
    keys: Keys,
    /// Those that follow them.
    next_keys: Keys,
    /// How many changes of keys there have been.
    generation: u32,
    core_id: String,
    roster: Roster,
    address: SocketAddr,
    topics: Vec<u64>,
    unit: CallbackUnit,
    step: Duration,
    scenario: Scenario,
    /// Scenarios of single users, by Core ID.
    own_scenarios: HashMap<String, Scenario>,
    requests: BTreeMap<u64, Request>,
    numbers: HashMap<String, u64>,
    slots: HashMap<Slot, Vec<u64>>,
    due: BTreeMap<(Timestamp, u64), Due>,
    /// Requests with something to send, in the order in which they got it.
    ready: VecDeque<u64>,
    ledger: Ledger,
    in_flight: usize,
    held: bool,
    down: Downtime,
    /// How many requests each user has had, by Core ID.
    opened: HashMap<String, u64>,
    /// How many calls each rule of a user's scenario has seen, by Core ID.
    calls: Calls,
    /// How many requests, statuses and timers there have been.
    counter: u64,
}

/// What a world starts from.
#[derive(Debug)]
pub struct Beginning {
    /// What everything is drawn from.
    pub seed: Seed,
    /// Where the connector can be reached.
    pub address: SocketAddr,
    /// Gaps between tries.
    pub topics: Vec<u64>,
    /// Unit of the gaps.
    pub unit: CallbackUnit,
    /// From status to status.
    pub step: Duration,
    /// For users without one of their own.
    pub scenario: Scenario,
    /// How many accepting users there are beside those with a role.
    pub load_users: u32,
}

impl World {
    /// A world without requests.
    pub fn new(beginning: Beginning) -> Result<Self, ErrorStack> {
        let keys = Keys::derive(beginning.seed, 0)?;
        Ok(Self {
            seed: beginning.seed,
            core_id: opening::core_id_of(keys.data.ed448.public()),
            keys,
            next_keys: Keys::derive(beginning.seed, 1)?,
            generation: 0,
            roster: Roster::new(beginning.seed.0, beginning.load_users),
            address: beginning.address,
            topics: beginning.topics,
            unit: beginning.unit,
            step: beginning.step,
            scenario: beginning.scenario,
            own_scenarios: HashMap::new(),
            requests: BTreeMap::new(),
            numbers: HashMap::new(),
            slots: HashMap::new(),
            due: BTreeMap::new(),
            ready: VecDeque::new(),
            ledger: Ledger::default(),
            in_flight: 0,
            held: false,
            down: Downtime::Up,
            opened: HashMap::new(),
            calls: Calls::default(),
            counter: 0,
        })
    }

    /// The people.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The deliveries.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.down {
            Downtime::Until(until) => Some(until),
            Downtime::UntilTold => None,
            Downtime::Up => self.due.first_key_value().map(|((at, _), _)| *at),
        }
    }

    fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn schedule(&mut self, at: Timestamp, due: Due) {
        let order = self.count();
        self.due.insert((at, order), due);
    }

    /// The scenario that counts for a user.
    fn scenario_of(&self, core_id: &str) -> &Scenario {
        self.own_scenarios.get(core_id).unwrap_or(&self.scenario)
    }

    /// Forgets requests that no question can reach any more and that have nothing left to do.
    fn forget_old(&mut self, now: Timestamp) {
        let waiting: std::collections::HashSet<u64> = self
            .due
            .values()
            .filter_map(|due| match due {
                Due::Accept(n) | Due::Advance(n) | Due::Finish(n) => Some(*n),
                Due::Retry(parcel) => Some(parcel.request),
                Due::Later(bundle) => bundle.first().map(|parcel| parcel.request),
            })
            .collect();
        let horizon = now - HISTORY;
        let old = |number: &u64, request: &Request| {
            !waiting.contains(number)
                && !request.has_mail()
                && request.history.iter().all(|entry| entry.at < horizon)
        };
        let gone: Vec<u64> = self
            .requests
            .iter()
            .filter(|(number, request)| old(number, request))
            .map(|(number, _)| *number)
            .collect();
        for number in &gone {
            if let Some(request) = self.requests.remove(number) {
                self.numbers.remove(&request.id);
            }
        }
        if !gone.is_empty() {
            let requests = &self.requests;
            self.slots.retain(|_, numbers| {
                numbers.retain(|number| requests.contains_key(number));
                !numbers.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    //! What the tests of this module's parts start from.

    use super::connector::QrQuestion;
    use super::*;

    pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    pub fn world() -> World {
        World::new(Beginning {
            seed: Seed(1),
            address: ([127, 0, 0, 1], 8080).into(),
            topics: vec![1, 5],
            unit: CallbackUnit::Minute,
            step: Duration::from_secs(2),
            scenario: Scenario::default(),
            load_users: 1,
        })
        .unwrap()
    }

    pub fn question(world: &World, user: &str, items: &[&str]) -> QrQuestion {
        let user = &world.roster.find(user).unwrap().core_id;
        serde_json::from_value(serde_json::json!({
            "user": user,
            "items": items,
            "callback": "service.example/data",
            "statusCallback": "http://service.example/status",
            "expiration": NOW.as_secs() + 600,
        }))
        .unwrap()
    }

    #[test]
    fn requests_that_nobody_can_ask_about_are_forgotten_and_others_are_not() {
        let mut world = world();
        let old = question(&world, "ignores", &["SH_EMAIL"]);
        world.qr_code(old, NOW).unwrap();
        let busy = question(&world, "accepts", &["SH_EMAIL"]);
        world.qr_code(busy, NOW).unwrap();
        world.forget_old(NOW + HISTORY);
        assert_eq!(world.requests.len(), 2);
        world.forget_old(NOW + HISTORY + Duration::from_secs(1));
        assert_eq!(world.requests.len(), 1);
        assert_eq!((world.slots.len(), world.numbers.len()), (1, 1));
    }
}
