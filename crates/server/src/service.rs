//! The running service: its tasks, and their end.
//!
//! Ordering contract of the end: health says so and nothing more is accepted; watches end, calls
//! (operators' among them) and callbacks under way are answered, and the admin socket goes; the jobs
//! that were begun are finished; the store writes what it accepted, and lets its folder go. Each step
//! begins once the one before it is over, so that nothing is asked of what has ended, and no socket is
//! taken away that is the next process's.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use verilane_engine::Engine;
use verilane_grpc::{AdminServer, GrpcServer};
use verilane_ingress::IngressConfig;

use crate::admin::AdminSocket;
use crate::catalog::OpenStore;
use crate::process::Addresses;

/// A service without its two public sides: its store, and what operators reach. Does nothing yet.
pub struct Core {
    /// Goes before the store lets the folder go, whatever happens.
    pub admin_socket: AdminSocket,
    pub admin: AdminServer,
    pub engine: Arc<Engine>,
    pub store: Arc<OpenStore>,
}

/// A service that listens and does nothing yet.
pub struct Service {
    pub core: Core,
    pub grpc: GrpcServer,
    pub grpc_listener: TcpListener,
    pub ingress: Router,
    pub ingress_limits: IngressConfig,
    pub ingress_listener: TcpListener,
    pub addresses: Addresses,
}

/// How everything came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Whole,
    /// Something was cut at a deadline.
    Cut,
}

impl Ended {
    /// Both of two ends.
    pub fn and(self, other: Self) -> Self {
        if self == Self::Whole { other } else { self }
    }
}

/// A service under way.
pub struct Running {
    front: JoinSet<Ended>,
    jobs: JoinSet<()>,
    end_front: CancellationToken,
    end_jobs: watch::Sender<bool>,
    store: Arc<OpenStore>,
}

impl Core {
    /// Begins to serve operators, and nobody else.
    pub fn start(self) -> Running {
        let end_front = CancellationToken::new();
        let mut front = JoinSet::new();
        let told = end_front.clone().cancelled_owned();
        let (admin, AdminSocket { listener, place }) = (self.admin, self.admin_socket);
        front.spawn(async move {
            let drained = admin.serve(listener, told).await;
            drop(place);
            ended(drained)
        });
        Running {
            front,
            jobs: JoinSet::new(),
            end_front,
            end_jobs: watch::Sender::new(false),
            store: self.store,
        }
    }
}

impl Service {
    /// Begins to run jobs, to take callbacks, and to serve callers and operators.
    pub fn start(self) -> Running {
        let engine = Arc::clone(&self.core.engine);
        let mut running = self.core.start();
        let told = running.end_jobs.subscribe();
        let jobs = async move { engine.run_jobs(told).await };
        running.jobs.spawn(jobs);

        let front = &mut running.front;
        let told = running.end_front.clone().cancelled_owned();
        let (listener, router, limits) = (self.ingress_listener, self.ingress, self.ingress_limits);
        front.spawn(async move {
            match verilane_ingress::serve(listener, router, limits, told).await {
                verilane_ingress::Drained::Whole => Ended::Whole,
                verilane_ingress::Drained::Cut(_) => Ended::Cut,
            }
        });
        let told = running.end_front.clone().cancelled_owned();
        let (listener, grpc) = (self.grpc_listener, self.grpc);
        front.spawn(async move { ended(grpc.serve(listener, told).await) });
        running
    }
}

const fn ended(drained: verilane_grpc::Drained) -> Ended {
    match drained {
        verilane_grpc::Drained::Whole => Ended::Whole,
        verilane_grpc::Drained::Cut(_) => Ended::Cut,
    }
}

impl Running {
    /// Goes on until `stop` is cancelled, or until a part of it fails; then ends all of it.
    ///
    /// # Errors
    /// The part that failed.
    pub async fn until(mut self, stop: CancellationToken) -> anyhow::Result<Ended> {
        let failed = tokio::select! {
            () = stop.cancelled() => None,
            Some(ended) = self.front.join_next() => Some(("a server", ended.err())),
            Some(ended) = self.jobs.join_next() => Some(("the runner of jobs", ended.err())),
            // Whoever starts the process anew has a store again; this one never will.
            () = self.store.failed() => Some(("the store's writer", None)),
        };
        let ended = self.end().await;
        match failed {
            None => Ok(ended),
            Some((part, error)) => Err(fault(part, error)),
        }
    }

    async fn end(mut self) -> Ended {
        self.end_front.cancel();
        let mut ended = Ended::Whole;
        while let Some(one) = self.front.join_next().await {
            ended = ended.and(one.unwrap_or(Ended::Cut));
        }
        // Nobody listens if the runner has failed.
        let _ = self.end_jobs.send(true);
        while self.jobs.join_next().await.is_some() {}
        self.store.close().await;
        ended
    }
}

/// A part of the service ends by itself only by failing.
fn fault(part: &str, error: Option<JoinError>) -> anyhow::Error {
    match error {
        Some(error) => anyhow::Error::from(error).context(format!("{part} failed")),
        None => anyhow::anyhow!("{part} ended unasked"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use verilane_store::conformance::{Nobody, sample};
    use verilane_store::{CommitError, Store as _};
    use verilane_store_sqlite::{CommitMoment, SqliteConfig, SqliteStore};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_of_the_stores_writer_ends_the_service_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = SqliteConfig::new(folder.path());
        config.hook = Some(Arc::new(|moment| {
            assert_ne!(moment, CommitMoment::AfterCommit, "as the test wants it");
        }));
        let store = Arc::new(SqliteStore::open(config, Arc::new(Nobody)).unwrap());
        // A server that drains once it is told, as the two do that set their health by it.
        let end_front = CancellationToken::new();
        let told = end_front.clone().cancelled_owned();
        let mut front = JoinSet::new();
        front.spawn(async move {
            told.await;
            Ended::Whole
        });
        let (end_jobs, mut jobs_told) = watch::channel(false);
        let mut jobs = JoinSet::new();
        jobs.spawn(async move {
            let _ = jobs_told.changed().await;
        });
        let running = Running {
            front,
            jobs,
            end_front,
            end_jobs,
            store: Arc::clone(&store),
        };
        let until = tokio::spawn(running.until(CancellationToken::new()));
        let outcome = store.commit(sample::create(sample::at(0))).await;
        assert!(matches!(outcome, Err(CommitError::OutcomeUnknown(_))));
        let ended = tokio::time::timeout(Duration::from_secs(30), until).await;
        let error = ended.unwrap().unwrap().unwrap_err();
        assert!(error.to_string().contains("the store's writer"), "{error}");
    }
}
