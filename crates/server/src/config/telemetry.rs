//! `[telemetry]`: what logs look like. Export follows the standard `OTEL_*` variables.

use verilane_telemetry::setup::LogFormat;

use super::section::{Asked, Section};
use super::value::{Given, Setting};

/// Logs.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Their shape.
    pub log_format: LogFormat,
    /// Which are written.
    pub log_filter: String,
}

impl Setting for LogFormat {
    fn read(given: Given<'_>) -> Result<Self, String> {
        match String::read(given)?.as_str() {
            "json" => Ok(Self::Json),
            "human" => Ok(Self::Human),
            _ => Err("must be \"json\" or \"human\"".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Json => "json".to_owned(),
            Self::Human => "human".to_owned(),
        }
    }
}

impl Telemetry {
    /// Reads the section.
    pub fn read(mut section: Section<'_>) -> (Option<Self>, Asked) {
        let log_format = section.get("log_format");
        let log_filter = section.get("log_filter");
        let asked = section.finish();
        let read = || {
            Some(Self {
                log_format: log_format?,
                log_filter: log_filter?,
            })
        };
        (read(), asked)
    }
}
