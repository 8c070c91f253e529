//! `verilane serve`: the service alone, strictly configured.

use std::process::ExitCode;
use std::sync::Arc;

use verilane_core::clock::SystemClock;

use super::{File, Serve};
use crate::compose;
use crate::config::{self, Config, Mode, Sources, Text};
use crate::process;

/// Serves until the process is told to end.
///
/// # Errors
/// What keeps it from starting, or ended it.
pub fn serve(options: Serve) -> anyhow::Result<ExitCode> {
    let config = load(options.file, Mode::Serve, Vec::new())?;
    process::run(&config.telemetry, config.shutdown, async |stop| {
        config.say_warnings();
        let keyring = compose::keyring(&config.vault)?;
        let service = compose::build(&config, &keyring, Arc::new(SystemClock)).await?;
        let addresses = service.addresses;
        let running = service.start();
        process::announce(&addresses, &options.ready)?;
        running.until(stop).await
    })
}

/// Reads the configuration from the embedded layers, the file, the environment and flags.
///
/// # Errors
/// All its faults.
pub fn load(
    file: File,
    mode: Mode,
    flags: Vec<(&'static str, &'static str, Text)>,
) -> anyhow::Result<Config> {
    let sources = Sources {
        file: file.config.or_else(config::file_from_environment),
        variables: config::variables(),
        flags,
    };
    Ok(Config::load(mode, sources)?)
}
