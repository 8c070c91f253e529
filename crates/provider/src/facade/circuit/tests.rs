//! When it opens, for how long, and what closes it.

use std::sync::Arc;

use verilane_core::Reason;
use verilane_core::clock::ManualClock;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_000);
const SECOND: Duration = Duration::from_secs(1);

struct Stage {
    clock: ManualClock,
    circuit: Circuit,
    changes: Arc<Mutex<Vec<CircuitState>>>,
}

fn stage() -> Stage {
    let clock = ManualClock::new(START);
    let changes: Arc<Mutex<Vec<_>>> = Arc::default();
    let told = Arc::clone(&changes);
    let shared = Arc::new(clock.clone());
    let circuit = Circuit::new(3, 10 * SECOND, shared, move |_, to| told.lock().push(to));
    Stage {
        clock,
        circuit,
        changes,
    }
}

impl Stage {
    fn call(&self, failure: Option<&ProviderError>) {
        self.circuit.enter().ok().unwrap().settle(failure);
    }

    fn open(&self) {
        for _ in 0..3 {
            self.call(Some(&ProviderError::NotSent));
        }
    }

    fn state(&self) -> CircuitState {
        self.circuit.health().state
    }
}

#[test]
fn it_opens_after_so_many_failures_in_a_row_and_says_how_long() {
    let stage = stage();
    stage.call(Some(&ProviderError::NotSent));
    stage.call(Some(&ProviderError::Unclear));
    stage.call(None);
    stage.call(Some(&ProviderError::NotSent));
    stage.call(Some(&ProviderError::Unclear));
    assert_eq!(stage.state(), CircuitState::Closed);
    assert_eq!(stage.circuit.health().since, None);
    stage.clock.advance(SECOND);
    stage.call(Some(&ProviderError::Overloaded { retry_after: None }));
    let health = stage.circuit.health();
    assert_eq!(health.state, CircuitState::Open);
    assert_eq!(health.since, Some(START + SECOND));
    stage.clock.advance(4 * SECOND);
    assert_eq!(stage.circuit.enter().err(), Some(6 * SECOND));
    assert_eq!(stage.circuit.peek(), Err(6 * SECOND));
}

#[test]
fn a_provider_that_says_no_or_asks_for_time_has_answered() {
    let stage = stage();
    let refused = ProviderError::Refused {
        reason: Reason::ProviderRefused,
        text: None,
    };
    let answers = [
        refused,
        ProviderError::Busy { retry_after: None },
        ProviderError::InvalidAnswer("it is nonsense"),
    ];
    for answer in answers {
        for _ in 0..2 {
            stage.call(Some(&ProviderError::NotSent));
        }
        stage.call(Some(&answer));
        assert_eq!(stage.state(), CircuitState::Closed, "{answer:?}");
    }
}

#[test]
fn one_trial_at_a_time_decides_whether_it_closes() {
    let stage = stage();
    stage.open();
    stage.clock.advance(10 * SECOND);
    assert_eq!(stage.state(), CircuitState::HalfOpen);
    assert_eq!(stage.circuit.peek(), Ok(()));
    let trial = stage.circuit.enter().ok().unwrap();
    assert_eq!(stage.circuit.enter().err(), Some(TRIAL));
    trial.settle(Some(&ProviderError::Unclear));
    assert_eq!(stage.circuit.enter().err(), Some(10 * SECOND));
    stage.clock.advance(10 * SECOND);
    stage.call(None);
    assert_eq!(stage.state(), CircuitState::Closed);
    let changes = stage.changes.lock().clone();
    let expected = [
        CircuitState::Open,
        CircuitState::HalfOpen,
        CircuitState::Open,
        CircuitState::HalfOpen,
        CircuitState::Closed,
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_trial_without_an_outcome_makes_room_for_the_next() {
    let stage = stage();
    stage.open();
    stage.clock.advance(10 * SECOND);
    drop(stage.circuit.enter().ok().unwrap());
    assert_eq!(stage.state(), CircuitState::HalfOpen);
    assert!(stage.circuit.enter().is_ok());
}

#[test]
fn calls_from_before_it_opened_can_close_it_and_do_not_prolong_it() {
    let stage = stage();
    let slow: Vec<_> = (0..3)
        .map(|_| stage.circuit.enter().ok().unwrap())
        .collect();
    stage.open();
    stage.clock.advance(9 * SECOND);
    let mut slow = slow.into_iter();
    slow.next().unwrap().settle(Some(&ProviderError::Unclear));
    assert_eq!(stage.circuit.peek(), Err(SECOND));
    stage.clock.advance(SECOND);
    slow.next().unwrap().settle(Some(&ProviderError::Unclear));
    assert_eq!(stage.state(), CircuitState::HalfOpen);
    slow.next().unwrap().settle(None);
    assert_eq!(stage.state(), CircuitState::Closed);
}

#[test]
fn a_clock_that_goes_back_does_not_keep_it_open() {
    let stage = stage();
    stage.open();
    stage.clock.set(START - 3_600 * SECOND);
    assert_eq!(stage.state(), CircuitState::HalfOpen);
}

#[test]
fn without_a_limit_it_never_opens() {
    let clock = Arc::new(ManualClock::new(START));
    let circuit = Circuit::new(0, SECOND, clock, |_, _| {});
    for _ in 0..1_000 {
        let leave = circuit.enter().ok().unwrap();
        leave.settle(Some(&ProviderError::NotSent));
    }
    assert_eq!(circuit.health().state, CircuitState::Closed);
}
