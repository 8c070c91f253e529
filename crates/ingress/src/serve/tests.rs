//! The ingress as providers and strangers meet it.

mod answers;
mod limits;
mod sockets;
mod stage;
mod telemetry;
