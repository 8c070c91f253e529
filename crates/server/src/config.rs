//! What an operator decides: read from all layers, checked whole, every fault listed at once.
//!
//! Each section has a file with its type and its bounds; this one puts them together and checks
//! what concerns several. The defaults are `config/default.toml`, which is also their
//! documentation. Secrets come by file or environment, and no type here shows one.

pub mod connection;
pub mod dev;
mod engine;
mod environment;
mod fault;
mod grpc;
mod ingress;
mod layers;
mod section;
mod shutdown;
mod store;
mod telemetry;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use std::path::PathBuf;
use std::time::Duration;

pub use connection::Connection;
pub use dev::Dev;
pub use engine::Engine;
pub use environment::{file_from_environment, variable, variables};
pub use fault::Faults;
pub use grpc::Grpc;
pub use ingress::Ingress;
pub use layers::Text;
pub use shutdown::Shutdown;
pub use store::Store;
pub use telemetry::Telemetry;
pub use value::{Given, Setting};
pub use vault::{KeyringSource, Vault};

use layers::Layers;

/// The defaults, with what each means.
pub const DEFAULT: &str = include_str!("config/default.toml");
/// What `verilane dev` lays over them.
pub const DEV: &str = include_str!("config/dev.toml");

/// The keyring's file in the folder of `verilane dev`.
const DEV_KEYRING: &str = "keyring.json";

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The gRPC side.
    pub grpc: Grpc,
    /// The public side.
    pub ingress: Ingress,
    /// Everything durable.
    pub store: Store,
    /// The keyring.
    pub vault: Vault,
    /// Times and limits.
    pub engine: Engine,
    /// Logs.
    pub telemetry: Telemetry,
    /// The end.
    pub shutdown: Shutdown,
    /// Accounts at providers.
    pub connections: Vec<Connection>,
    /// What only `verilane dev` takes.
    pub dev: Option<Dev>,
}

/// What the configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Service for others: strict.
    Serve,
    /// A developer's machine: controllable from outside.
    Dev,
}

/// Layers over the embedded ones.
#[derive(Default)]
pub struct Sources {
    /// A file.
    pub file: Option<PathBuf>,
    /// Variables of the environment; those of others are passed over.
    pub variables: Vec<(String, String)>,
    /// Flags of the command line: section, key, and the text.
    pub flags: Vec<(&'static str, &'static str, Text)>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// All its faults.
    pub fn load(mode: Mode, sources: Sources) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut layers = Layers::default();
        layers.add_toml("default.toml", DEFAULT, &mut faults);
        if mode == Mode::Dev {
            layers.add_toml("dev.toml", DEV, &mut faults);
            layers.forget("vault", "keyring_file");
        }
        if let Some(file) = sources.file {
            let name = file.display().to_string();
            match std::fs::read_to_string(&file) {
                Ok(text) => layers.add_toml(&name, &text, &mut faults),
                Err(error) => faults.add(name, format!("can't be read: {error}")),
            }
        }
        layers.add_variables(sources.variables, &mut faults);
        for (section, key, text) in sources.flags {
            layers.set(section, key, text);
        }
        let config = read(mode, layers, &mut faults);
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }

    /// What loosens the rules or is likely a mistake, to be said at every start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.grpc.listen.ip().is_loopback() {
            warnings.push(format!(
                "grpc.insecure_no_auth: whoever reaches {} can create verifications and read \
                 claims; nobody is authenticated",
                self.grpc.listen
            ));
        }
        for connection in &self.connections {
            let said = connection.settings.warnings();
            let said = said.into_iter();
            warnings.extend(said.map(|warning| format!("{}: {warning}", connection.name)));
        }
        if let Some(dev) = &self.dev {
            if let Some(file) = &dev.clock_file {
                warnings.push(format!(
                    "dev.clock_file: {} dictates the time",
                    file.display()
                ));
            }
            let points = dev.crash_at.iter();
            warnings.extend(points.map(|at| format!("dev.crash_at: this process dies at {at}")));
        } else if self.connections.is_empty() {
            warnings.push("no connection is configured: nothing can be verified".to_owned());
        }
        warnings
    }

    /// Says in the log what [`Config::warnings`] has.
    pub fn say_warnings(&self) {
        for warning in self.warnings() {
            tracing::warn!("{warning}");
        }
    }

    /// How long the callback paths of the connection with the longest retries stay valid.
    pub fn callback_retention(&self) -> Duration {
        let retentions = self.connections.iter();
        let retentions = retentions.map(|connection| connection.settings.callback_retention());
        retentions
            .max()
            .unwrap_or(self.engine.config.slot_retention)
    }
}

fn read(mode: Mode, mut layers: Layers, faults: &mut Faults) -> Option<Config> {
    let (grpc, _) = Grpc::read(layers.section("grpc", faults));
    let (ingress, _) = Ingress::read(layers.section("ingress", faults));
    let (store, _) = Store::read(layers.section("store", faults));
    let beside = (mode == Mode::Dev)
        .then(|| store.as_ref().map(|store| store.folder.join(DEV_KEYRING)))
        .flatten();
    let (vault, _) = Vault::read(layers.section("vault", faults), beside);
    let (engine, _) = Engine::read(layers.section("engine", faults));
    let (telemetry, _) = Telemetry::read(layers.section("telemetry", faults));
    let (shutdown, _) = Shutdown::read(layers.section("shutdown", faults));
    let dev = match mode {
        Mode::Dev => Dev::read(layers.section("dev", faults)).0.map(Some),
        Mode::Serve => {
            refuse_dev(&mut layers, faults);
            Some(None)
        }
    };
    let connections = connection::read(&mut layers, faults);
    layers.finish(faults);
    let config = Config {
        grpc: grpc?,
        ingress: ingress?,
        store: store?,
        vault: vault?,
        engine: engine?,
        telemetry: telemetry?,
        shutdown: shutdown?,
        connections,
        dev: dev?,
    };
    check(mode, &config, faults);
    Some(config)
}

fn refuse_dev(layers: &mut Layers, faults: &mut Faults) {
    if layers.has("dev") {
        faults.add("dev", "is taken by `verilane dev` alone");
        layers.drop_section("dev");
    }
}

/// What concerns several sections.
fn check(mode: Mode, config: &Config, faults: &mut Faults) {
    if !config.grpc.listen.ip().is_loopback() && !config.grpc.insecure_no_auth {
        faults.add(
            "grpc.listen",
            "is not a loopback address, and callers are not authenticated yet: anybody who \
             reaches it could read claims; set grpc.insecure_no_auth = true if that is meant",
        );
    }
    let drains = [
        ("grpc", config.grpc.limits.drain_deadline),
        ("ingress", config.ingress.limits.drain_deadline),
    ];
    for (section, drain) in drains {
        if config.shutdown.deadline < drain {
            let problem = format!("must not be shorter than {section}.drain_deadline");
            faults.add("shutdown.deadline", problem);
        }
    }
    let needs_url = |connection: &&Connection| connection.settings.callback_base_url().is_none();
    if mode == Mode::Serve
        && config.ingress.public_url.is_none()
        && let Some(connection) = config.connections.iter().find(needs_url)
    {
        let name = &connection.name;
        faults.add(
            "ingress.public_url",
            format!("must be set: the provider of connection {name} calls it"),
        );
    }
}
