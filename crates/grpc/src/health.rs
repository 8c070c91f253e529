//! What the health service answers: for the server as a whole, for each service by name, and for
//! each connection as `connection.NAME`.
//!
//! A provider that is away is no reason to take calls elsewhere, so it shows under its connection
//! alone: the server and its services go on serving.

use std::convert::Infallible;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use verilane_core::ConnectionName;
use verilane_engine::Engine;

/// Sets what the health service answers.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    names: Vec<String>,
}

impl Health {
    /// Health of the server (the empty name) and of the named services; not serving yet.
    pub(crate) async fn new(services: &[&str]) -> Self {
        let names = std::iter::once("").chain(services.iter().copied());
        let health = Self {
            reporter: HealthReporter::new(),
            names: names.map(str::to_owned).collect(),
        };
        health.set_serving(false).await;
        health
    }

    /// Whether calls can be served from now on.
    pub async fn set_serving(&self, is_serving: bool) {
        for name in &self.names {
            let status = status(is_serving);
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Keeps what is answered for connections as the engine sees them. Does not end.
    pub(crate) async fn follow(&self, engine: &Engine) -> Infallible {
        let connections = engine.connection_changes().into_iter();
        let mut all: FuturesUnordered<_> = connections
            .map(|(name, changes)| self.follow_one(engine, name, changes))
            .collect();
        while all.next().await.is_some() {}
        std::future::pending().await
    }

    async fn follow_one(
        &self,
        engine: &Engine,
        name: ConnectionName,
        mut changes: watch::Receiver<u64>,
    ) {
        let service = format!("connection.{name}");
        let mut told = None;
        while let Some(connection) = engine.see_connection(&name) {
            let is_serving = connection.is_serving();
            // Whoever watches hears of changes only.
            if told.replace(is_serving) != Some(is_serving) {
                let status = status(is_serving);
                self.reporter.set_service_status(&service, status).await;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The service that answers.
    pub(crate) fn service(
        &self,
    ) -> impl tower::Service<
        http::Request<Body>,
        Response = http::Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + NamedService
    + Clone
    + Send
    + Sync
    + 'static {
        let service = HealthService::from_health_reporter(self.reporter.clone());
        tonic_health::pb::health_server::HealthServer::new(service)
    }
}

const fn status(is_serving: bool) -> ServingStatus {
    if is_serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
