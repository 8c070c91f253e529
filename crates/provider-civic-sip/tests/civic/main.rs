//! The plug-in against servers that answer as they are told to, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod exchange;
mod payload;
mod popup;
mod sandbox;
mod server;
mod stage;
