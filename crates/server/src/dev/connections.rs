//! The connections to the sandbox beside the service, one for each provider, written as an operator would
//! write them.

use anyhow::Context as _;
use toml::{Table, Value};
use verilane_core::ConnectionName;
use verilane_provider::Limits;
use verilane_provider::http::Url;
use verilane_sandbox::Sandbox;

use crate::catalog;
use crate::config::Connection;

/// The connection to its connector.
pub const COREPASS: &str = "corepass-dev";
/// The connection to its Civic Pass.
pub const CIVIC_PASS: &str = "civic-pass-dev";

/// The connection to its Civic SIP.
pub const CIVIC_SIP: &str = "civic-sip-dev";

/// All of them.
pub(super) fn to(sandbox: &Sandbox) -> anyhow::Result<Vec<Connection>> {
    let all = [
        (COREPASS, "corepass", corepass(sandbox)),
        (CIVIC_PASS, "civic-pass", civic_pass(sandbox)?),
        (CIVIC_SIP, "civic-sip", civic_sip(sandbox)?),
    ];
    all.map(|(name, provider, settings)| connection(name, provider, settings))
        .into_iter()
        .collect()
}

fn connection(name: &str, provider: &str, mut settings: Table) -> anyhow::Result<Connection> {
    settings.insert("allow_http".to_owned(), true.into());
    settings.insert("allow_private_addresses".to_owned(), true.into());
    let read = catalog::Settings::read(provider, settings);
    let settings =
        read.map_err(|faults| anyhow::anyhow!("{name} is set up wrongly: {faults:?}"))?;
    Ok(Connection {
        name: ConnectionName::new(name)?,
        settings,
        limits: Limits::default(),
    })
}

fn corepass(sandbox: &Sandbox) -> Table {
    let key = |public_key: String, only_for: &str| {
        table([
            ("public_key", public_key.into()),
            ("only_for", only_for.into()),
        ])
    };
    let keys = [
        key(sandbox.status_public_key_hex(), "status"),
        key(sandbox.data_public_key_hex(), "data"),
    ];
    table([
        (
            "base_url",
            format!("http://{}", sandbox.local_addr()).into(),
        ),
        ("keys", keys.map(Value::Table).to_vec().into()),
    ])
}

fn civic_pass(sandbox: &Sandbox) -> anyhow::Result<Table> {
    let partner = sandbox.handle().civic_pass().partner();
    let storage = Url::parse(&partner.storage).context("the storage has no address")?;
    let storage = storage.host_str().context("the storage has no host")?;
    Ok(table([
        ("generation", "oauth".into()),
        ("review", true.into()),
        ("partner_id", partner.partner_id.into()),
        ("gatekeeper_network", partner.gatekeeper_network.into()),
        ("client_id", partner.client_id.into()),
        ("client_secret", partner.client_secret.into()),
        ("token_url", partner.token_url.into()),
        ("base_url", partner.api_base.into()),
        ("evidence_hosts", vec![Value::from(storage)].into()),
        // Somebody waits before the screen.
        ("poll_interval_seconds", 1.into()),
        ("poll_interval_max_seconds", 10.into()),
    ]))
}

fn civic_sip(sandbox: &Sandbox) -> anyhow::Result<Table> {
    let application = sandbox.handle().civic_sip().application();
    let storage = Url::parse(&application.storage).context("the storage has no address")?;
    let storage = storage.host_str().context("the storage has no host")?;
    let private_key = application.private_key.context("the sandbox has no key")?;
    let key = |public_key: String, curve: &str| {
        Value::Table(table([
            ("public_key", public_key.into()),
            ("curve", curve.into()),
        ]))
    };
    let keys = vec![
        key(application.civic_public_key, "p256"),
        key(application.civic_secp256k1_key, "secp256k1"),
    ];
    Ok(table([
        ("application_id", application.app_id.into()),
        ("private_key", private_key.into()),
        ("application_secret", application.app_secret.into()),
        ("base_url", application.base_url.into()),
        ("audiences", vec![Value::from(application.audience)].into()),
        ("keys", keys.into()),
        ("payload_hosts", vec![Value::from(storage)].into()),
    ]))
}

fn table<const N: usize>(settings: [(&str, Value); N]) -> Table {
    settings
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}
