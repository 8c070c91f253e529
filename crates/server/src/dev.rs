//! Service and sandbox in one process, ready to be tried: what `dev` runs, and `demo` plays with.

mod connections;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use verilane_core::SharedClock;
use verilane_core::clock::{FileClock, SystemClock};
use verilane_sandbox::{CivicSipSetup, Sandbox, SandboxConfig, SandboxHandle};
use verilane_vault::Keyring;

use crate::config::{self, Config, KeyringSource};
use crate::process::Addresses;
use crate::service::{Ended, Running};
use crate::{catalog, compose};

pub use connections::{CIVIC_PASS, CIVIC_SIP, COREPASS};

/// A service that runs, and a sandbox that begins to once it is waited for.
pub struct Playground {
    /// Where both listen.
    pub addresses: Addresses,
    running: Running,
    sandbox: Option<Sandbox>,
}

impl Playground {
    /// Sets everything up, and starts the service.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start(mut config: Config) -> anyhow::Result<Self> {
        let dev = config.dev.clone().context("[dev] is missing")?;
        let clock = clock(dev.clock_file);
        let sandbox = match &dev.sandbox {
            Some(settings) => Some(beside(settings, &clock, &mut config).await?),
            None => None,
        };
        config.say_warnings();
        let service = compose::build(&config, &keyring(&config)?, clock).await?;
        Ok(Self {
            addresses: Addresses {
                sandbox: sandbox.as_ref().map(Sandbox::local_addr),
                ..service.addresses
            },
            running: service.start(),
            sandbox,
        })
    }

    /// Steers the sandbox, if there is one.
    pub fn sandbox(&self) -> Option<SandboxHandle> {
        self.sandbox.as_ref().map(Sandbox::handle)
    }

    /// Goes on until `stop` is cancelled; if one of both fails, the other ends too.
    ///
    /// # Errors
    /// What failed.
    pub async fn until(self, stop: CancellationToken) -> anyhow::Result<Ended> {
        let service = async {
            let ended = self.running.until(stop.clone()).await;
            stop.cancel();
            ended
        };
        let sandbox = async {
            let Some(sandbox) = self.sandbox else {
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
}

/// The time of a file, or the system's.
pub fn clock(file: Option<PathBuf>) -> SharedClock {
    match file {
        Some(file) => Arc::new(FileClock::new(&file)),
        None => Arc::new(SystemClock),
    }
}

/// A sandbox that listens, and the connections to it.
async fn beside(
    settings: &config::dev::Sandbox,
    clock: &SharedClock,
    config: &mut Config,
) -> anyhow::Result<Sandbox> {
    let sandbox = Sandbox::bind(SandboxConfig {
        listen: settings.listen,
        seed: settings.seed,
        scenario: settings.scenario.clone(),
        civic_pass: settings.civic_pass_scenario.clone(),
        civic_sip: CivicSipSetup {
            scenario: settings.civic_sip_scenario.clone(),
            ..CivicSipSetup::default()
        },
        callback_topics: settings.callback_topics.clone(),
        callback_unit: settings.callback_unit,
        step: settings.step,
        load_users: settings.load_users,
        ..SandboxConfig::new(SharedClock::clone(clock))
    })
    .await?;
    config.connections.extend(connections::to(&sandbox)?);
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
    // Under new keys nothing in it could be read.
    anyhow::ensure!(
        !catalog::holds_a_store(folder),
        "{} holds a store, but its keyring {} is gone; bring it back, or begin with another folder",
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
