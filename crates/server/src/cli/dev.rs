//! `verilane dev`: service, sandbox and store on one machine, and a word on how to begin.

use std::process::ExitCode;

use verilane_sandbox::SandboxHandle;

use super::serve::load;
use super::{Dev, console};
use crate::config::{Mode, Text};
use crate::dev::{CIVIC_PASS, CIVIC_SIP, COREPASS, Playground};
use crate::process::{self, Addresses};

/// Runs everything until the process is told to end.
///
/// # Errors
/// What keeps it from starting, or ended it.
pub fn dev(options: Dev) -> anyhow::Result<ExitCode> {
    let folder = options.data_dir.map(|folder| {
        let value = folder.display().to_string();
        ("store", "folder", Text::flag("--data-dir", value))
    });
    let config = load(options.file, Mode::Dev, folder.into_iter().collect())?;
    let (telemetry, shutdown) = (config.telemetry.clone(), config.shutdown);
    process::run(&telemetry, shutdown, async |stop| {
        let playground = Playground::start(config).await?;
        process::announce(&playground.addresses, &options.ready)?;
        if let Some(sandbox) = playground.sandbox() {
            explain(&playground.addresses, &sandbox)?;
        }
        playground.until(stop).await
    })
}

/// How to begin.
fn explain(addresses: &Addresses, sandbox: &SandboxHandle) -> anyhow::Result<()> {
    let users = sandbox.users();
    let (Some(grpc), Some(at), Some(user)) = (addresses.grpc, addresses.sandbox, users.first())
    else {
        return Ok(());
    };
    let request = serde_json::json!({
        "request_id": "try-1",
        "connection": COREPASS,
        "subject": { "core_id": user.core_id },
        "claims": [
            { "provider_field": "SH_Passport_FULLNAME" },
            { "provider_field": "SH_Passport_DOB" },
        ],
        "access_context": { "purpose": "trying-verilane" },
    });
    // A user for each role, and the first of the many.
    let others = users.iter().skip(1).take(4);
    let others = others.map(|user| format!("\n  {:10} {}", user.name, user.core_id));
    console::line(format_args!(
        "\nCreate a verification of the sandbox's user {name:?}, and watch what becomes of it:\n\n  \
         grpcurl -plaintext -d '{request}' \\\n    {grpc} \
         verilane.verification.v1.VerificationService/CreateVerification\n  \
         verilane watch --address http://{grpc}\n\n\
         Other users:{others}\n\n\
         Civic Pass is connection {CIVIC_PASS:?}; its widget is opened with\n  \
         curl -X POST http://{at}/control/civic-pass/requests\n\n\
         Civic SIP is connection {CIVIC_SIP:?}; its popup is opened with\n  \
         curl -X POST http://{at}/control/civic-sip/requests\n",
        name = user.name,
        others = others.collect::<String>(),
    ))?;
    Ok(())
}
