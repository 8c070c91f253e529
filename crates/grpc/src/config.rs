//! What the gRPC server allows: sizes, counts and times. Where the numbers come from is the
//! binary's business.

use std::time::Duration;

/// Limits of the gRPC server. All times are real time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrpcConfig {
    /// The largest request message, unpacked, in bytes.
    pub max_message_size: usize,
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// Calls at once on one connection; the client holds back more.
    pub max_concurrent_streams: u32,
    /// Watches at once, on all connections together; more are refused.
    pub max_watches: usize,
    /// How long a new connection may take to say its first word.
    pub handshake_timeout: Duration,
    /// How often a connection is pinged.
    pub keepalive_interval: Duration,
    /// How long a ping may stay unanswered before the connection is dropped.
    pub keepalive_timeout: Duration,
    /// How long a call may take to begin its answer if the caller does not say. Must leave room for
    /// the longest `wait` of ListEvents.
    pub default_deadline: Duration,
    /// How long a call may take to begin its answer whatever the caller says.
    pub max_deadline: Duration,
    /// How long a watch may leave what it is owed unread before its connection is closed.
    pub stall_limit: Duration,
    /// How long a drain may take before what is still open is cut.
    pub drain_deadline: Duration,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            max_message_size: 1024 * 1024,
            max_connections: 4_096,
            max_concurrent_streams: 1_000,
            max_watches: 20_000,
            handshake_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            default_deadline: Duration::from_secs(45),
            max_deadline: Duration::from_secs(60),
            stall_limit: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(20),
        }
    }
}
