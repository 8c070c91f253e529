//! One time for the binary and the sandbox, in the test's hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use verilane_core::Timestamp;
use verilane_core::clock::{Clock, FileClock};

/// A file that dictates the time. Runs beside the system's time until it is set.
pub struct TestClock {
    path: PathBuf,
    ahead: Mutex<Duration>,
}

impl TestClock {
    /// A clock that begins with the system's time.
    pub fn new(folder: &Path) -> Self {
        let clock = Self {
            path: folder.join("clock"),
            ahead: Mutex::default(),
        };
        clock.write("+0");
        clock
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        FileClock::new(&self.path).now()
    }

    /// Stands still at a time from now on.
    pub fn stop_at(&self, time: Timestamp) {
        self.write(&time.as_millis().to_string());
    }

    /// Runs on, this much further ahead of the system's time.
    pub fn advance(&self, by: Duration) {
        let mut ahead = self.ahead.lock();
        *ahead += by;
        self.write(&format!("+{}", ahead.as_millis()));
    }

    /// Whoever reads the file reads the old time or the new one, never half of it.
    fn write(&self, text: &str) {
        let unfinished = self.path.with_extension("new");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(&unfinished, &self.path).unwrap();
    }
}
