//! The process's environment, read here and nowhere else.

use std::path::PathBuf;

use super::layers::PREFIX;

/// Names the file to read.
pub const FILE: &str = "VERILANE_CONFIG";

/// The file that the environment names.
pub fn file_from_environment() -> Option<PathBuf> {
    std::env::var_os(FILE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Our variables. One that is not text has its odd bytes replaced, and is then refused as any other
/// wrong value.
pub fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

/// A variable that belongs to a standard, such as OpenTelemetry's.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}
