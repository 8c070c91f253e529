//! The server: accepts connections, looks after watches, and drains with a hard deadline.
//!
//! Draining, in order: health says so; nothing more is accepted; watches end with `UNAVAILABLE`;
//! connections finish the calls they have; at the deadline what is left is cut.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use verilane_api::server::claim_service_server::{ClaimService, SERVICE_NAME as CLAIM};
use verilane_api::server::connection_service_server::{
    ConnectionService, SERVICE_NAME as CONNECTION,
};
use verilane_api::server::verification_service_server::{
    SERVICE_NAME as VERIFICATION, VerificationService,
};
use verilane_engine::Engine;

use crate::config::GrpcConfig;
use crate::connection::{self, Endings};
use crate::handler::claim::ClaimHandler;
use crate::handler::connection::ConnectionHandler;
use crate::handler::verification::VerificationHandler;
use crate::health::Health;
use crate::listener::Listener;
use crate::methods::Methods;
use crate::services::{Answer, Services};
use crate::stack::Stack;
use crate::watches::Watches;

/// How long to wait after the system refused to give a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server could not be put together: a fault of the build, not of its surroundings. Retrying
/// does not help.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The compiled descriptors can't be read.
    #[error("the compiled descriptors can't be read")]
    Descriptors(#[from] prost::DecodeError),
    /// Reflection can't be built from them.
    #[error("reflection can't be built from the compiled descriptors")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// How a drain went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drained {
    /// Every call ended by itself.
    Whole,
    /// So many connections were cut at the deadline.
    Cut(usize),
}

/// The gRPC server.
pub struct GrpcServer {
    server: Server<Services<VerificationHandler, ClaimHandler, ConnectionHandler>>,
    engine: Arc<Engine>,
}

impl GrpcServer {
    /// A server over an engine whose relay was given [`WireEncoder`](crate::WireEncoder). To be made
    /// after telemetry is set up. Pages of `origins`, each such as `https://app.example.com`, may call
    /// over gRPC-Web.
    ///
    /// # Errors
    /// [`BuildError`]: a fault of the build.
    pub async fn new(
        engine: Arc<Engine>,
        origins: &[HeaderValue],
        config: GrpcConfig,
    ) -> Result<Self, BuildError> {
        let watches = Watches::new(config.max_watches);
        let verification = VerificationHandler::new(Arc::clone(&engine), Arc::clone(&watches));
        let claim = ClaimHandler {
            engine: Arc::clone(&engine),
        };
        let connection = ConnectionHandler {
            engine: Arc::clone(&engine),
        };
        let handlers = (verification, claim, connection);
        let server = Server::new(handlers, watches, origins, config).await?;
        Ok(Self { server, engine })
    }

    /// Sets what the health service answers. It says "serving" once [`serve`](Self::serve) runs.
    #[must_use]
    pub fn health(&self) -> Health {
        self.server.health()
    }

    /// Serves until `shutdown` ends, then drains. Connections run on the calling task's runtime.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Drained {
        tokio::select! {
            drained = self.server.serve(listener, shutdown) => drained,
            never = self.server.health.follow(&self.engine) => match never {},
        }
    }
}

/// A gRPC server over any services.
pub(crate) struct Server<A> {
    stack: Arc<Stack<A>>,
    watches: Arc<Watches>,
    health: Health,
    config: GrpcConfig,
}

impl<V, C, N> Server<Services<V, C, N>>
where
    V: VerificationService,
    C: ClaimService,
    N: ConnectionService,
{
    /// Puts the server of the public API together, over any handlers for its three services.
    pub(crate) async fn new(
        handlers: (V, C, N),
        watches: Arc<Watches>,
        origins: &[HeaderValue],
        config: GrpcConfig,
    ) -> Result<Self, BuildError> {
        let methods = Arc::new(Methods::of(&[
            verilane_api::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ])?);
        let health = Health::new(&[VERIFICATION, CLAIM, CONNECTION]).await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(verilane_api::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                // So that a tool can show what an error carries.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let services = Services::new(Arc::clone(&methods), handlers, config.max_message_size)
            .with(health.service())
            .with(reflection().build_v1()?)
            .with(reflection().build_v1alpha()?);
        let stack = Stack::new(services, methods, origins, config);
        Ok(Self::over(stack, watches, health, config))
    }
}

impl<A: Answer> Server<A> {
    /// A server over a stack.
    pub(crate) fn over(
        stack: Stack<A>,
        watches: Arc<Watches>,
        health: Health,
        config: GrpcConfig,
    ) -> Self {
        Self {
            stack: Arc::new(stack),
            watches,
            health,
            config,
        }
    }

    /// Sets what the health service answers.
    pub(crate) fn health(&self) -> Health {
        self.health.clone()
    }

    pub(crate) async fn serve(
        &self,
        listener: impl Listener,
        shutdown: impl Future<Output = ()>,
    ) -> Drained {
        let endings = Endings {
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let http = connection::http(&self.config);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let mut looks = tokio::time::interval(Watches::look_interval(self.config.stall_limit));
        self.health.set_serving(true).await;
        loop {
            let has_room = connections.len() < self.config.max_connections;
            tokio::select! {
                () = &mut shutdown => break,
                _ = looks.tick() => self.watches.look(),
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept(), if has_room => match accepted {
                    Ok(accepted) => {
                        connections.spawn(connection::serve(
                            accepted,
                            http.clone(),
                            Arc::clone(&self.stack),
                            endings.clone(),
                            self.config,
                        ));
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "no connection could be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        self.drain(connections, &endings).await
    }

    async fn drain(&self, mut connections: JoinSet<()>, endings: &Endings) -> Drained {
        tracing::info!(
            connections = connections.len(),
            watches = self.watches.len(),
            "draining"
        );
        self.health.set_serving(false).await;
        self.watches.drain();
        endings.drain.cancel();
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.drain_deadline, all_ended)
            .await
            .is_ok()
        {
            return Drained::Whole;
        }
        let left = connections.len();
        tracing::warn!(connections = left, "cut at the deadline of the drain");
        endings.cut.cancel();
        while connections.join_next().await.is_some() {}
        Drained::Cut(left)
    }
}

#[cfg(test)]
mod tests;
