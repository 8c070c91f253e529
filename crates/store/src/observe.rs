//! How others learn of commits without asking.

use verilane_core::Event;

/// Told of new events, in sequence order, after they are durable and before the commits that made
/// them return. Called on the store's writer: it must not block, and what it loses is lost to
/// nobody, since the log is the truth.
pub trait CommitObserver: Send + Sync + 'static {
    /// These events are durable.
    fn committed(&self, events: &[Event]);
}
