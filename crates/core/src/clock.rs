//! The only source of time in the service.
//!
//! [`SystemClock`] is what `serve` runs on. [`ManualClock`] is for tests in one process.
//! [`FileClock`] lets several processes (the binary, the sandbox, a test that drives both) share
//! one controllable time; only a `dev` configuration can name it. I/O time-outs stay on real time
//! and use none of these.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::Timestamp;

/// A future that ends when a clock has reached a time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time, and waits for one.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Ends once `now()` is at or after `deadline`. Cancel-safe.
    fn sleep_until(&self, deadline: Timestamp) -> Sleep;
}

/// A clock that is handed around.
pub type SharedClock = Arc<dyn Clock>;

fn system_now() -> Timestamp {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where the system's time enters"
    )]
    let now = SystemTime::now();
    let micros = match now.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    Timestamp::from_micros(micros)
}

/// How long one nap of [`SystemClock`] lasts at most, so that a step of the system's time is
/// noticed.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The system's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        system_now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        Box::pin(async move {
            loop {
                let now = system_now();
                if now >= deadline {
                    return;
                }
                tokio::time::sleep(deadline.since(now).min(LONGEST_NAP)).await;
            }
        })
    }
}

/// A time that stands still until it is set.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(start)))
    }

    /// Moves to `now`, and wakes whoever waited for a time up to it.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = *now + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        let mut time = self.0.subscribe();
        // The sender lives in the clock itself; without it nothing can move time any more.
        let sender = Arc::clone(&self.0);
        Box::pin(async move {
            let _ = time.wait_for(|now| *now >= deadline).await;
            drop(sender);
        })
    }
}

/// A time that a file dictates: `1677255500000` stands still there (Unix milliseconds),
/// `+90000` runs 90 s ahead of the system's time, `-90000` behind it. The file is read at each
/// look; while it is missing or not readable as above, the system's time is used.
#[derive(Clone, Debug)]
pub struct FileClock(PathBuf);

/// How often a waiting [`FileClock`] looks at its file.
const FILE_LOOK: Duration = Duration::from_millis(5);

impl FileClock {
    /// A clock that follows the file at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let Ok(text) = std::fs::read_to_string(&self.0) else {
            return system_now();
        };
        let text = text.trim();
        match (text.parse::<i64>(), text.starts_with(['+', '-'])) {
            (Ok(millis), false) => Timestamp::from_millis(millis),
            (Ok(offset), true) => Timestamp::from_micros(
                system_now()
                    .as_micros()
                    .saturating_add(offset.saturating_mul(1_000)),
            ),
            (Err(_), _) => system_now(),
        }
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            while clock.now() < deadline {
                tokio::time::sleep(FILE_LOOK).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_their_time_has_come() {
        let clock = ManualClock::new(Timestamp::from_secs(10));
        let sleep = clock.sleep_until(Timestamp::from_secs(12));
        let sleeper = tokio::spawn(sleep);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Timestamp::from_secs(11));
        clock.set(Timestamp::from_secs(12));
        sleeper.await.unwrap();
    }

    #[test]
    fn a_file_clock_stands_still_or_runs_beside_the_systems_time() {
        let dir = std::env::temp_dir().join(format!("verilane-clock-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("time");
        let clock = FileClock::new(&path);
        std::fs::write(&path, "1677255500000\n").unwrap();
        assert_eq!(clock.now(), Timestamp::from_secs(1_677_255_500));
        std::fs::write(&path, "+3600000").unwrap();
        assert!(clock.now() > system_now() + Duration::from_secs(3_500));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
