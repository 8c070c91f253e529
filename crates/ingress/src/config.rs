//! What the ingress allows: sizes, rates, counts and times. Where the numbers come from is the
//! binary's business.

use std::num::NonZeroU32;
use std::time::Duration;

/// Limits of the ingress. All times are real time, all sizes bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IngressConfig {
    /// The largest body on a path for statuses.
    pub status_body_limit: usize,
    /// The largest body on a path for data.
    pub data_body_limit: usize,
    /// All bodies together that are being read or taken in. One that is larger than this can never
    /// be taken in, so it must not be less than the two limits above.
    pub bytes_in_flight: usize,
    /// How long one body may take to arrive.
    pub body_timeout: Duration,
    /// How long the engine may take to look a path up, and again to take a message in, before the
    /// provider is told to come again. The message may have been stored all the same; its repeat
    /// then counts as one.
    pub engine_timeout: Duration,
    /// How fast callbacks of one configured connection may come.
    pub rate_per_connection: Rate,
    /// Sockets at once; more wait to be accepted.
    pub max_sockets: usize,
    /// How long a socket may stay open without a whole request head on it: an idle one, or one
    /// whose client sends its head a byte at a time.
    pub idle_timeout: Duration,
    /// How long a drain may take before what is still open is cut.
    pub drain_deadline: Duration,
}

/// How fast something may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many a second in the long run.
    pub per_second: NonZeroU32,
    /// How many at once after a pause.
    pub burst: NonZeroU32,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Default for IngressConfig {
    fn default() -> Self {
        Self {
            status_body_limit: 64 * KIB,
            data_body_limit: 64 * MIB,
            bytes_in_flight: 256 * MIB,
            body_timeout: Duration::from_secs(30),
            engine_timeout: Duration::from_secs(30),
            rate_per_connection: Rate::default(),
            max_sockets: 1_024,
            idle_timeout: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(20),
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(999),
            burst: NonZeroU32::MIN.saturating_add(1_999),
        }
    }
}
