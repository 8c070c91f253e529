//! The gRPC side: handlers over the engine, conversions between wire and domain, error mapping, and
//! the server that carries them.
//!
//! Wire types stop here. The engine is called in the domain's terms, and gives this crate's encoder
//! its events to turn into bytes once for all watches.

mod admin;
mod body;
mod call;
mod caller;
mod code;
mod config;
mod connection;
mod convert;
mod cors;
mod deadline;
mod handler;
mod health;
mod io;
mod listener;
mod messages;
mod methods;
mod server;
mod services;
mod stack;
mod status;
mod watches;

pub use admin::AdminServer;
pub use config::GrpcConfig;
pub use convert::event::WireEncoder;
pub use health::Health;
pub use server::{BuildError, Drained, GrpcServer};
