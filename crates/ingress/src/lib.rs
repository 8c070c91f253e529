//! The public HTTP side: takes in what providers call us with.
//!
//! It owns the only port that anybody can reach, and so everything that keeps a stranger from
//! costing much: what is read, how much of it, how fast, and for how long. Whether a message is
//! believed, and that it is durable, is the engine's business.
//!
//! Invariants: 200 only after the engine has answered `Ok`, which means durable. A message is
//! handed on whole or not at all. A callback's path, which is a secret, stands in no span, metric,
//! log line or answer.

mod body;
mod budget;
mod config;
mod connection;
mod exchange;
mod leftovers;
mod rate;
mod routes;
mod serve;
mod sink;
mod status;

pub use config::{IngressConfig, Rate};
pub use routes::router;
pub use serve::{Drained, serve};
