//! The engine: the parts that every use case works with. Each use case has a file of its own.
//!
//! Invariant: whoever is answered OK, or 200, is answered after the commit that makes it true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use verilane_core::{
    Change, ChangeId, ClaimName, Committed, ConnectionName, JobWrite, Reason, SharedClock,
    Timestamp, VerificationId,
};
use verilane_provider::Facade;
use verilane_store::{CommitError, Loaded, Store};

use crate::crash::{CrashPoint, CrashPoints};
use crate::exchange::Turns;
use crate::look::Takings;
use crate::pull::Gate;
use crate::telemetry::{JobMetrics, Loud, PullMetrics, QuarantineMetrics};
use crate::watch::TokenMakers;
use crate::{ConnectionView, EngineConfig, EngineError, KeyCache, Relay, VerificationView};

/// A configured connection.
pub struct Connection {
    /// The plug-in behind its facade.
    pub facade: Facade,
    /// Where the provider reaches the ingress, up to and without the path of the callback:
    /// `https://verilane.example/callbacks`. As it stands goes to the provider.
    pub callback_base: String,
    /// How long a slot's callback paths are answered after its last attempt began.
    pub slot_retention: Duration,
    /// The claims with which a review is approved by itself; never if none.
    pub auto_approve: Option<Vec<ClaimName>>,
}

/// What an engine is made of.
pub struct EngineParts {
    /// Everything durable. Its observer is `relay`.
    pub store: Arc<dyn Store>,
    /// The cache of the newest events.
    pub relay: Arc<Relay>,
    /// The data keys in use.
    pub keys: Arc<KeyCache>,
    /// The time.
    pub clock: SharedClock,
    /// What is connected.
    pub connections: BTreeMap<ConnectionName, Connection>,
    /// Limits and times.
    pub config: EngineConfig,
    /// Set by a `dev` configuration only.
    pub crash_points: Option<Arc<dyn CrashPoints>>,
}

/// The use cases. Share it behind an `Arc`.
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) keys: Arc<KeyCache>,
    pub(crate) clock: SharedClock,
    pub(crate) connections: BTreeMap<ConnectionName, Connection>,
    pub(crate) config: EngineConfig,
    crash_points: Option<Arc<dyn CrashPoints>>,
    pub(crate) jobs_changed: Notify,
    /// Until when the runner of jobs sleeps, in microseconds since the epoch; while it looks, and
    /// while there is none, for ever.
    pub(crate) jobs_sleep_until: AtomicI64,
    pub(crate) job_metrics: JobMetrics,
    pub(crate) quarantine_metrics: QuarantineMetrics,
    pub(crate) pull_metrics: PullMetrics,
    pub(crate) pull_gate: Gate,
    pub(crate) takings: Takings,
    pub(crate) exchanges: Turns,
    pub(crate) watches: Arc<AtomicUsize>,
    pub(crate) token_makers: TokenMakers,
}

/// How long a store that failed while it committed is waited for, and how often it is looked at.
/// Real time: a fault, not a timer.
const MEND: Duration = Duration::from_secs(5);
const MEND_LOOK: Duration = Duration::from_millis(20);

/// How often a change that lost a race is decided anew before the caller is told.
pub(crate) const RACES: usize = 32;

impl Engine {
    /// Puts an engine together. The relay starts where the log ends.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` if the log's end can't be read.
    pub async fn new(parts: EngineParts) -> Result<Arc<Self>, EngineError> {
        parts.relay.start_at(parts.store.head().await?.last);
        Ok(Arc::new(Self {
            store: parts.store,
            relay: parts.relay,
            keys: parts.keys,
            clock: parts.clock,
            connections: parts.connections,
            config: parts.config,
            crash_points: parts.crash_points,
            jobs_changed: Notify::new(),
            jobs_sleep_until: AtomicI64::new(i64::MAX),
            job_metrics: JobMetrics::new(),
            quarantine_metrics: QuarantineMetrics::new(),
            pull_metrics: PullMetrics::new(),
            pull_gate: Gate::new(),
            takings: Takings::default(),
            exchanges: Turns::default(),
            watches: Arc::default(),
            token_makers: TokenMakers::default(),
        }))
    }

    /// What is connected, by name.
    #[must_use]
    pub fn list_connections(&self) -> Vec<ConnectionView> {
        let names = self.connections.keys();
        names.filter_map(|name| self.see_connection(name)).collect()
    }

    /// A connection as it stands; none of that name if none is configured.
    #[must_use]
    pub fn see_connection(&self, name: &ConnectionName) -> Option<ConnectionView> {
        let facade = &self.connections.get(name)?.facade;
        Some(ConnectionView {
            name: name.clone(),
            profile: facade.profile().clone(),
            health: facade.health(),
            poll_interval: self.is_polled(name).then(|| self.pace(name).first),
            poll_interval_max: self.is_polled(name).then(|| self.pace(name).longest),
            circuit: facade.circuit(),
        })
    }

    /// What tells that a connection's health may have changed, by name. What the receivers hold
    /// means nothing.
    #[must_use]
    pub fn connection_changes(&self) -> Vec<(ConnectionName, watch::Receiver<u64>)> {
        let changes = |connection: &Connection| connection.facade.changes();
        let all = self.connections.iter();
        all.map(|(name, connection)| (name.clone(), changes(connection)))
            .collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn crash_point(&self, point: CrashPoint) {
        if let Some(points) = &self.crash_points {
            points.reached(point);
        }
    }

    pub(crate) fn connection(&self, name: &ConnectionName) -> Result<&Connection, EngineError> {
        self.connections
            .get(name)
            .ok_or_else(|| EngineError::new(Reason::ConnectionNotFound).with("connection", name))
    }

    pub(crate) fn view(
        &self,
        row: verilane_core::Verification,
    ) -> Result<VerificationView, EngineError> {
        VerificationView::open(row, self.now(), &self.keys)
    }

    pub(crate) async fn load(&self, id: VerificationId) -> Result<Loaded, EngineError> {
        self.store
            .load(id)
            .await?
            .ok_or_else(|| EngineError::new(Reason::VerificationNotFound).about(id))
    }

    /// What became of a change, looked up by its id once the store serves again. It mends itself
    /// before it does, so what is found then is final; if it takes too long, nobody knows.
    async fn resolve(&self, id: ChangeId) -> Result<Committed, CommitError> {
        let look = async {
            loop {
                match self.store.outcome(id).await {
                    Ok(outcome) => return outcome,
                    Err(_) => tokio::time::sleep(MEND_LOOK).await,
                }
            }
        };
        match tokio::time::timeout(MEND, look).await {
            Ok(Some(committed)) => {
                // The store may not have told of it.
                if let Some(last) = committed.sequences.last() {
                    self.relay.pass_over(*last);
                }
                Ok(committed)
            }
            Ok(None) => Err(CommitError::Unavailable(
                "the store failed before the commit".to_owned(),
            )),
            Err(_) => Err(CommitError::OutcomeUnknown(id)),
        }
    }

    /// Commits a change. Where the outcome is unknown it is looked up by the change's id, so that
    /// the answer is the truth or `OutcomeUnknown`.
    pub(crate) async fn commit(&self, mut change: Change) -> Result<Committed, CommitError> {
        self.schedule_polls(&mut change);
        let loud = Loud::of(&change);
        let next_job = change.jobs.iter().filter_map(due).min();
        let result = match self.store.commit(change).await {
            Err(CommitError::OutcomeUnknown(id)) => self.resolve(id).await,
            result => result,
        };
        if result.is_ok() {
            self.pull_metrics.say(&loud);
            let sleeps_until = self.jobs_sleep_until.load(Ordering::SeqCst);
            if next_job.is_some_and(|next| next.as_micros() < sleeps_until) {
                self.jobs_changed.notify_one();
            }
        }
        result
    }
}

/// When a job that is written comes due.
fn due(write: &JobWrite) -> Option<Timestamp> {
    match write {
        JobWrite::Schedule {
            due, leased_until, ..
        } => Some(leased_until.map_or(*due, |leased| leased.max(*due))),
        JobWrite::Lease { until, .. } => Some(*until),
        JobWrite::Postpone { due, .. } | JobWrite::Hasten { due, .. } => Some(*due),
        JobWrite::Drop(_) => None,
    }
}
