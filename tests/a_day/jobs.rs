//! When the service has something to do by itself, read from its folder beside it: a test that steps
//! the clock has to know where the next step leads, and whether what was due is done.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use verilane_core::Timestamp;

/// The service's jobs, as they stand in its folder.
pub struct Jobs(Connection);

impl Jobs {
    /// Those of a folder that a service has open.
    pub fn of(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(data.join("verilane.db"), flags).unwrap())
    }

    /// When the next one is due; none while one that was due is not done.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let query = "SELECT min(ready), count(leased_until > ?1 OR NULL) FROM jobs";
        let mut query = self.0.prepare_cached(query).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (next, running): (Option<i64>, u32) = query.query_row([now.as_micros()], read).unwrap();
        let next = next.map_or(Timestamp::MAX, Timestamp::from_micros);
        (running == 0 && next > now).then_some(next)
    }
}
