//! How the facade has a provider asked: again, in turn, within a deadline, or not at all.
//!
//! Tokio's time is paused: it moves by itself, from one wait to the next, when nothing else is left
//! to do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first thing that is not as it says"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;
use verilane_core::clock::ManualClock;
use verilane_core::{
    Action, ClaimName, ConnectionName, FieldViolation, Pii, ProviderName, QrOrLink, Reason,
    Timestamp, Wish,
};
use verilane_provider::{
    ActionLifetime, Availability, Brake, Callback, CircuitState, Facade, HealthState, Jitter,
    Limits, OfferedClaim, Prepared, Profile, Provider, ProviderError, Reading, Refusal, Start,
    StartRequest, Started, deadline,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What the provider does with one call.
#[derive(Clone)]
enum Does {
    Answers,
    Fails(ProviderError),
    /// It answers after a while.
    Takes(Duration),
    Hangs,
}

/// A plug-in that follows a script, and notes when it was called and until when it may take.
struct Script {
    profile: Profile,
    steps: Mutex<VecDeque<Does>>,
    begin: Instant,
    calls: Mutex<Vec<Duration>>,
    deadlines: Mutex<Vec<Duration>>,
}

impl Script {
    async fn call(&self) -> Result<(), ProviderError> {
        self.calls.lock().push(self.begin.elapsed());
        let deadline = deadline::current().unwrap();
        self.deadlines.lock().push(deadline - self.begin);
        let step = self.steps.lock().pop_front().unwrap_or(Does::Answers);
        match step {
            Does::Answers => Ok(()),
            Does::Fails(error) => Err(error),
            Does::Takes(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Does::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Provider for Script {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, _: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        Err(Vec::new())
    }

    async fn check_availability(&self, _: &Prepared) -> Result<Availability, ProviderError> {
        self.call().await?;
        Ok(Availability { held: Vec::new() })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        self.call().await?;
        Ok(Started {
            action: Action::QrOrLink(QrOrLink {
                link: Pii::from("corepass:x"),
                qr_png: None,
                expire_time: start.expiry,
            }),
            already_open: false,
        })
    }

    fn read_callback(&self, _: &Callback) -> Result<Reading, Refusal> {
        Err(Reason::CallbackMalformed.into())
    }
}

struct Stage {
    script: Arc<Script>,
    facade: Arc<Facade>,
    clock: ManualClock,
}

/// Limits whose pauses are exact but for their half of chance.
fn limits() -> Limits {
    Limits {
        call_timeout: 45 * SECOND,
        tries: 3,
        pause: SECOND,
        longest_pause: 10 * SECOND,
        circuit_failures: 4,
        circuit_open: 20 * SECOND,
        turn_wait: 5 * SECOND,
        ..Limits::default()
    }
}

fn stage(limits: Limits, steps: impl IntoIterator<Item = Does>) -> Stage {
    let script = Arc::new(Script {
        profile: Profile {
            provider: ProviderName::new("script").unwrap(),
            capabilities: Vec::new(),
            claims: vec![OfferedClaim {
                name: ClaimName::Email,
                document: None,
                field: "EMAIL",
            }],
            action_lifetime: ActionLifetime {
                min: 5 * MINUTE,
                max: 15 * MINUTE,
                default: 10 * MINUTE,
            },
            needs_subject: true,
            holds_one_request: true,
            pace: None,
            scopes: &[],
        },
        steps: Mutex::new(steps.into_iter().collect()),
        begin: Instant::now(),
        calls: Mutex::default(),
        deadlines: Mutex::default(),
    });
    let clock = ManualClock::new(NOW);
    let name = ConnectionName::new("test").unwrap();
    let plugin = Arc::<Script>::clone(&script);
    let facade = Facade::new(name, plugin, Arc::new(clock.clone()), limits).unwrap();
    Stage {
        script,
        facade: Arc::new(facade.with_jitter(Jitter::seeded(11))),
        clock,
    }
}

impl Stage {
    async fn check(&self) -> Result<Availability, ProviderError> {
        let prepared = Prepared {
            besides: Vec::new(),
            subject: Pii::from("u"),
            claims: vec![Wish::for_field(ClaimName::Email, None, "EMAIL", true)],
            action_lifetime: 10 * MINUTE,
            retention: None,
        };
        self.facade.check_availability(&prepared).await
    }

    async fn start(&self) -> Result<Started, ProviderError> {
        let url = Pii::from("https://verilane.test/x");
        let start = Start {
            subject: &Pii::from("u"),
            fields: &["EMAIL"],
            status_url: &url,
            data_url: &url,
            expiry: NOW + 10 * MINUTE,
            without_picture: false,
        };
        self.facade.start(&start).await
    }

    /// The pauses between calls.
    fn pauses(&self) -> Vec<Duration> {
        let calls = self.script.calls.lock();
        calls
            .windows(2)
            .filter_map(|pair| match pair {
                [a, b] => Some(*b - *a),
                _ => None,
            })
            .collect()
    }

    fn calls(&self) -> usize {
        self.script.calls.lock().len()
    }
}

fn busy(after: Option<Duration>) -> Does {
    Does::Fails(ProviderError::Busy { retry_after: after })
}

const NOT_SENT: Does = Does::Fails(ProviderError::NotSent);
const UNCLEAR: Does = Does::Fails(ProviderError::Unclear);

fn is_held_back(outcome: &ProviderError, brake: Brake) -> Option<Duration> {
    match outcome {
        ProviderError::HeldBack { by, retry_after } if *by == brake => Some(*retry_after),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_is_asked_again_after_growing_pauses() {
    let stage = stage(limits(), [NOT_SENT, UNCLEAR]);
    stage.check().await.unwrap();
    let pauses = stage.pauses();
    let [first, second] = pauses.as_slice() else {
        panic!("{pauses:?}");
    };
    assert!((SECOND / 2..=SECOND).contains(first), "{first:?}");
    assert!((SECOND..=2 * SECOND).contains(second), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_given_up_after_so_many_tries_with_the_last_failure() {
    let stage = stage(limits(), [NOT_SENT, UNCLEAR, busy(None), Does::Answers]);
    let failure = stage.check().await.unwrap_err();
    assert!(matches!(failure, ProviderError::Busy { .. }), "{failure:?}");
    assert_eq!(stage.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_no_is_final() {
    let refused = ProviderError::Refused {
        reason: Reason::ProviderRefused,
        text: None,
    };
    for answer in [refused, ProviderError::InvalidAnswer("it is nonsense")] {
        let stage = stage(limits(), [Does::Fails(answer)]);
        assert!(stage.check().await.is_err());
        assert_eq!(stage.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_is_sent_again_only_if_it_never_left() {
    let stage = stage(limits(), [NOT_SENT, NOT_SENT]);
    stage.start().await.unwrap();
    assert_eq!(stage.calls(), 3);
    let overloaded = Does::Fails(ProviderError::Overloaded { retry_after: None });
    for step in [UNCLEAR, busy(Some(SECOND)), overloaded] {
        let stage = self::stage(limits(), [step]);
        assert!(stage.start().await.unwrap_err().is_retryable());
        assert_eq!(stage.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_time_is_given_it_or_not_asked_again() {
    let stage = stage(limits(), [busy(Some(7 * SECOND)), Does::Answers]);
    stage.check().await.unwrap();
    assert!(stage.pauses().iter().all(|pause| *pause >= 7 * SECOND));
    // More than there is: whoever waits is told at once, and for how long.
    let stage = self::stage(limits(), [busy(Some(60 * SECOND)), Does::Answers]);
    let failure = stage.check().await.unwrap_err();
    assert_eq!(failure.retry_after(), Some(60 * SECOND));
    assert_eq!(stage.script.begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn all_tries_together_stay_within_the_time_of_a_call() {
    let steps = [Does::Fails(ProviderError::Unclear), Does::Hangs];
    let stage = stage(limits(), steps);
    assert!(matches!(stage.check().await, Err(ProviderError::Unclear)));
    assert_eq!(stage.script.begin.elapsed(), 45 * SECOND);
    let deadlines = stage.script.deadlines.lock().clone();
    assert_eq!(deadlines, [45 * SECOND; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_ends_what_changes_nothing_and_counts_against_nobody() {
    let stage = stage(limits(), vec![Does::Hangs; 5]);
    for number in 1..=5 {
        let deadline = Instant::now() + SECOND;
        let outcome = deadline::within(deadline, stage.check()).await;
        assert!(matches!(outcome, Err(ProviderError::Unclear)));
        assert_eq!(stage.script.begin.elapsed(), number * SECOND);
    }
    assert_eq!(stage.facade.circuit().state, CircuitState::Closed);
    assert_eq!(stage.facade.health().state, HealthState::Unknown);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_a_caller_who_is_gone() {
    let stage = stage(limits(), []);
    let failure = deadline::within(Instant::now(), stage.check()).await;
    assert!(is_held_back(&failure.unwrap_err(), Brake::Deadline).is_some());
    assert_eq!(stage.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_goes_on_without_its_caller_and_begins_no_new_try_after_him() {
    let stage = stage(limits(), [Does::Takes(30 * SECOND)]);
    let outcome = deadline::within(Instant::now() + SECOND, stage.start()).await;
    assert!(outcome.is_ok());
    assert_eq!(stage.script.deadlines.lock().as_slice(), [45 * SECOND]);
    let outcome = deadline::within(Instant::now(), stage.start()).await;
    assert!(outcome.is_ok());
    let gives_up = self::stage(limits(), [NOT_SENT, NOT_SENT]);
    let outcome = deadline::within(Instant::now(), gives_up.start()).await;
    assert!(matches!(outcome, Err(ProviderError::NotSent)));
    assert_eq!(gives_up.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_left_alone_then_tried_out_once() {
    let stage = stage(limits(), vec![NOT_SENT; 5]);
    let mut changes = stage.facade.changes();
    assert!(stage.start().await.is_err());
    assert!(stage.start().await.is_err());
    let circuit = stage.facade.circuit();
    assert_eq!(
        (circuit.state, circuit.since),
        (CircuitState::Open, Some(NOW))
    );
    assert_eq!(stage.facade.health().state, HealthState::Unavailable);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(stage.calls(), 4);

    // Nobody waits, and the provider is not asked.
    let begin = Instant::now();
    let failure = stage.check().await.unwrap_err();
    assert_eq!(is_held_back(&failure, Brake::Circuit), Some(20 * SECOND));
    assert!(failure.is_retryable() && failure.never_left());
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(stage.calls(), 4);

    // The trial fails, the next one does not.
    stage.clock.advance(20 * SECOND);
    let failure = stage.start().await.unwrap_err();
    assert!(is_held_back(&failure, Brake::Circuit).is_some());
    assert_eq!(stage.calls(), 5);
    stage.clock.advance(20 * SECOND);
    assert_eq!(stage.facade.circuit().state, CircuitState::HalfOpen);
    stage.start().await.unwrap();
    assert_eq!(stage.facade.circuit().state, CircuitState::Closed);
    assert_eq!(stage.facade.health().state, HealthState::Healthy);
    assert!(changes.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_places_wait_for_a_bounded_time() {
    let narrow = Limits {
        calls: 1,
        ..limits()
    };
    let stage = stage(narrow, [Does::Takes(8 * SECOND), Does::Answers]);
    let late = async {
        tokio::time::sleep(4 * SECOND).await;
        stage.check().await
    };
    let early = async {
        tokio::task::yield_now().await;
        stage.check().await
    };
    let (first, early, late) = tokio::join!(stage.check(), early, late);
    assert!(first.is_ok());
    // It would have had to wait for eight seconds, the other one for four.
    assert!(is_held_back(&early.unwrap_err(), Brake::Budget).is_some());
    assert!(late.is_ok());
    assert_eq!(stage.script.begin.elapsed(), 8 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn calls_are_begun_no_faster_than_the_connection_may() {
    let slow = Limits {
        per_second: 2,
        burst: 2,
        ..limits()
    };
    let stage = stage(slow, []);
    for _ in 0..6 {
        stage.check().await.unwrap();
    }
    let half = SECOND / 2;
    assert_eq!(stage.pauses(), [Duration::ZERO, half, half, half, half]);
}
