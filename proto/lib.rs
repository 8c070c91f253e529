//! Verilane's gRPC API, generated from `proto/`.
//!
//! [`v1`] holds the messages, and the clients; [`server`] the traits that a server implements over
//! the same messages, except that what carries events (the two watch responses, a page of events) is
//! a [`SharedMessage`] there: bytes that were made once for all. Types with data about a person do
//! not print it. [`admin`] and [`admin_server`] are the same for what operators do, which is no part
//! of the public API.

mod codec;
mod redacted;
mod shared_message;

pub use codec::ServerCodec;
pub use shared_message::SharedMessage;

/// The messages of `verilane.verification.v1`, and clients of its services.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated; what the protos document is documented"
)]
pub mod v1 {
    include!(concat!(
        env!("OUT_DIR"),
        "/public/messages/verilane.verification.v1.rs"
    ));
}

/// The servers' side of the services of `verilane.verification.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated; the RPCs are documented in the protos"
)]
pub mod server {
    include!(concat!(
        env!("OUT_DIR"),
        "/public/server/verilane.verification.v1.rs"
    ));
}

/// The messages of `verilane.admin.v1`, and the client of its service.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated; what the protos document is documented"
)]
pub mod admin {
    include!(concat!(
        env!("OUT_DIR"),
        "/admin/messages/verilane.admin.v1.rs"
    ));
}

/// The server's side of the service of `verilane.admin.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated; the RPCs are documented in the protos"
)]
pub mod admin_server {
    include!(concat!(
        env!("OUT_DIR"),
        "/admin/server/verilane.admin.v1.rs"
    ));
}

/// The compiled descriptors of the public package and of what it imports, with the permission option of
/// each RPC and without comments: an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// The same of the operators' package, for the server that answers it: reflection does not know it.
pub const ADMIN_FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/admin.binpb"));

#[cfg(test)]
mod tests;
