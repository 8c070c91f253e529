//! What the engine sees of a plug-in: the same limits, the same distrust and the same telemetry for
//! every one.
//!
//! A call has a time-out, waits for its turn under the connection's budget, is held back while the
//! provider does not answer anybody, and is tried again where that can't double anything
//! ([`course`]). What comes back is checked ([`checks`]) before anybody believes it, so a fault of a
//! plug-in, or a provider that talks it into something, ends here. Callbacks are read on blocking
//! threads, a bounded number at once, since checking a signature costs more than answering a
//! request.

mod budget;
mod checks;
mod circuit;
mod course;
mod derived;
mod health;
mod limits;
mod meters;
mod observe;
mod retry;

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tracing::Instrument;
use verilane_core::{
    ConnectionName, Decision, FieldViolation, Pii, Reason, SharedClock, Timestamp,
};
use verilane_telemetry::attribute;

use crate::{
    Availability, Callback, Capability, Continuation, EvidenceBody, EvidenceOffer, Exchanged,
    Granted, HistoryEntry, HistoryRequest, LookAnswer, LookRequest, Prepared, Profile, Provider,
    ProviderError, ProviderMessage, Reading, Refusal, Revalidated, Start, StartRequest, Started,
    UnsignedData, ValueToCheck,
};
use budget::Budget;
pub use checks::BadProfile;
use circuit::Circuit;
pub use circuit::{CircuitHealth, CircuitState};
use health::Pulse;
pub use health::{Health, HealthState};
pub use limits::Limits;
use meters::Meters;
use observe::{Observer, Operation};
pub use retry::Jitter;

/// A plug-in behind one configured connection, held to its word.
pub struct Facade {
    connection: ConnectionName,
    plugin: Arc<dyn Provider>,
    clock: SharedClock,
    limits: Limits,
    readers: Arc<Semaphore>,
    observer: Observer,
    meters: Meters,
    pulse: Pulse,
    circuit: Circuit,
    budget: Budget,
    jitter: Jitter,
    /// Counts changes of the health, for those who wait for one.
    changes: watch::Sender<u64>,
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
        let meters = Meters::new(&connection);
        let changes = watch::Sender::new(0);
        let circuit = {
            let (meters, changes) = (meters.clone(), changes.clone());
            let on_change = move |from, to| {
                meters.circuit(from, to);
                changes.send_modify(|count: &mut u64| *count = count.wrapping_add(1));
            };
            let (failures, open) = (limits.circuit_failures, limits.circuit_open);
            Circuit::new(failures, open, Arc::clone(&clock), on_change)
        };
        Ok(Self {
            observer: Observer::new(&connection, &plugin.profile().provider),
            meters,
            circuit,
            budget: Budget::new(limits.calls, limits.per_second, limits.burst),
            jitter: Jitter::random(),
            changes,
            connection,
            plugin,
            clock,
            limits,
            readers: Arc::new(Semaphore::new(limits.callback_readers.max(1))),
            pulse: Pulse::new(),
        })
    }

    /// With another source of chance for the pauses between tries.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
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

    /// Whether calls pass to the provider at all.
    #[must_use]
    pub fn circuit(&self) -> CircuitHealth {
        self.circuit.health()
    }

    /// Changes whenever [`health`](Self::health) or [`circuit`](Self::circuit) may have; what it
    /// holds means nothing.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Checks a caller's wish and puts it into the provider's terms. Asks nobody. Of derived claims
    /// the plug-in is told nothing ([`derived`]).
    ///
    /// # Errors
    /// Everything that is wrong with the wish.
    pub fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        checks::request(self.profile(), request)?;
        let mut prepared = derived::prepare(request, |request| {
            let prepared = self.plugin.prepare(request)?;
            checks::prepared(self.profile(), request, &prepared).map_err(|fault| {
                vec![FieldViolation {
                    field: String::new(),
                    description: fault.to_owned(),
                    reason: Reason::Internal,
                }]
            })?;
            Ok(prepared)
        })?;
        // From here on they are claims like the others, behind those that were asked for by name.
        let mut besides = std::mem::take(&mut prepared.besides);
        prepared.claims.append(&mut besides);
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
        self.asked(Operation::CheckAvailability, || async move {
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
        self.asked(Operation::History, || async move {
            let entries = self.plugin.history(request).await?;
            let (entries, left_out) = checks::history(self.clock.now(), entries)?;
            if left_out > 0 {
                tracing::warn!(
                    { attribute::CONNECTION } = self.connection().as_str(),
                    left_out,
                    "entries of the provider's history are of the future, or hold words that are none"
                );
            }
            Ok(entries)
        })
        .await
    }

    /// Whether the connection, as configured, can do this.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.profile().capabilities.contains(&capability)
    }

    /// Sends the request that starts an attempt. Its intent must be durable by now. Goes on after
    /// the caller's deadline, and tries again only what certainly never left.
    ///
    /// # Errors
    /// [`ProviderError`]; after a time-out the outcome is unclear.
    pub async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        self.asked(Operation::Start, || async move {
            let mut started = self.plugin.start(start).await?;
            checks::started(self.clock.now(), self.profile(), &started)?;
            if checks::drop_bad_picture(&mut started) {
                tracing::warn!(
                    { attribute::CONNECTION } = self.connection().as_str(),
                    "the provider's QR code is no PNG picture of bounded size; it is drawn from the link"
                );
            }
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
        let reading = self.read_in_turn(callback, |plugin, callback| {
            checks::reading(callback, plugin.read_callback(callback)?)
        });
        let outcome = reading.instrument(span).await;
        observed.end(outcome.as_ref().err().map(|refusal| refusal.reason.code()));
        outcome
    }

    /// Reads data whose signature was refused. Nobody believes it.
    ///
    /// # Errors
    /// [`Refusal`] for what is wrong in more than its signature, and for one that got no turn in
    /// time.
    pub async fn read_unsigned(&self, callback: Callback) -> Result<UnsignedData, Refusal> {
        let observed = self.observer.begin(Operation::ReadUnsigned);
        let span = observed.span().clone();
        let reading = self.read_in_turn(callback, |plugin, callback| {
            checks::unsigned(callback, plugin.read_unsigned(callback)?)
        });
        let outcome = reading.instrument(span).await;
        observed.end(outcome.as_ref().err().map(|refusal| refusal.reason.code()));
        outcome
    }

    /// Asks whether values of a user still hold. Changes nothing at the provider.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them.
    pub async fn revalidate(
        &self,
        subject: &Pii<String>,
        values: &[ValueToCheck<'_>],
    ) -> Result<Revalidated, ProviderError> {
        self.asked(Operation::Revalidate, || async move {
            let answer = self.plugin.revalidate(subject, values).await?;
            checks::revalidated(values, answer)
        })
        .await
    }

    /// Checks what a browser brought back. Asks nobody.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_continuation(&self, brought: &Continuation) -> Result<Pii<String>, FieldViolation> {
        self.read_continuation_at(brought, self.clock.now())
    }

    /// The same at another time: whether it can still be handed in then.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_continuation_at(
        &self,
        brought: &Continuation,
        time: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        let reference = self.plugin.read_continuation(brought, time)?;
        if !checks::is_reference(&reference) {
            return Err(FieldViolation {
                field: String::new(),
                description: "was turned into something that can't be a name".to_owned(),
                reason: Reason::Internal,
            });
        }
        Ok(reference)
    }

    /// What tells a request apart, of a name that was read before: two names with the same are of one
    /// request.
    #[must_use]
    pub fn request_of<'a>(&self, reference: &'a Pii<String>) -> Cow<'a, str> {
        self.plugin.request_of(reference)
    }

    /// Exchanges a code for what the user has granted. The intent must be durable by now. Goes on after
    /// the caller's deadline, and tries again only what certainly never left.
    ///
    /// # Errors
    /// [`ProviderError`]; after a time-out the outcome is unclear.
    pub async fn exchange(&self, code: &Pii<String>) -> Result<ProviderMessage, ProviderError> {
        self.asked(Operation::Exchange, || async move {
            self.plugin.exchange(code).await
        })
        .await
    }

    /// Fetches what an answer points to, if it does not hold everything itself.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them.
    pub async fn fetch_exchanged(
        &self,
        answer: &ProviderMessage,
    ) -> Result<Option<ProviderMessage>, ProviderError> {
        self.asked(Operation::FetchExchanged, || async move {
            self.plugin.fetch_exchanged(answer).await
        })
        .await
    }

    /// Checks what an exchange gave, and says what it tells.
    ///
    /// # Errors
    /// [`Refusal`] for what is not believed, and for one that got no turn in time.
    pub async fn read_exchanged(&self, exchanged: Exchanged) -> Result<Granted, Refusal> {
        let observed = self.observer.begin(Operation::ReadExchanged);
        let span = observed.span().clone();
        let reading = self.read_in_turn(exchanged, |plugin, exchanged| {
            checks::granted(exchanged, plugin.read_exchanged(exchanged)?)
        });
        let outcome = reading.instrument(span).await;
        observed.end(outcome.as_ref().err().map(|refusal| refusal.reason.code()));
        outcome
    }

    /// Looks at a request. Changes nothing at the provider.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them.
    pub async fn look(&self, request: &LookRequest<'_>) -> Result<LookAnswer, ProviderError> {
        self.asked(Operation::Look, || async move {
            let answer = self.plugin.look(request).await?;
            checks::look(request, &answer)?;
            Ok(answer)
        })
        .await
    }

    /// Begins to fetch a piece of evidence. The time-out is that of the beginning; the body has one of
    /// its own.
    ///
    /// # Errors
    /// [`ProviderError`], a time-out among them.
    pub async fn fetch_evidence(
        &self,
        offer: &EvidenceOffer,
    ) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        self.asked(Operation::FetchEvidence, || async move {
            self.plugin.fetch_evidence(offer).await
        })
        .await
    }

    /// Tells the provider what the caller has decided. The decision must be durable by now. Goes on
    /// after the caller's deadline.
    ///
    /// # Errors
    /// [`ProviderError`]; after a time-out the outcome is unclear.
    pub async fn tell_decision(
        &self,
        reference: &Pii<String>,
        decision: Decision,
    ) -> Result<(), ProviderError> {
        self.asked(Operation::TellDecision, || async move {
            self.plugin.tell_decision(reference, decision).await
        })
        .await
    }

    async fn read_in_turn<M: Send + 'static, T: Send + 'static>(
        &self,
        message: M,
        read: impl FnOnce(&dyn Provider, &M) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
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
            span.in_scope(|| read(&*plugin, &message))
        });
        // Only a runtime that shuts down, or a fault of the plug-in, ends the thread early.
        read.await.unwrap_or(Err(Refusal::from(Reason::Internal)))
    }
}
