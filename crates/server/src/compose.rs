//! Puts the service together from a configuration, the innermost part first.
//!
//! The addresses are bound before the store is opened: a port that is taken is noticed before
//! anything is written. Nothing is accepted, and no job runs, before [`Service::start`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use verilane_core::{ConnectionName, SharedClock};
use verilane_engine::{
    Connection, CrashPoints, Engine, EngineConfig, EngineParts, KeyCache, Relay,
};
use verilane_grpc::{AdminServer, GrpcServer, WireEncoder};
use verilane_provider::Facade;
use verilane_vault::{Keyring, KeyringError, Vault};

use crate::admin::AdminSocket;
use crate::catalog;
use crate::config::{self, Config, Ingress, KeyringSource};
use crate::crash::Crasher;
use crate::process::Addresses;
use crate::service::{Core, Service};

/// The keyring that a configuration names.
///
/// # Errors
/// That there is none, with the command that makes one; or what is wrong with it.
pub fn keyring(vault: &config::Vault) -> anyhow::Result<Keyring> {
    match &vault.keyring {
        KeyringSource::Environment(text) => {
            Keyring::parse(text.expose()).context("the keyring from the environment")
        }
        KeyringSource::File(path) => Keyring::load(path).map_err(|error| match &error {
            KeyringError::File(_, cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                let path = path.display();
                anyhow::anyhow!(
                    "there is no keyring at {path}; make one with `verilane keyring generate {path}`"
                )
            }
            _ => anyhow::Error::from(error).context(path.display().to_string()),
        }),
    }
}

/// Puts a service together.
///
/// # Errors
/// An address that can't be listened on, or what [`core`] says.
pub async fn build(
    config: &Config,
    keyring: &Keyring,
    clock: SharedClock,
) -> anyhow::Result<Service> {
    let grpc_listener = listen("grpc.listen", config.grpc.listen).await?;
    let ingress_listener = listen("ingress.listen", config.ingress.listen).await?;
    let addresses = Addresses {
        grpc: Some(grpc_listener.local_addr()?),
        ingress: Some(ingress_listener.local_addr()?),
        sandbox: None,
    };
    let core = core(config, keyring, clock, addresses.ingress).await?;
    let engine = &core.engine;
    Ok(Service {
        grpc: GrpcServer::new(
            Arc::clone(engine),
            &config.grpc.allowed_origins,
            config.grpc.limits,
        )
        .await?,
        ingress: verilane_ingress::router(Arc::clone(engine), config.ingress.limits),
        ingress_limits: config.ingress.limits,
        core,
        grpc_listener,
        ingress_listener,
        addresses,
    })
}

/// Puts together what a service is without its two public sides, the ingress of which listens at
/// `ingress`, if there is one.
///
/// # Errors
/// A store that can't be opened, a plug-in that can't be set up, an admin socket that can't be made.
pub async fn core(
    config: &Config,
    keyring: &Keyring,
    clock: SharedClock,
    ingress: Option<SocketAddr>,
) -> anyhow::Result<Core> {
    let connections = connections(config, ingress, &clock)?;
    let crasher = config
        .dev
        .as_ref()
        .and_then(|dev| Crasher::new(&dev.crash_at));
    let keys = KeyCache::new(Arc::new(Vault::new(keyring)?), config.engine.open_keys);
    let encoder = Arc::new(WireEncoder);
    let relay = Relay::new(config.engine.ring_events, encoder, Arc::clone(&keys));
    let hook = crasher.as_ref().map(Crasher::commit_hook);
    let store = catalog::store(&config.store, Arc::clone(&relay) as _, hook).await?;
    let parts = EngineParts {
        store: Arc::clone(&store) as _,
        relay,
        keys,
        clock,
        connections,
        config: EngineConfig {
            max_watches: config.grpc.limits.max_watches,
            ..config.engine.config
        },
        crash_points: crasher.map(|crasher| crasher as Arc<dyn CrashPoints>),
    };
    let engine = Engine::new(parts)
        .await
        .context("the store can't be read")?;
    engine.check_keyring().await.map_err(|error| {
        anyhow::anyhow!(
            "the keyring is not the one of this store: what it holds does not open ({error})"
        )
    })?;
    let most = config.ingress.limits.data_body_limit;
    let admin = AdminServer::new(Arc::clone(&engine), most, config.grpc.limits).await?;
    Ok(Core {
        engine,
        store,
        admin,
        admin_socket: AdminSocket::bind(&config.store.admin_socket())?,
    })
}

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{key}: {address} can't be listened on"))
}

fn connections(
    config: &Config,
    ingress: Option<SocketAddr>,
    clock: &SharedClock,
) -> anyhow::Result<BTreeMap<ConnectionName, Connection>> {
    // Without a public address the ingress's own is what a provider on this machine can call.
    let own = ingress.map(|address| format!("http://{address}"));
    let base = config
        .ingress
        .public_url
        .clone()
        .or(own)
        .unwrap_or_default();
    let connect = |connection: &config::Connection| {
        let name = connection.name.clone();
        let plugin = connection.settings.plugin(&name, clock)?;
        let facade = Facade::new(name.clone(), plugin, Arc::clone(clock), connection.limits)?;
        let callback_base = match connection.settings.callback_base_url() {
            Some(own) => own.trim_end_matches('/').to_owned(),
            None => Ingress::callbacks_below(&base),
        };
        let connection = Connection {
            facade,
            callback_base,
            slot_retention: connection.settings.callback_retention(),
            auto_approve: connection.settings.auto_approve().map(<[_]>::to_vec),
        };
        anyhow::Ok((name, connection))
    };
    let all = config.connections.iter().map(|connection| {
        connect(connection).with_context(|| format!("connection {}", connection.name))
    });
    all.collect()
}
