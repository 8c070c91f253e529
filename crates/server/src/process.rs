//! The process around a command: telemetry, runtime, signals, the word that it is ready, and an end
//! within a hard deadline.
//!
//! The first SIGTERM or SIGINT asks the command to end; a second one ends the process at once.
//! Exit codes: 0 if everything ended by itself, 1 for an error, 2 for wrong usage, 3 if something
//! was cut at a deadline, 130 after a second signal.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use verilane_telemetry::setup;

use crate::cli::{Ready, console};
use crate::config::{self, Shutdown, Telemetry};
use crate::service::Ended;

/// After something was cut at a deadline.
const CUT: u8 = 3;
/// After a second signal, as shells have it for SIGINT.
const SECOND_SIGNAL: i32 = 130;
/// What of the deadline is kept for the last spans and metrics, at most.
const FLUSH: Duration = Duration::from_secs(3);

/// Where a command listens.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Addresses {
    /// For callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<SocketAddr>,
    /// For providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<SocketAddr>,
    /// The sandbox's connector and its control API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SocketAddr>,
}

/// Runs a command until it ends, or was told to end by a signal.
///
/// # Errors
/// The command's own, or what keeps it from being run.
pub fn run<C>(telemetry: &Telemetry, shutdown: Shutdown, command: C) -> anyhow::Result<ExitCode>
where
    C: AsyncFnOnce(CancellationToken) -> anyhow::Result<Ended>,
{
    let telemetry = setup::init(&setup::Config {
        log_format: telemetry.log_format,
        log_filter: &telemetry.log_filter,
        version: env!("CARGO_PKG_VERSION"),
        environment: &config::variable,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("verilane")
        .enable_all()
        .build()
        .context("no threads could be had")?;
    let (outcome, told_at) = runtime.block_on(supervised(shutdown.deadline, command));
    // What was cut may still run; it is not waited for.
    runtime.shutdown_background();
    let left = told_at.map_or(FLUSH, |told| {
        shutdown.deadline.saturating_sub(told.elapsed())
    });
    if let Err(error) = telemetry.shutdown(left.min(FLUSH)) {
        tracing::warn!(%error, "at the end");
    }
    Ok(match outcome? {
        Ended::Whole => ExitCode::SUCCESS,
        Ended::Cut => ExitCode::from(CUT),
    })
}

/// The outcome, and when the command was told to end.
async fn supervised<C>(deadline: Duration, command: C) -> (anyhow::Result<Ended>, Option<Instant>)
where
    C: AsyncFnOnce(CancellationToken) -> anyhow::Result<Ended>,
{
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return (Err(error), None),
    };
    let stop = CancellationToken::new();
    let mut work = std::pin::pin!(command(stop.clone()));
    tokio::select! {
        outcome = &mut work => return (outcome, None),
        () = signals.next() => {}
    }
    let told = Instant::now();
    tracing::info!(?deadline, "told to end");
    stop.cancel();
    let time = deadline.saturating_sub(FLUSH.min(deadline / 4));
    tokio::select! {
        outcome = tokio::time::timeout(time, &mut work) => {
            let outcome = outcome.unwrap_or_else(|_| {
                tracing::error!(?deadline, "not everything has ended in time; the rest is cut");
                Ok(Ended::Cut)
            });
            (outcome, Some(told))
        }
        () = signals.next() => {
            tracing::warn!("told a second time: ending at once");
            std::process::exit(SECOND_SIGNAL)
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says that a command is ready: in the log, on stdout in one line for machines
/// (`listening grpc=… ingress=… sandbox=…`), and in a file if one is wanted.
///
/// # Errors
/// If the file can't be written, or nobody reads stdout.
pub fn announce(addresses: &Addresses, ready: &Ready) -> anyhow::Result<()> {
    if let Some(path) = &ready.ready_file {
        write_whole(path, &serde_json::to_vec(addresses)?)
            .with_context(|| format!("{} can't be written", path.display()))?;
    }
    let named = [
        ("grpc", addresses.grpc),
        ("ingress", addresses.ingress),
        ("sandbox", addresses.sandbox),
    ];
    let mut said = "listening".to_owned();
    for (name, address) in named {
        if let Some(address) = address {
            said.push_str(&format!(" {name}={address}"));
        }
    }
    tracing::info!("{said}");
    console::line(said)?;
    Ok(())
}

/// Whoever sees the file sees all of it.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_file_is_there_whole_or_not_at_all_and_names_what_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let addresses = Addresses {
            grpc: Some(([127, 0, 0, 1], 7400).into()),
            ..Addresses::default()
        };
        let ready = Ready {
            ready_file: Some(path.clone()),
        };
        announce(&addresses, &ready).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, r#"{"grpc":"127.0.0.1:7400"}"#);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
