//! A plug-in behind its facade, between the network and the place for callbacks.

use std::sync::Arc;
use std::time::Duration;

use verilane_core::clock::ManualClock;
use verilane_core::{ConnectionName, Timestamp};

use super::letter::Letter;
use super::receiver::Receiver;
use super::{Bench, Front};
use crate::{
    Callback, Candidate, Capability, Facade, Limits, Prepared, ProviderError, Reading, Refusal,
    Start, StartRequest, Started, UnsignedData,
};

/// When every test begins.
pub(super) const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// All that a test needs.
pub(super) struct Stage<B> {
    pub(super) bench: B,
    pub(super) front: Front,
    pub(super) receiver: Receiver,
    pub(super) clock: ManualClock,
    pub(super) facade: Facade,
    pub(super) prepared: Prepared,
}

impl<B: Bench> Stage<B> {
    pub(super) async fn new() -> Self {
        Self::wishing(B::wish).await
    }

    pub(super) async fn wishing(wish: impl FnOnce(&B) -> StartRequest) -> Self {
        let clock = ManualClock::new(START);
        let front = Front::new().await;
        let bench = B::set_up(clock.clone(), &front).await;
        // Each failure is to be seen as it is.
        let facade = facade(&bench, &clock, Limits::default().call_timeout);
        let prepared = facade.prepare(&wish(&bench)).unwrap();
        Self {
            receiver: Receiver::new(clock.clone()).await,
            bench,
            front,
            clock,
            facade,
            prepared,
        }
    }

    /// A plug-in whose provider is asked to start, and calls; none if this one is not of that kind.
    pub(super) async fn calling() -> Option<Self> {
        let stage = Self::new().await;
        stage.has(Capability::Callback).then_some(stage)
    }

    pub(super) fn has(&self, capability: Capability) -> bool {
        self.facade.profile().capabilities.contains(&capability)
    }

    pub(super) fn fields(&self) -> Vec<&str> {
        self.prepared.fields()
    }

    /// Asks to start: always the same, on the same paths.
    pub(super) async fn start(&self) -> Result<Started, ProviderError> {
        self.start_by(&self.facade).await
    }

    pub(super) async fn start_by(&self, facade: &Facade) -> Result<Started, ProviderError> {
        let start = Start {
            subject: &self.prepared.subject,
            fields: &self.fields(),
            status_url: &self.receiver.url("status"),
            data_url: &self.receiver.url("data"),
            expiry: START + self.prepared.action_lifetime,
            without_picture: false,
        };
        facade.start(&start).await
    }

    /// A facade over the same plug-in that waits no longer than this.
    pub(super) fn impatient(&self, call_timeout: Duration) -> Facade {
        facade(&self.bench, &self.clock, call_timeout)
    }

    /// The attempt that callbacks are about.
    pub(super) fn candidate(&self) -> Candidate {
        let expiry = START + self.prepared.action_lifetime;
        Candidate {
            subject: self.prepared.subject.clone(),
            fields: self.fields().into_iter().map(str::to_owned).collect(),
            start_time: START,
            requested_expiry: expiry,
            expire_time: Some(expiry),
            is_cancelled: false,
            was_taken: true,
        }
    }

    /// Starts, lets everything happen, and gives the callbacks that came.
    pub(super) async fn played_out(&self) -> Vec<Letter> {
        self.start().await.unwrap();
        self.bench.play_out().await;
        let letters = self.receiver.take();
        assert!(letters.len() > 1, "{} callbacks", letters.len());
        letters
    }

    /// Reads a callback as it came.
    pub(super) async fn read(&self, letter: &Letter) -> Result<Reading, Refusal> {
        self.read_as(letter, letter.receive_time, vec![self.candidate()])
            .await
    }

    pub(super) fn callback(
        &self,
        letter: &Letter,
        receive_time: Timestamp,
        candidates: Vec<Candidate>,
    ) -> Callback {
        Callback {
            channel: letter.channel,
            content_type: letter.content_type.clone(),
            body: letter.body.clone(),
            receive_time,
            candidates,
        }
    }

    pub(super) async fn read_as(
        &self,
        letter: &Letter,
        receive_time: Timestamp,
        candidates: Vec<Candidate>,
    ) -> Result<Reading, Refusal> {
        let callback = self.callback(letter, receive_time, candidates);
        self.facade.read_callback(callback).await
    }

    /// Reads a callback as it came, whoever signed it.
    pub(super) async fn read_unsigned(&self, letter: &Letter) -> Result<UnsignedData, Refusal> {
        let callback = self.callback(letter, letter.receive_time, vec![self.candidate()]);
        self.facade.read_unsigned(callback).await
    }

    /// Reads callbacks that must be believed.
    pub(super) async fn believed(&self, letters: &[Letter]) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(letters.len());
        for letter in letters {
            readings.push(self.read(letter).await.unwrap());
        }
        readings
    }
}

fn facade(bench: &impl Bench, clock: &ManualClock, call_timeout: Duration) -> Facade {
    let limits = Limits {
        call_timeout,
        tries: 1,
        circuit_failures: 0,
        ..Limits::default()
    };
    let name = ConnectionName::new("conformance").unwrap();
    let clock = Arc::new(clock.clone());
    Facade::new(name, bench.plugin(), clock, limits).unwrap()
}
