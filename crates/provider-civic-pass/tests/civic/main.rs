//! The plug-in against the sandbox's Civic, over real sockets, in both generations of the partner API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod changing_names;
mod decisions;
mod evidence;
mod hostile_links;
mod looks;
mod stage;
mod tokens;
mod troubles;
