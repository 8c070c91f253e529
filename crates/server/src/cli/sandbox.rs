//! `verilane sandbox`: the upstreams alone, for tests and for users' own CI.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use verilane_sandbox::{
    CallbackUnit, CivicPassScenario, CivicSipEnv, CivicSipScenario, CivicSipSetup, NamedScenario,
    Sandbox, SandboxConfig, SandboxHandle, Scenario,
};
use verilane_telemetry::setup::LogFormat;

use super::{Ready, console};
use crate::config::{Given, Setting, Shutdown, Telemetry};
use crate::dev::clock;
use crate::process::{self, Addresses};
use crate::service::Ended;

/// How it is set up.
#[derive(Args, Debug)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:7490")]
    listen: SocketAddr,
    /// What users do and what goes wrong: names put together with +, or a JSON object.
    #[arg(long, default_value = "scripted", value_parser = setting::<Scenario>)]
    scenario: Scenario,
    /// A scenario for one user, such as `accepts=json+duplicates`; may be given several times.
    #[arg(long, value_name = "USER=SCENARIO", value_parser = user_scenario)]
    user_scenario: Vec<(String, Scenario)>,
    /// Lists the scenarios and ends.
    #[arg(long)]
    list_scenarios: bool,
    /// What becomes of Civic Pass's PII requests: names put together with +, or a JSON object.
    #[arg(long, value_name = "SCENARIO", default_value = "scripted", value_parser = setting::<CivicPassScenario>)]
    civic_pass_scenario: CivicPassScenario,
    /// Lists the scenarios of Civic Pass and ends.
    #[arg(long)]
    list_civic_pass_scenarios: bool,
    /// The P-256 public key of one's own partner JWTs, in hex, in place of the sandbox's.
    #[arg(long, value_name = "HEX")]
    civic_pass_public_key: Option<String>,
    #[command(flatten)]
    civic_sip: CivicSip,
    /// Where Civic's storage listens; a port beside --listen if left out.
    #[arg(long, value_name = "ADDRESS")]
    storage_listen: Option<SocketAddr>,
    /// What keys, people and shuffles are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// From one status to the next.
    #[arg(long, default_value = "1s", value_parser = setting::<Duration>)]
    step: Duration,
    /// The gaps between retries of a callback (NATS_CALLBACK_TOPICS of a real connector).
    #[arg(long, value_delimiter = ',', default_values_t = [1, 5, 10, 120, 124_000])]
    callback_topics: Vec<u64>,
    /// Their unit: Second, Minute, Hour or Day (NATS_CALLBACK_DURATION).
    #[arg(long, default_value = "Minute", value_parser = setting::<CallbackUnit>)]
    callback_unit: CallbackUnit,
    /// Accepting users beside those with a role of their own.
    #[arg(long, default_value_t = 200)]
    users: u32,
    /// A file that dictates the time.
    #[arg(long, value_name = "FILE")]
    clock_file: Option<PathBuf>,
    #[command(flatten)]
    ready: Ready,
}

/// How its Civic SIP is set up.
#[derive(Args, Debug)]
struct CivicSip {
    /// What Civic SIP's tokens and answers are like: names put together with +, or a JSON object.
    #[arg(long, value_name = "SCENARIO", default_value = "scripted", value_parser = setting::<CivicSipScenario>)]
    civic_sip_scenario: CivicSipScenario,
    /// Lists the scenarios of Civic SIP and ends.
    #[arg(long)]
    list_civic_sip_scenarios: bool,
    /// The application's id in place of the sandbox's.
    #[arg(long, value_name = "ID")]
    civic_sip_app_id: Option<String>,
    /// The application's secret, 32 hex digits, in place of the sandbox's.
    #[arg(long, value_name = "HEX")]
    civic_sip_app_secret: Option<String>,
    /// The P-256 public key of one's own request tokens, in hex, in place of the sandbox's.
    #[arg(long, value_name = "HEX")]
    civic_sip_public_key: Option<String>,
    /// The only environment that the application belongs to: prod or dev.
    #[arg(long, value_name = "ENV", value_parser = setting::<CivicSipEnv>)]
    civic_sip_env: Option<CivicSipEnv>,
    /// The audience of Civic SIP's tokens in place of the sandbox's base.
    #[arg(long, value_name = "URL")]
    civic_sip_audience: Option<String>,
}

impl CivicSip {
    fn setup(self) -> CivicSipSetup {
        CivicSipSetup {
            app_id: self.civic_sip_app_id,
            app_secret: self.civic_sip_app_secret,
            public_key: self.civic_sip_public_key,
            env: self.civic_sip_env,
            audience: self.civic_sip_audience,
            scenario: self.civic_sip_scenario,
        }
    }
}

/// A flag is read as the same setting is in the environment.
fn setting<T: Setting>(text: &str) -> Result<T, String> {
    T::read(Given::Text(text))
}

fn user_scenario(text: &str) -> Result<(String, Scenario), String> {
    let (user, scenario) = text
        .split_once('=')
        .ok_or("must be a user's name or Core ID, =, and a scenario")?;
    Ok((user.to_owned(), setting(scenario)?))
}

fn list<S>(all: &[NamedScenario<S>]) -> anyhow::Result<ExitCode> {
    for named in all {
        console::line(format_args!("{:25} {}", named.name, named.description))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what whoever calls it, or is called, has to be set up with.
fn introduce(handle: &SandboxHandle) -> anyhow::Result<()> {
    let keys = handle.keys();
    for (what, key) in [
        ("status public key", &keys.status),
        ("data public key", &keys.data),
        ("next status public key", &keys.next_status),
        ("next data public key", &keys.next_data),
        ("status secp256k1 key", &keys.status_secp256k1),
        ("data secp256k1 key", &keys.data_secp256k1),
    ] {
        console::line(format_args!("{:23} {key}", format!("{what}:")))?;
    }
    let partner = handle.civic_pass().partner();
    for (what, told) in [
        ("token URL", &partner.token_url),
        ("API", &partner.api_base),
        ("API for JWTs", &partner.verify_base),
        ("storage", &partner.storage),
        ("partner id", &partner.partner_id),
        ("client id", &partner.client_id),
    ] {
        console::line(format_args!("Civic Pass {:12} {told}", format!("{what}:")))?;
    }
    let app = handle.civic_sip().application();
    for (what, told) in [
        ("base", app.base_url.as_str()),
        ("app id", &app.app_id),
        ("app secret", &app.app_secret),
        (
            "private key",
            app.private_key.as_deref().unwrap_or("(your own)"),
        ),
        ("Civic's key", &app.civic_public_key),
        ("on secp256k1", &app.civic_secp256k1_key),
    ] {
        console::line(format_args!("Civic SIP {:13} {told}", format!("{what}:")))?;
    }
    Ok(())
}

/// Runs it until the process is told to end.
///
/// # Errors
/// What keeps it from starting, or ended it.
pub fn run(options: Options) -> anyhow::Result<ExitCode> {
    if options.list_scenarios {
        return list(Scenario::names());
    }
    if options.list_civic_pass_scenarios {
        return list(CivicPassScenario::names());
    }
    if options.civic_sip.list_civic_sip_scenarios {
        return list(CivicSipScenario::names());
    }
    let telemetry = Telemetry {
        log_format: LogFormat::Human,
        log_filter: "info".to_owned(),
    };
    let shutdown = Shutdown {
        deadline: Duration::from_secs(10),
    };
    process::run(&telemetry, shutdown, async |stop| {
        let clock = clock(options.clock_file);
        let sandbox = Sandbox::bind(SandboxConfig {
            civic_pass: options.civic_pass_scenario,
            civic_pass_public_key: options.civic_pass_public_key,
            civic_sip: options.civic_sip.setup(),
            storage_listen: options.storage_listen,
            listen: options.listen,
            seed: options.seed,
            scenario: options.scenario,
            callback_topics: options.callback_topics,
            callback_unit: options.callback_unit,
            step: options.step,
            load_users: options.users,
            ..SandboxConfig::new(clock)
        })
        .await?;
        let handle = sandbox.handle();
        for (user, scenario) in options.user_scenario {
            handle
                .set_user_scenario(&user, Some(scenario))
                .with_context(|| format!("--user-scenario {user}"))?;
        }
        let addresses = Addresses {
            sandbox: Some(sandbox.local_addr()),
            ..Addresses::default()
        };
        process::announce(&addresses, &options.ready)?;
        introduce(&handle)?;
        // The first have a role each; the many for load are all alike.
        for user in sandbox.users().iter().take(5) {
            console::line(format_args!("user {:10} {}", user.name, user.core_id))?;
        }
        sandbox.run(stop.cancelled_owned()).await?;
        Ok(Ended::Whole)
    })
}
