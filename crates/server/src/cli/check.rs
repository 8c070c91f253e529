//! `verilane config check` and `verilane config default`.
//!
//! A check reads the whole configuration and then looks at what it names on this machine, without
//! changing anything: the keyring, the plug-ins, the addresses.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::{File, console};
use verilane_core::{SharedClock, clock::SystemClock};

use crate::compose;
use crate::config::{self, Config, Faults, Mode};

/// Checks a configuration.
///
/// # Errors
/// Everything that is wrong with it, or with what it names.
pub fn check(file: File, mode: Mode) -> anyhow::Result<()> {
    let config = super::serve::load(file, mode, Vec::new())?;
    let mut faults = Faults::default();
    surroundings(&config, mode, &mut faults);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    for warning in config.warnings() {
        console::line(format_args!("warning: {warning}"))?;
    }
    for connection in &config.connections {
        let provider = connection.settings.provider();
        console::line(format_args!("connection {} ({provider})", connection.name))?;
    }
    console::line("the configuration has no faults")?;
    Ok(())
}

fn surroundings(config: &Config, mode: Mode, faults: &mut Faults) {
    // `dev` makes its own at the first start.
    if mode == Mode::Serve
        && let Err(error) = compose::keyring(&config.vault)
    {
        faults.add("vault.keyring_file", format!("{error:#}"));
    }
    let clock: SharedClock = Arc::new(SystemClock);
    for connection in &config.connections {
        if let Err(error) = connection.settings.plugin(&connection.name, &clock) {
            faults.add(
                format!("connections.{}", connection.name),
                format!("{error:#}"),
            );
        }
    }
    bindable("grpc.listen", config.grpc.listen, faults);
    bindable("ingress.listen", config.ingress.listen, faults);
    if config.grpc.listen == config.ingress.listen && config.grpc.listen.port() != 0 {
        faults.add("ingress.listen", "is the address of grpc.listen");
    }
}

/// A running service's own ports are taken, which is no fault of its configuration.
fn bindable(key: &str, address: SocketAddr, faults: &mut Faults) {
    if let Err(error) = TcpListener::bind(address)
        && error.kind() != std::io::ErrorKind::AddrInUse
    {
        faults.add(key, format!("{address} can't be listened on: {error}"));
    }
}

/// Prints the defaults.
///
/// # Errors
/// If nobody reads them.
pub fn default(mode: Mode) -> anyhow::Result<()> {
    let text = match mode {
        Mode::Serve => config::DEFAULT,
        Mode::Dev => config::DEV,
    };
    console::line(text.trim_end())?;
    Ok(())
}
