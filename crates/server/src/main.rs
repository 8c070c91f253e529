//! The binary `verilane`: reads the command line, hands over to the command, and turns its outcome
//! into an exit code and, for an error, one line.

mod admin;
mod catalog;
mod cli;
mod compose;
mod config;
mod crash;
mod demo;
mod dev;
mod process;
mod service;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command, Config, Corepass, Keyring, Store, console};
use config::Mode;

fn main() -> ExitCode {
    // The one TLS provider of the process; whoever came first has installed the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) if console::reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console::complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(options) => cli::serve::serve(options),
        Command::Dev(options) => cli::dev::dev(options),
        Command::Demo(options) => cli::demo::demo(options),
        Command::Sandbox(options) => cli::sandbox::run(*options),
        Command::Watch(options) => cli::watch::run(options),
        Command::Corepass(Corepass::Import(options)) => cli::corepass::import(*options),
        Command::Config(Config::Check { file, dev }) => {
            cli::check::check(file, mode(dev)).map(|()| ExitCode::SUCCESS)
        }
        Command::Config(Config::Default { dev }) => {
            cli::check::default(mode(dev)).map(|()| ExitCode::SUCCESS)
        }
        Command::Store(Store::NewLogId { file, data_dir }) => {
            cli::store::new_log_id(file, data_dir)
        }
        Command::Keyring(Keyring::Generate { path }) => {
            cli::keyring::generate(&path).map(|()| ExitCode::SUCCESS)
        }
    }
}

const fn mode(dev: bool) -> Mode {
    if dev { Mode::Dev } else { Mode::Serve }
}
