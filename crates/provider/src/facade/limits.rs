//! The limits that every plug-in is held to. What an operator decides of them, and within which
//! bounds, is the server's configuration.

use std::time::Duration;

/// The limits of one connection. Times are real time, but for how long a circuit stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a call of a plug-in may take: waits, tries and the pauses between them included.
    /// Longer than the time-outs of the HTTP client, which can tell better what became of a
    /// request.
    pub call_timeout: Duration,
    /// How often a call is tried in all where it can be repeated; at least once.
    pub tries: u32,
    /// How long the pause before the second try is at most; each further one can be twice as long.
    pub pause: Duration,
    /// How long a pause is at most, unless the provider asks for more.
    pub longest_pause: Duration,
    /// How many calls may be under way at once.
    pub calls: usize,
    /// How many calls may begin a second in the long run.
    pub per_second: u32,
    /// How many may begin at once after a quiet time.
    pub burst: u32,
    /// How long a call waits for its turn under the three limits above.
    pub turn_wait: Duration,
    /// After how many calls in a row without an answer the circuit opens; never if 0.
    pub circuit_failures: u32,
    /// How long the provider is left alone then. On the service's clock, as jobs are.
    pub circuit_open: Duration,
    /// How many callbacks of a connection are read at the same time.
    pub callback_readers: usize,
    /// How long a callback waits for its turn to be read.
    pub callback_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(45),
            tries: 3,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            calls: 64,
            per_second: 500,
            burst: 1_000,
            turn_wait: Duration::from_secs(5),
            circuit_failures: 5,
            circuit_open: Duration::from_secs(10),
            callback_readers: 4,
            callback_wait: Duration::from_secs(10),
        }
    }
}
