//! A connector that goes down and comes up again.
//!
//! While it is down it answers nothing, sends nothing, and moves nothing on; callbacks that were on
//! the wire count as unanswered. It has forgotten nothing when it comes up: a real one keeps its
//! state in a database. The control API stays.

use std::time::Duration;

use verilane_core::Timestamp;

use super::World;

/// A connector is down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Down {
    /// When it comes up by itself.
    pub until: Option<Timestamp>,
}

impl World {
    /// The connector goes down: for so many seconds, or until it is told to come up.
    pub fn go_down(&mut self, seconds: Option<u64>, now: Timestamp) {
        let until = seconds.map(|seconds| now + Duration::from_secs(seconds));
        self.down = Some(Down { until });
    }

    /// The connector comes up.
    pub fn come_up(&mut self) {
        self.down = None;
    }

    /// Whether the connector is down at `now`.
    pub fn is_down(&self, now: Timestamp) -> bool {
        self.down
            .is_some_and(|down| down.until.is_none_or(|until| until > now))
    }

    /// Comes up if it is time.
    pub(super) fn come_up_if_due(&mut self, now: Timestamp) -> bool {
        let due = self.down.is_some() && !self.is_down(now);
        if due {
            self.come_up();
        }
        due
    }
}
