//! `verilane dev`: service, sandbox and store on one machine, ready to be tried.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use verilane_core::{ConnectionName, SharedClock};
use verilane_sandbox::{Sandbox, SandboxConfig};
use verilane_vault::Keyring;

use super::sandbox::clock;
use super::serve::{load, warn};
use super::{Dev, console};
use crate::config::{self, Config, Connection, KeyringSource, Mode, Text};
use crate::process::{self, Addresses};
use crate::service::Ended;
use crate::{catalog, compose};

/// The connection to the sandbox within the process.
const CONNECTION: &str = "corepass-dev";

/// Runs everything until the process is told to end.
///
/// # Errors
/// What keeps it from starting, or ended it.
pub fn dev(options: Dev) -> anyhow::Result<ExitCode> {
    let folder = options.data_dir.map(|folder| {
        let text = Text {
            name: "--data-dir".to_owned(),
            value: folder.display().to_string(),
        };
        ("store", "folder", text)
    });
    let mut config = load(options.file, Mode::Dev, folder.into_iter().collect())?;
    process::run(&config.telemetry.clone(), config.shutdown, async |stop| {
        let dev = config.dev.clone().context("[dev] is missing")?;
        let clock = clock(dev.clock_file.clone());
        let sandbox = match &dev.sandbox {
            Some(settings) => Some(beside(settings, &clock, &mut config).await?),
            None => None,
        };
        warn(&config);
        let keyring = keyring(&config)?;
        let service = compose::build(&config, &keyring, clock).await?;
        let addresses = Addresses {
            sandbox: sandbox.as_ref().map(Sandbox::local_addr),
            ..service.addresses
        };
        let running = service.start();
        process::announce(&addresses, &options.ready)?;
        if let Some(sandbox) = &sandbox {
            explain(&addresses, sandbox)?;
        }
        together(running.until(stop.clone()), sandbox, &stop).await
    })
}

/// A sandbox that listens, and the connection to it.
async fn beside(
    settings: &config::dev::Sandbox,
    clock: &SharedClock,
    config: &mut Config,
) -> anyhow::Result<Sandbox> {
    let sandbox = Sandbox::bind(SandboxConfig {
        listen: settings.listen,
        seed: settings.seed,
        scenario: settings.scenario.clone(),
        callback_topics: settings.callback_topics.clone(),
        callback_unit: settings.callback_unit,
        step: settings.step,
        load_users: settings.load_users,
        ..SandboxConfig::new(SharedClock::clone(clock))
    })
    .await?;
    config.connections.push(Connection {
        name: ConnectionName::new(CONNECTION)?,
        settings: catalog::Settings::of_sandbox(
            format!("http://{}", sandbox.local_addr()),
            sandbox.status_public_key_hex(),
            sandbox.data_public_key_hex(),
        ),
    });
    Ok(sandbox)
}

/// The keyring, made at the first start.
fn keyring(config: &Config) -> anyhow::Result<Keyring> {
    let KeyringSource::File(path) = &config.vault.keyring else {
        return compose::keyring(&config.vault);
    };
    if path.exists() {
        return compose::keyring(&config.vault);
    }
    let folder = &config.store.folder;
    anyhow::ensure!(
        !catalog::holds_a_store(folder),
        "{} holds a store, but its keyring {} is gone; bring it back, or begin with another --data-dir",
        folder.display(),
        path.display()
    );
    let above = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(above)
        .with_context(|| format!("{} can't be made", above.display()))?;
    Ok(Keyring::generate_at(path)?)
}

/// Both until the end; if one fails, the other ends too.
async fn together(
    service: impl Future<Output = anyhow::Result<Ended>>,
    sandbox: Option<Sandbox>,
    stop: &CancellationToken,
) -> anyhow::Result<Ended> {
    let service = async {
        let ended = service.await;
        stop.cancel();
        ended
    };
    let sandbox = async {
        let Some(sandbox) = sandbox else {
            return Ok(());
        };
        let ended = sandbox.run(stop.clone().cancelled_owned()).await;
        stop.cancel();
        ended
    };
    let (service, sandbox) = tokio::join!(service, sandbox);
    sandbox?;
    service
}

/// How to begin.
fn explain(addresses: &Addresses, sandbox: &Sandbox) -> anyhow::Result<()> {
    let (Some(grpc), Some(user)) = (addresses.grpc, sandbox.users().first()) else {
        return Ok(());
    };
    let request = serde_json::json!({
        "request_id": "try-1",
        "connection": CONNECTION,
        "subject": { "core_id": user.core_id },
        "claims": [
            { "provider_field": "SH_Passport_FULLNAME" },
            { "provider_field": "SH_Passport_DOB" },
        ],
        "access_context": { "purpose": "trying-verilane" },
    });
    console::line(format_args!(
        "\nCreate a verification of the sandbox's user {name:?}, and watch what becomes of it:\n\n  \
         grpcurl -plaintext -d '{request}' \\\n    {grpc} \
         verilane.verification.v1.VerificationService/CreateVerification\n  \
         verilane watch --address http://{grpc}\n\n\
         Other users: {others}\n",
        name = user.name,
        others = others(sandbox),
    ))?;
    Ok(())
}

/// A user for each role, and the first of the many.
fn others(sandbox: &Sandbox) -> String {
    let users = sandbox.users().iter().skip(1).take(4);
    let users = users.map(|user| format!("\n  {:10} {}", user.name, user.core_id));
    users.collect()
}
