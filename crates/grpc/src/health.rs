//! What the health service answers, for the server as a whole and for each service by name.

use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

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
        let status = if is_serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// The service that answers.
    pub(crate) fn service(
        &self,
    ) -> impl tower::Service<
        http::Request<Body>,
        Response = http::Response<Body>,
        Error = std::convert::Infallible,
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
