//! `verilane demo`: everything in one process, in a folder that goes with it, and the story that
//! [`crate::demo`] tells.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;

use super::Demo;
use crate::config::{Config, Mode, Sources, Text};
use crate::demo::{Stage, play};
use crate::dev::Playground;
use crate::process;

/// What differs from `dev`: nothing that stays or that could be taken, little waiting, and no log
/// between the lines of the story.
const SETTINGS: [(&str, &str, &str); 5] = [
    ("grpc", "listen", "127.0.0.1:0"),
    ("ingress", "listen", "127.0.0.1:0"),
    ("dev", "sandbox_listen", "127.0.0.1:0"),
    ("dev", "sandbox_step", "600ms"),
    ("telemetry", "log_filter", "error"),
];

/// Plays the main job once over each provider, or over one.
///
/// # Errors
/// Whatever did not go as it should.
pub fn demo(options: Demo) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let place = ("store", "folder", folder.path().join("data"));
    let place = (place.0, place.1, place.2.display().to_string());
    let settings = SETTINGS.map(|(section, key, value)| (section, key, value.to_owned()));
    let flags = settings.into_iter().chain([place]);
    let sources = Sources {
        flags: flags
            .map(|(section, key, value)| (section, key, Text::flag("the demo", value)))
            .collect(),
        ..Sources::default()
    };
    let config = Config::load(Mode::Dev, sources)?;
    let (telemetry, shutdown) = (config.telemetry.clone(), config.shutdown);
    process::run(&telemetry, shutdown, async |stop| {
        let playground = Playground::start(config).await?;
        let sandbox = playground.sandbox().context("the demo needs its sandbox")?;
        let grpc = playground
            .addresses
            .grpc
            .context("the API does not listen")?;
        let stage = Stage {
            api: format!("http://{grpc}"),
            sandbox: &sandbox,
            has_colours: std::io::stdout().is_terminal(),
        };
        let mut out = std::io::stdout();
        let told = async {
            let told = tokio::select! {
                told = play(&stage, options.provider, &mut out) => told,
                () = stop.cancelled() => Ok(()),
            };
            stop.cancel();
            told
        };
        let (told, ended) = tokio::join!(told, playground.until(stop.clone()));
        told.and(ended)
    })
}
