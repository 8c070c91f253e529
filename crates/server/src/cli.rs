//! The command line: what can be asked for, and nothing of how it is done.

pub mod check;
pub mod console;
pub mod corepass;
pub mod demo;
pub mod dev;
pub mod keyring;
pub mod operator;
pub mod sandbox;
pub mod serve;
pub mod show;
pub mod store;
pub mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 something was cut at a \
                          deadline when told to end; 130 told to end a second time.";

/// Identity verification behind one gRPC API, whichever provider does it.
#[derive(Debug, Parser)]
#[command(
    name = "verilane",
    version,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves verifications, as configured.
    Serve(Serve),
    /// Runs service, sandbox and store on this machine, ready to try; for development only.
    Dev(Dev),
    /// Plays the main job in this terminal, with nothing to set up and nothing left behind.
    Demo(Demo),
    /// Runs the providers, with invented users and scripted faults.
    Sandbox(Box<sandbox::Options>),
    /// Looks after what a CorePass Connector could not bring.
    #[command(subcommand)]
    Corepass(Corepass),
    /// Watches verifications and prints each transition as it happens.
    Watch(watch::Options),
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Looks after what is stored.
    #[command(subcommand)]
    Store(Store),
    /// Looks after the keys under which personal data is encrypted.
    #[command(subcommand)]
    Keyring(Keyring),
}

/// Where a configuration comes from, beside the environment.
#[derive(Args, Clone, Debug, Default)]
pub struct File {
    /// The configuration file, laid over the defaults. [env: VERILANE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where it is told that the service is ready.
#[derive(Args, Clone, Debug, Default)]
pub struct Ready {
    /// Written once the service is ready: a JSON object with the addresses it listens on.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    pub file: File,
    #[command(flatten)]
    pub ready: Ready,
}

/// `dev`.
#[derive(Args, Debug)]
pub struct Dev {
    #[command(flatten)]
    pub file: File,
    #[command(flatten)]
    pub ready: Ready,
    /// The folder that holds everything, made if it does not exist [default: verilane-data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Plays it over this provider alone; over one after the other if left out.
    #[arg(long, value_enum)]
    pub provider: Option<crate::demo::Story>,
}

/// `config …`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Checks the configuration, and what it names on this machine; lists every fault.
    Check {
        #[command(flatten)]
        file: File,
        /// Checks it for `verilane dev`.
        #[arg(long)]
        dev: bool,
    },
    /// Prints the defaults, with what each means.
    Default {
        /// Prints what `verilane dev` lays over them.
        #[arg(long)]
        dev: bool,
    },
}

/// `store …`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Gives the log of a restored store a new id, so that subscribers start over instead of
    /// misreading it. Before its first start; refused while a service runs on it.
    NewLogId {
        #[command(flatten)]
        file: File,
        /// The folder, if it is not the configured one.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

/// `corepass …`.
#[derive(Debug, Subcommand)]
pub enum Corepass {
    /// Imports the data of a verification that is in quarantine, or that the connector has exported.
    /// Nothing is believed for your word: it needs the connector's signature, or the connector's
    /// confirmation of every value. Done by the running service, or by this command if none runs.
    Import(Box<corepass::Import>),
}

/// `keyring …`.
#[derive(Debug, Subcommand)]
pub enum Keyring {
    /// Makes a new keyring in a file that only you may read. Never overwrites.
    Generate {
        /// The new file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
