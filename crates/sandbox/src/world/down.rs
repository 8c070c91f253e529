//! A connector that goes down and comes up again.
//!
//! While it is down it answers nothing, sends nothing, and moves nothing on; callbacks that were on
//! the wire count as unanswered. It has forgotten nothing when it comes up: a real one keeps its
//! state in a database. The control API stays.

use verilane_core::Timestamp;

use super::World;
use crate::downtime::Downtime;

impl World {
    /// The connector goes down: for so many seconds, or until it is told to come up.
    pub fn go_down(&mut self, seconds: Option<u64>, now: Timestamp) {
        self.down.begin(seconds, now);
    }

    /// The connector comes up.
    pub fn come_up(&mut self) {
        self.down = Downtime::Up;
    }

    /// Whether the connector is down at `now`.
    pub fn is_down(&self, now: Timestamp) -> bool {
        self.down.is_on(now)
    }

    /// Comes up if it is time.
    pub(super) fn come_up_if_due(&mut self, now: Timestamp) -> bool {
        let due = self.down != Downtime::Up && !self.is_down(now);
        if due {
            self.come_up();
        }
        due
    }
}
