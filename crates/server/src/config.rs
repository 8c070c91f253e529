//! What an operator decides: read from all layers, checked whole, every fault listed at once.
//!
//! Each section has a file with its type and its bounds, and `across` checks what concerns several;
//! this one puts them together. The defaults are `config/default.toml`, which is also their
//! documentation. Secrets come by file or environment, and no type here shows one.

mod across;
pub mod connection;
pub mod dev;
mod engine;
mod environment;
mod fault;
mod grpc;
mod ingress;
mod layers;
mod limits;
mod section;
mod shutdown;
mod store;
mod telemetry;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use std::path::{Path, PathBuf};

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

use across::Across;
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
        if self.grpc.insecure_no_auth {
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
}

fn read(mode: Mode, mut layers: Layers, faults: &mut Faults) -> Option<Config> {
    let mut across = Across::default();
    let (grpc, _) = Grpc::read(layers.section("grpc", faults), &mut across);
    let (ingress, _) = Ingress::read(layers.section("ingress", faults), &mut across);
    let (store, _) = Store::read(layers.section("store", faults));
    let beside = (mode == Mode::Dev).then(|| {
        // A folder with a fault must not look like a keyring that is missing.
        let folder = store.as_ref().map(|store| store.folder.as_path());
        folder.unwrap_or(Path::new("")).join(DEV_KEYRING)
    });
    let (vault, _) = Vault::read(layers.section("vault", faults), beside);
    let (engine, _) = Engine::read(layers.section("engine", faults));
    let (telemetry, _) = Telemetry::read(layers.section("telemetry", faults));
    let (shutdown, _) = Shutdown::read(layers.section("shutdown", faults));
    across.shutdown = shutdown.map(|shutdown| shutdown.deadline);
    let dev = match mode {
        Mode::Dev => Dev::read(layers.section("dev", faults)).0.map(Some),
        Mode::Serve => {
            refuse_dev(&mut layers, faults);
            Some(None)
        }
    };
    let connections = connection::read(&mut layers, faults);
    // On a developer's machine the ingress's own address will do.
    if mode == Mode::Serve {
        across.needs_public_url = connections.needs_public_url;
    }
    layers.finish(faults);
    across.check(faults);
    Some(Config {
        grpc: grpc?,
        ingress: ingress?,
        store: store?,
        vault: vault?,
        engine: engine?,
        telemetry: telemetry?,
        shutdown: shutdown?,
        connections: connections.sound,
        dev: dev?,
    })
}

fn refuse_dev(layers: &mut Layers, faults: &mut Faults) {
    if layers.has("dev") {
        faults.add("dev", "is taken by `verilane dev` alone");
        layers.drop_section("dev");
    }
}
