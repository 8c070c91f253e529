//! The one place that names vendors and databases: which there are, and how each is set up.
//!
//! To add a provider: its variant, and its arm in each `match` below.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use toml::{Table, Value};
use verilane_core::{ClaimName, ConnectionName, SharedClock};
use verilane_provider::Provider;
use verilane_provider::http::HttpClient;
use verilane_provider::settings::SettingsFault as PluginFault;
use verilane_provider_civic_pass as civic_pass;
use verilane_provider_civic_sip as civic_sip;
use verilane_provider_corepass as corepass;
use verilane_store::CommitObserver;
use verilane_store_sqlite::{CommitHook, SqliteConfig, SqliteStore};

use crate::config;

/// The store that this binary has.
pub type OpenStore = SqliteStore;

/// The providers that this binary has.
pub const PROVIDERS: [&str; 3] = [
    corepass::PROVIDER,
    civic_pass::PROVIDER,
    civic_sip::PROVIDER,
];

/// What a connection's plug-in needs, by provider.
#[derive(Clone, Debug)]
pub enum Settings {
    /// A CorePass Connector.
    CorePass(corepass::Settings),
    /// An account at Civic Pass.
    CivicPass(Box<civic_pass::Settings>),
    /// An application at Civic SIP.
    CivicSip(Box<civic_sip::Settings>),
}

/// A key of the connection's table, and what is wrong with it.
pub type SettingsFault = (String, String);

impl Settings {
    /// Reads and checks what is written about a connection.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(provider: &str, table: Table) -> Result<Self, Vec<SettingsFault>> {
        match provider {
            corepass::PROVIDER => {
                let settings = corepass::Settings::read(Value::Table(table));
                settings.map(Self::CorePass).map_err(named)
            }
            civic_pass::PROVIDER => {
                let settings = civic_pass::Settings::read(Value::Table(table));
                let settings = settings.map(Box::new);
                settings.map(Self::CivicPass).map_err(named)
            }
            civic_sip::PROVIDER => {
                let settings = civic_sip::Settings::read(Value::Table(table));
                let settings = settings.map(Box::new);
                settings.map(Self::CivicSip).map_err(named)
            }
            other => {
                let known = PROVIDERS.join(", ");
                let problem = format!("{other:?} is none of: {known}");
                Err(vec![("provider".to_owned(), problem)])
            }
        }
    }

    /// Whether a provider calls the ingress at its common address, as far as what is written about a
    /// connection tells: it may have faults.
    pub fn needs_public_url(provider: &str, table: &Table) -> bool {
        provider == corepass::PROVIDER && !table.contains_key("callback_base_url")
    }

    /// The name of the provider.
    pub const fn provider(&self) -> &'static str {
        match self {
            Self::CorePass(_) => corepass::PROVIDER,
            Self::CivicPass(_) => civic_pass::PROVIDER,
            Self::CivicSip(_) => civic_sip::PROVIDER,
        }
    }

    /// Where the provider reaches our ingress, if the connection says so itself.
    pub fn callback_base_url(&self) -> Option<&str> {
        match self {
            Self::CorePass(settings) => settings.callback_base_url.as_deref(),
            Self::CivicPass(_) | Self::CivicSip(_) => None,
        }
    }

    /// How long callback paths stay valid.
    pub fn callback_retention(&self) -> Duration {
        match self {
            Self::CorePass(settings) => settings.callback_retention(),
            // Nobody calls there.
            Self::CivicPass(_) | Self::CivicSip(_) => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// The claims with which a review over it is approved by itself; never if none.
    pub fn auto_approve(&self) -> Option<&[ClaimName]> {
        match self {
            Self::CorePass(_) | Self::CivicSip(_) => None,
            Self::CivicPass(settings) => settings.auto_approve_claims.as_deref(),
        }
    }

    /// What loosens the rules, to be said at every start.
    pub fn warnings(&self) -> Vec<&'static str> {
        match self {
            Self::CorePass(settings) => settings.warnings(),
            Self::CivicPass(settings) => settings.warnings(),
            Self::CivicSip(settings) => settings.warnings(),
        }
    }

    /// The plug-in, with HTTP clients of its own.
    ///
    /// # Errors
    /// If the machine offers no usable TLS trust store, for example.
    pub fn plugin(
        &self,
        name: &ConnectionName,
        clock: &SharedClock,
    ) -> anyhow::Result<Arc<dyn Provider>> {
        match self {
            Self::CorePass(settings) => {
                let http = settings.http(name).map_err(first)?;
                let http = HttpClient::new(http)?;
                let plugin = corepass::CorePass::new(settings, http).map_err(first)?;
                Ok(Arc::new(plugin))
            }
            Self::CivicPass(settings) => {
                let http = settings.http(name).map_err(first)?;
                let (api, evidence) = (HttpClient::new(http.api)?, HttpClient::new(http.evidence)?);
                let clock = SharedClock::clone(clock);
                let plugin = civic_pass::CivicPass::new(settings, api, evidence, clock);
                Ok(Arc::new(plugin.map_err(first)?))
            }
            Self::CivicSip(settings) => {
                let http = settings.http(name).map_err(first)?;
                let (api, payload) = (HttpClient::new(http.api)?, HttpClient::new(http.payload)?);
                let clock = SharedClock::clone(clock);
                let plugin = civic_sip::CivicSip::new(settings, api, payload, clock);
                Ok(Arc::new(plugin.map_err(first)?))
            }
        }
    }
}

/// Opens the store of a folder.
///
/// # Errors
/// If another process has it, or it can't be read.
pub async fn store(
    config: &config::Store,
    observer: Arc<dyn CommitObserver>,
    hook: Option<CommitHook>,
) -> anyhow::Result<Arc<OpenStore>> {
    let sqlite = SqliteConfig {
        batch_changes: config.batch_changes,
        queue: config.queue,
        lane_bytes: config.evidence_queue,
        readers: config.readers,
        hook,
        ..SqliteConfig::new(&config.folder)
    };
    let open = tokio::task::spawn_blocking(move || SqliteStore::open(sqlite, observer));
    let store = open.await?.context("the store can't be opened")?;
    Ok(Arc::new(store))
}

/// Whether a folder holds a store already.
pub fn holds_a_store(folder: &Path) -> bool {
    folder.join("verilane.db").exists()
}

fn named(faults: Vec<PluginFault>) -> Vec<SettingsFault> {
    let named = |fault: PluginFault| (fault.setting, fault.problem);
    faults.into_iter().map(named).collect()
}

fn first(faults: Vec<PluginFault>) -> anyhow::Error {
    match faults.into_iter().next() {
        Some(fault) => fault.into(),
        None => anyhow::anyhow!("the connection's settings are at fault"),
    }
}
