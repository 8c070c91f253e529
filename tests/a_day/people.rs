//! Who is verified on that day, when, and what becomes of it; drawn from the seed.

use std::time::Duration;

use verilane_core::Timestamp;
use verilane_sandbox::Scenario;

use super::harness::Draw;

const MINUTE: Duration = Duration::from_secs(60);
/// When verifications are asked for, at the earliest one so long after another.
const SLOT: Duration = Duration::from_secs(15 * 60);
/// How many slots of the day.
const SLOTS: u64 = 92;

/// How a first request goes on, and whether its data must arrive in the end.
const FATES: [(&str, bool); 20] = [
    ("accept", true),
    ("accept", true),
    ("accept", true),
    ("accept-late", true),
    ("accept+drop", true),
    ("accept+drop-all-statuses", true),
    ("accept+unheard", true),
    ("accept+duplicates+json", true),
    ("accept+late-data+go-struct", true),
    ("accept+replay+sha256", true),
    ("ignore", false),
    ("ignore", false),
    ("initiation-fails", false),
    ("validity-fails", false),
    ("confirmation-fails", false),
    ("confirmation-fails-too", false),
    ("fails-in-words", false),
    ("finish-fails", false),
    ("finish-fails-before-data", true),
    ("finish-fails-after-data", true),
];

/// What a caller does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Asks for a verification of this person.
    Create(usize),
    /// Asks for a new attempt of the person's newest verification, which goes well.
    Retry(usize),
}

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The sandbox's name.
    pub name: String,
    /// What is to happen at first.
    pub fate: &'static str,
    /// Whether the data of the first request must come.
    pub brings_data: bool,
    /// Whether a new attempt follows one that came to nothing.
    pub retries: bool,
}

impl Person {
    /// For the sandbox.
    pub fn scenario(&self) -> Scenario {
        Scenario::named(self.fate).unwrap()
    }
}

/// So many people, and what callers do with them, in order.
pub fn day(
    count: usize,
    begin: Timestamp,
    draw: &mut Draw,
) -> (Vec<Person>, Vec<(Timestamp, Wish)>) {
    let mut fates: Vec<_> = FATES.iter().cycle().take(count).copied().collect();
    for last in (1..fates.len()).rev() {
        let other = usize::try_from(draw.within(0, last as u64)).unwrap();
        fates.swap(last, other);
    }
    let (mut people, mut plan) = (Vec::new(), Vec::new());
    for (number, (fate, brings_data)) in fates.into_iter().enumerate() {
        let first = begin + SLOT * u32::try_from(draw.within(1, SLOTS)).unwrap();
        let retries = !brings_data && draw.within(0, 2) > 0;
        plan.push((first, Wish::Create(number)));
        // Once the first attempt is over, whatever it was.
        if retries {
            plan.push((first + 2 * 60 * MINUTE, Wish::Retry(number)));
        } else if brings_data && draw.within(0, 3) == 0 {
            // The same person once more.
            plan.push((first + 5 * 60 * MINUTE, Wish::Create(number)));
        }
        people.push(Person {
            name: format!("load-{}", number + 4),
            fate,
            brings_data,
            retries,
        });
    }
    plan.sort_unstable();
    (people, plan)
}

/// When the ingress is down, and whether the process is too: half of the time, and never for as long
/// as the connector goes on trying.
pub fn outages(
    begin: Timestamp,
    end: Timestamp,
    draw: &mut Draw,
) -> Vec<(Timestamp, Timestamp, bool)> {
    let (mut outages, mut at) = (Vec::new(), begin);
    while at < end {
        let down = MINUTE * u32::try_from(draw.within(10, 100)).unwrap();
        // As long up as down, in any order.
        let before = down.mul_f64(f64::from(u32::try_from(draw.within(0, 10)).unwrap()) / 10.0);
        let from = at + before;
        outages.push((from, from + down, draw.within(0, 2) == 0));
        at = at + 2 * down;
    }
    outages
}
