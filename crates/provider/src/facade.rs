//! What the engine sees of a plug-in: the same limits, the same distrust and the same telemetry for
//! every one.
//!
//! A call has a time-out. What comes back is checked ([`checks`]) before anybody believes it, so a
//! fault of a plug-in, or a provider that talks it into something, ends here. Callbacks are read
//! on blocking threads, a bounded number at once, since checking a signature costs more than
//! answering a request.

mod checks;
mod health;
mod observe;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::Instrument;
use verilane_core::{ConnectionName, FieldViolation, Reason, SharedClock};

use crate::{
    Availability, Callback, Capability, HistoryEntry, HistoryRequest, Prepared, Profile, Provider,
    ProviderError, Reading, Refusal, Start, StartRequest, Started,
};
pub use checks::BadProfile;
use health::Pulse;
pub use health::{Health, HealthState};
use observe::{Observer, Operation};

/// The limits that every plug-in is held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a call of a plug-in may take, requests included. Longer than the time-outs of the
    /// HTTP client, which can tell better what became of a request.
    pub call_timeout: Duration,
    /// How many callbacks of a connection are read at the same time.
    pub callback_readers: usize,
    /// How long a callback waits for its turn to be read.
    pub callback_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(45),
            callback_readers: 4,
            callback_wait: Duration::from_secs(10),
        }
    }
}

/// A plug-in behind one configured connection, held to its word.
pub struct Facade {
    connection: ConnectionName,
    plugin: Arc<dyn Provider>,
    clock: SharedClock,
    limits: Limits,
    readers: Arc<Semaphore>,
    observer: Observer,
    pulse: Pulse,
}

impl Facade {
    /// Takes a plug-in on, if what it says of itself makes sense.
    ///
    /// # Errors
    /// [`BadProfile`]: a fault of the plug-in.
    pub fn new(
        connection: ConnectionName,
        plugin: Arc<dyn Provider>,
        clock: SharedClock,
        limits: Limits,
    ) -> Result<Self, BadProfile> {
        checks::profile(plugin.profile())?;
        Ok(Self {
            observer: Observer::new(&connection, &plugin.profile().provider),
            connection,
            plugin,
            clock,
            limits,
            readers: Arc::new(Semaphore::new(limits.callback_readers.max(1))),
            pulse: Pulse::new(),
        })
    }

    /// The connection.
    #[must_use]
    pub const fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    /// What is fixed about the connection.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        self.plugin.profile()
    }

    /// How the provider has answered lately.
    #[must_use]
    pub fn health(&self) -> Health {
        self.pulse.health()
    }

    /// Checks a caller's wish and puts it into the provider's terms. Asks nobody.
    ///
    /// # Errors
    /// Everything that is wrong with the wish.
    pub fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        checks::request(request)?;
        let prepared = self.plugin.prepare(request)?;
        checks::prepared(self.profile(), &prepared).map_err(|fault| {
            vec![FieldViolation {
                field: String::new(),
                description: fault.to_owned(),
                reason: Reason::Internal,
            }]
        })?;
        Ok(prepared)
    }

    /// Asks which of the prepared fields the user has verified. Changes nothing at the provider.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them.
    pub async fn check_availability(
        &self,
        prepared: &Prepared,
    ) -> Result<Availability, ProviderError> {
        self.bounded(Operation::CheckAvailability, async {
            let answer = self.plugin.check_availability(prepared).await?;
            checks::availability(prepared, answer)
        })
        .await
    }

    /// Fetches what the provider has noted about a user and fields, oldest first. Changes nothing at
    /// the provider.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them; `InvalidAnswer` where no history is kept.
    pub async fn history(
        &self,
        request: &HistoryRequest<'_>,
    ) -> Result<Vec<HistoryEntry>, ProviderError> {
        if !self.has(Capability::History) {
            return Err(ProviderError::InvalidAnswer("no history is kept"));
        }
        self.bounded(Operation::History, async {
            let entries = self.plugin.history(request).await?;
            checks::history(self.clock.now(), &entries)?;
            Ok(entries)
        })
        .await
    }

    /// Whether the connection, as configured, can do this.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.profile().capabilities.contains(&capability)
    }

    /// Sends the request that starts an attempt. Its intent must be durable by now.
    ///
    /// # Errors
    /// [`ProviderError`]; after a time-out the outcome is unclear.
    pub async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        self.bounded(Operation::Start, async {
            let started = self.plugin.start(start).await?;
            checks::started(self.clock.now(), self.profile(), &started)?;
            Ok(started)
        })
        .await
    }

    /// Checks a callback and says what it tells.
    ///
    /// # Errors
    /// [`Refusal`] for what is not believed, and for one that got no turn in time.
    pub async fn read_callback(&self, callback: Callback) -> Result<Reading, Refusal> {
        let observed = self.observer.begin(Operation::ReadCallback);
        let span = observed.span().clone();
        let outcome = self.read_in_turn(callback).instrument(span).await;
        observed.end(outcome.as_ref().err().map(|refusal| refusal.reason.code()));
        outcome
    }

    async fn read_in_turn(&self, callback: Callback) -> Result<Reading, Refusal> {
        let turn = Arc::clone(&self.readers).acquire_owned();
        let turn = tokio::time::timeout(self.limits.callback_wait, turn)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(Refusal::from(Reason::CallbackOverload))?;
        let plugin = Arc::clone(&self.plugin);
        let span = tracing::Span::current();
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let reading = span.in_scope(|| plugin.read_callback(&callback))?;
            checks::reading(&callback, reading)
        });
        // Only a runtime that shuts down, or a fault of the plug-in, ends the thread early.
        read.await.unwrap_or(Err(Refusal::from(Reason::Internal)))
    }

    async fn bounded<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let observed = self.observer.begin(operation);
        let span = observed.span().clone();
        let outcome = tokio::time::timeout(self.limits.call_timeout, call.instrument(span))
            .await
            .unwrap_or(Err(ProviderError::Unclear));
        observed.end(outcome.as_ref().err().map(observe::word));
        self.pulse.note(outcome.as_ref().err(), self.clock.now());
        outcome
    }
}
