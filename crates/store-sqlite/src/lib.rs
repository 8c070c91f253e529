//! Everything durable in one folder: SQLite behind the store's port.
//!
//! The folder holds `verilane.db` with its write-ahead log, and `verilane.lock`, through which one
//! process owns it for life. One thread writes, in group commits; a few connections read. SQL and
//! rows stop here: nothing of what is sealed can be opened by this crate.

mod columns;
mod config;
mod connection;
mod error;
mod folder;
mod migrate;
mod pool;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use config::{CommitHook, CommitMoment, SqliteConfig};
pub use error::OpenError;
pub use store::SqliteStore;
