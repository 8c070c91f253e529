//! Starting, running and stopping a sandbox: a listener for the APIs and one for Civic's storage, a
//! driver for each upstream that does something by itself.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::{SandboxConfig, SandboxError};
use crate::handle::{PublicKeys, SandboxHandle};
use crate::origins::Origins;
use crate::seed::Seed;
use crate::shared::{Shared, drive};
use crate::users::SandboxUser;
use crate::wire::{Wire, Wires};
use crate::world::{Beginning, World};
use crate::{civic_pass, civic_sip, connector_api, control};

/// How long open connections and callbacks on the wire may take once the sandbox stops.
const GRACE: Duration = Duration::from_secs(5);

/// A CorePass connector, a Civic Pass and a Civic SIP that listen and do not run yet.
#[derive(Debug)]
pub struct Sandbox {
    listener: TcpListener,
    address: SocketAddr,
    storage: TcpListener,
    storage_address: SocketAddr,
    users: Vec<SandboxUser>,
    keys: PublicKeys,
    handle: SandboxHandle,
}

impl Sandbox {
    /// Derives everything from the seed and begins to listen. Nothing is answered before
    /// [`Sandbox::run`].
    pub async fn bind(config: SandboxConfig) -> Result<Self, SandboxError> {
        let (listener, address) = listen(config.listen).await?;
        let beside = SocketAddr::new(address.ip(), 0);
        let (storage, storage_address) = listen(config.storage_listen.unwrap_or(beside)).await?;
        let origins = Origins {
            api: format!("http://{address}"),
            storage: format!("http://{storage_address}"),
        };
        let civic_pass = civic_pass::World::new(civic_pass::Beginning {
            seed: Seed(config.seed),
            step: config.step,
            scenario: config.civic_pass,
            public_key: config.civic_pass_public_key,
            origins: origins.clone(),
        })?;
        let civic_sip = civic_sip::World::new(civic_sip::Beginning {
            seed: Seed(config.seed),
            setup: config.civic_sip,
            origins,
        })?;
        let world = World::new(Beginning {
            seed: Seed(config.seed),
            address,
            topics: config.callback_topics,
            unit: config.callback_unit,
            step: config.step,
            scenario: config.scenario,
            load_users: config.load_users,
        })?;
        let shared = Shared::new(
            world,
            civic_pass,
            civic_sip,
            config.clock,
            config.callback_timeout,
            config.callbacks_at_once,
        )?;
        let handle = SandboxHandle(Arc::new(shared));
        Ok(Self {
            listener,
            address,
            storage,
            storage_address,
            users: handle.users().iter().map(|user| (**user).clone()).collect(),
            keys: handle.keys(),
            handle,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where Civic's storage listens, to which pre-signed links lead.
    #[must_use]
    pub const fn storage_addr(&self) -> SocketAddr {
        self.storage_address
    }

    /// The key that verifies status callbacks: 57 bytes as lower-case hex.
    #[must_use]
    pub fn status_public_key_hex(&self) -> String {
        self.keys.status.clone()
    }

    /// The key that verifies data callbacks: 57 bytes as lower-case hex.
    #[must_use]
    pub fn data_public_key_hex(&self) -> String {
        self.keys.data.clone()
    }

    /// The people it starts with, by number: `accepts`, `ignores`, `partial`, `unverified`, then
    /// those for load.
    #[must_use]
    pub fn users(&self) -> &[SandboxUser] {
        &self.users
    }

    /// Steers it, before and while it runs.
    #[must_use]
    pub fn handle(&self) -> SandboxHandle {
        self.handle.clone()
    }

    /// Serves until `shutdown` ends, then lets what is on the wire finish for at most five seconds.
    /// Callbacks not yet sent are lost with the sandbox: it keeps nothing on disk.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), SandboxError> {
        let shared = Arc::clone(&self.handle.0);
        let router = connector_api::router(&self.handle)
            .merge(control::router())
            .merge(civic_pass::router(&self.handle))
            .merge(civic_sip::router(&self.handle))
            .with_state(self.handle.clone())
            .into_make_service_with_connect_info::<Wire>();
        let storage = civic_pass::storage(&self.handle)
            .merge(civic_sip::storage(&self.handle))
            .with_state(self.handle)
            .into_make_service_with_connect_info::<Wire>();
        let mut tasks: JoinSet<Result<(), SandboxError>> = JoinSet::new();
        for (listener, router) in [(self.listener, router), (self.storage, storage)] {
            let closed = shared.closed();
            tasks.spawn(async move {
                let server = axum::serve(Wires(listener), router).with_graceful_shutdown(closed);
                Ok(server.await?)
            });
        }
        tasks.spawn(drive(Arc::clone(&shared)));
        let driven = civic_pass::drive(Arc::clone(&shared));
        tasks.spawn(async move {
            driven.await;
            Ok(())
        });
        // Any of them ends by itself only when it has failed.
        let mut outcome = tokio::select! {
            () = shutdown => Ok(()),
            Some(ended) = tasks.join_next() => flat(ended),
        };
        shared.close();
        let rest = async {
            while let Some(ended) = tasks.join_next().await {
                let ended = flat(ended);
                if outcome.is_ok() {
                    outcome = ended;
                }
            }
        };
        if tokio::time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!("the sandbox stops with connections still open");
        }
        outcome
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let failed = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn flat(
    ended: Result<Result<(), SandboxError>, tokio::task::JoinError>,
) -> Result<(), SandboxError> {
    ended.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}
