//! Who is woken by an event that concerns one watcher among 10,000, and whether the others make it
//! any dearer.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use verilane_core::Event;

use crate::WATCHERS;
use crate::stage::Stage;

/// How many events are committed, each for another watcher.
const EVENTS: usize = 200;
/// How many events one round of the comparison publishes.
const PUBLISHED: usize = 2_000;
const ROUNDS: usize = 9;
/// How much dearer an event may be among 10,000 watchers than with its own alone. What grew with
/// their number would be thousands of times dearer; what is left is noise and colder caches.
const DEARER: f64 = 2.0;

/// Whether only those were woken whom it concerned, at a price that does not grow.
pub fn measure() -> bool {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut crowd = Stage::new(WATCHERS, WATCHERS).await;
        let mut alone = Stage::new(WATCHERS, 1).await;
        let exact = woken(&mut crowd).await;
        let cheap = price(&mut crowd, &mut alone);
        exact && cheap
    })
}

async fn woken(crowd: &mut Stage) -> bool {
    let (mut right, mut wrong, mut taken) = (0, 0, 0);
    for number in 0..EVENTS {
        let place = number * (WATCHERS / EVENTS);
        let before = crowd.taken(place);
        crowd.commit(place).await;
        for woken in crowd.take_woken() {
            if woken == place {
                right += 1;
            } else {
                wrong += 1;
            }
            crowd.take(woken);
        }
        taken += crowd.taken(place) - before;
    }
    println!(
        "{EVENTS} events, each for one of {WATCHERS} watchers: {} wakes, {wrong} of them of others; \
         {taken} taken",
        right + wrong,
    );
    let events = u64::try_from(EVENTS).unwrap();
    right == events && wrong == 0 && taken == events
}

fn price(crowd: &mut Stage, alone: &mut Stage) -> bool {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((round(crowd), round(alone)));
    }
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(pick).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let ratio = median(|(crowd, alone)| crowd / alone);
    println!(
        "CPU to publish an event and have its watcher take it, medians of {ROUNDS} rounds: \
         {:.2} µs among {WATCHERS} watchers, {:.2} µs alone; ratio {ratio:.2} (goal {DEARER:.1})",
        median(|round| round.0),
        median(|round| round.1),
    );
    ratio <= DEARER
}

/// Microseconds of this thread's CPU an event.
fn round(stage: &mut Stage) -> f64 {
    let events: Vec<Event> = stage.events(0, PUBLISHED);
    let before = stage.taken(0);
    let began = cpu();
    for event in &events {
        stage.publish(event);
        for woken in stage.take_woken() {
            stage.take(woken);
        }
    }
    let took = cpu().saturating_sub(began);
    let taken = stage.taken(0) - before;
    assert_eq!(
        taken,
        u64::try_from(PUBLISHED).unwrap(),
        "not all were taken"
    );
    took.as_secs_f64() * 1e6 / PUBLISHED as f64
}

/// What this thread has used up.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap())
}
