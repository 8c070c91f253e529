//! `verilane corepass …`: what operators do about a CorePass Connector.
//!
//! `import` hands in the data that no callback has brought, or none that could be believed. It only
//! carries it to the server: what is believed, and why, is the engine's.

use std::fs::File as OpenFile;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures_util::stream;
use tonic::Request;
use verilane_api::admin::import_provider_message_request::Part;
use verilane_api::admin::provider_message::Source;
use verilane_api::admin::{
    Exported, ImportProviderMessageRequest, ImportProviderMessageResponse, ProviderMessage,
    Quarantined, Verdict,
};
use verilane_api::v1::{AccessContext, Assurance};
use verilane_core::Reason;

use super::operator::{call, refused};
use super::serve::load;
use super::{File, console};
use crate::config::{Mode, Text};
use crate::process;

/// What one message of the stream brings, in bytes.
const CHUNK: usize = 64 * 1024;
/// How long an answer is waited for: longer than the connector may take to confirm.
const TIME: Duration = Duration::from_secs(60);
/// Stands for stdin where a file is named.
const STDIN: &str = "-";

/// What is imported, for whom and why.
#[derive(Args, Debug)]
pub struct Import {
    /// The verification that the data belongs to.
    #[arg(long, value_name = "ID")]
    verification: String,
    /// Why it is imported, such as a ticket; for the audit chain, which keeps it encrypted.
    #[arg(long)]
    purpose: String,
    /// The person behind this.
    #[arg(long, default_value = "", hide_default_value = true)]
    actor: String,
    /// Your own reference of it.
    #[arg(long, default_value = "", hide_default_value = true)]
    reference: String,
    /// Imports the message that is in quarantine.
    #[arg(long, conflicts_with = "file")]
    quarantined: bool,
    /// The attempt that the quarantined message came for [default: the newest that has one].
    #[arg(long, value_name = "N", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// The data as the connector has exported it, with its signature, byte for byte; - for stdin.
    #[arg(required_unless_present = "quarantined")]
    file: Option<PathBuf>,
    /// What the file is, if it is not JSON: such as `multipart/form-data; boundary=…`.
    #[arg(long, value_name = "TYPE", conflicts_with = "quarantined")]
    content_type: Option<String>,
    #[command(flatten)]
    config: File,
    /// The folder of the service, if it is not the configured one.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Reads the configuration as `verilane dev` does.
    #[arg(long)]
    dev: bool,
}

/// Imports a message.
///
/// # Errors
/// Why nothing was imported.
pub fn import(options: Import) -> anyhow::Result<ExitCode> {
    let mode = if options.dev { Mode::Dev } else { Mode::Serve };
    let folder = options.data_dir.as_ref().map(|folder| {
        let value = folder.display().to_string();
        ("store", "folder", Text::flag("--data-dir", value))
    });
    // One line says what became of it; the rest only if something is wrong.
    let quiet = |key, value: &str| {
        (
            "telemetry",
            key,
            Text::flag("the command", value.to_owned()),
        )
    };
    let quiet = [quiet("log_filter", "warn"), quiet("log_format", "human")];
    let flags = folder.into_iter().chain(quiet).collect();
    let config = load(options.config.clone(), mode, flags)?;
    // Before anything else is begun: stdin can take any time, and is simply broken off.
    let parts = options.parts(config.ingress.limits.data_body_limit)?;
    process::run(&config.telemetry, config.shutdown, async |stop| {
        let import = async |mut client: super::operator::Client| {
            let mut request = Request::new(stream::iter(parts));
            request.set_timeout(TIME);
            let answer = client.import_provider_message(request).await;
            let answer = answer.map_err(|status| refused(&status))?;
            console::line(line(answer.get_ref()))?;
            Ok(())
        };
        call(&config, stop, import).await
    })
}

fn line(imported: &ImportProviderMessageResponse) -> String {
    let word = |name: &'static str, prefix| name.strip_prefix(prefix).unwrap_or(name);
    format!(
        "imported verification={} attempt={} verdict={} assurance={}",
        imported.verification_id,
        imported.attempt,
        word(Verdict::as_str_name(&imported.verdict()), "VERDICT_"),
        word(Assurance::as_str_name(&imported.assurance()), "ASSURANCE_"),
    )
}

impl Import {
    /// The messages of the call.
    fn parts(self, most: usize) -> anyhow::Result<Vec<ImportProviderMessageRequest>> {
        let (source, body) = match &self.file {
            Some(file) => {
                let content_type = self.content_type.unwrap_or_default();
                (
                    Source::Exported(Exported { content_type }),
                    read(file, most)?,
                )
            }
            None => {
                let attempt = self.attempt.unwrap_or_default();
                (Source::Quarantined(Quarantined { attempt }), Vec::new())
            }
        };
        let message = ProviderMessage {
            verification_id: self.verification,
            access_context: Some(AccessContext {
                purpose: self.purpose,
                actor: self.actor,
                reference: self.reference,
            }),
            source: Some(source),
        };
        let data = body
            .chunks(CHUNK)
            .map(|chunk| Part::Data(chunk.to_vec().into()));
        let parts = std::iter::once(Part::Message(message)).chain(data);
        let parts = parts.map(|part| ImportProviderMessageRequest { part: Some(part) });
        Ok(parts.collect())
    }
}

/// All of a file, or of stdin, if it is not larger than a callback may be.
fn read(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    let mut read = || {
        if file == Path::new(STDIN) {
            return io::stdin().lock().take(limit).read_to_end(&mut body);
        }
        OpenFile::open(file)?.take(limit).read_to_end(&mut body)
    };
    read().with_context(|| format!("{} can't be read", file.display()))?;
    let reason = Reason::RequestTooLarge;
    anyhow::ensure!(body.len() <= most, "{reason}: {}", reason.summary());
    Ok(body)
}
