//! Chunks of evidence that no change shows, read from the service's folder beside it: what was fetched by
//! who died, or broke off, before it was whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tokio::time::MissedTickBehavior;

use super::harness::TICK;

/// The chunks of a folder.
pub struct Leftovers(Connection);

impl Leftovers {
    /// Those of a folder that a service may have open.
    pub fn of(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(data.join("verilane.db"), flags).unwrap())
    }

    /// How many there are.
    pub fn chunks(&self) -> u32 {
        self.count("SELECT count(*) FROM chunks WHERE evidence NOT IN (SELECT id FROM evidence)")
    }

    fn count(&self, query: &str) -> u32 {
        let count = self.0.query_row(query, [], |row| row.get(0));
        count.unwrap()
    }

    /// Waits until there are none, and nothing remembers that there were.
    pub async fn are_gone(&self) {
        let mut looks = tokio::time::interval(TICK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let notes = "SELECT count(*) FROM unshown_evidence";
        while self.chunks() > 0 || self.count(notes) > 0 {
            looks.tick().await;
        }
    }
}
