//! The order of events: what every log keeps, whoever the provider is.

use std::collections::HashMap;

use verilane_api::v1::{Event, State};

/// Finds fault unless sequences have no gap, nor revisions of each verification, and each begins in the
/// state where the last ended. In which state each verification has ended.
pub fn check_order(log: &[Event]) -> HashMap<&str, State> {
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
    let states = last.into_iter().map(|(id, (_, state))| (id, state));
    states.collect()
}

/// Finds fault unless what was seen is the log.
pub fn check_same(seen: &[Event], log: &[Event]) {
    let sequence = |event: Option<&Event>| event.map(|event| event.sequence);
    let parted = (0..seen.len().max(log.len())).find(|at| seen.get(*at) != log.get(*at));
    assert!(
        parted.is_none(),
        "{} seen, {} in the log; they part at {parted:?}: {:?} seen, {:?} in the log",
        seen.len(),
        log.len(),
        parted.and_then(|at| sequence(seen.get(at))),
        parted.and_then(|at| sequence(log.get(at)))
    );
}
