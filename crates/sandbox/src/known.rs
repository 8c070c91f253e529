//! A world that server, driver and handles share: looked at, changed, and waited for.
//!
//! Whoever changes it says so twice: to the driver, which may have something new to do or to wait
//! for, and to those who wait for a state of affairs. The lock is never held across a wait.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use verilane_core::{SharedClock, Timestamp};

/// A world, with the clock that it goes by.
pub struct Known<W> {
    world: Mutex<W>,
    clock: SharedClock,
    wake: Notify,
    changes: watch::Sender<()>,
    closing: watch::Sender<bool>,
}

impl<W> Known<W> {
    /// Shares a world until `closing` says true.
    pub fn new(world: W, clock: SharedClock, closing: watch::Sender<bool>) -> Self {
        Self {
            world: Mutex::new(world),
            clock,
            wake: Notify::new(),
            changes: watch::Sender::new(()),
            closing,
        }
    }

    /// Looks at the world.
    pub fn look<T>(&self, look: impl FnOnce(&W, Timestamp) -> T) -> T {
        let world = self.world.lock();
        look(&world, self.clock.now())
    }

    /// Changes the world, and lets everybody know.
    pub fn change<T>(&self, change: impl FnOnce(&mut W, Timestamp) -> T) -> T {
        let result = self.change_quietly(change);
        self.wake.notify_one();
        self.changes.send_replace(());
        result
    }

    /// Changes the world without a word: for the driver, which tells of it itself if there is
    /// something to tell.
    pub fn change_quietly<T>(&self, change: impl FnOnce(&mut W, Timestamp) -> T) -> T {
        let mut world = self.world.lock();
        change(&mut world, self.clock.now())
    }

    /// Lets those who wait look again.
    pub fn tell(&self) {
        self.changes.send_replace(());
    }

    /// Looks at the world, after each change again, until there is something to see; for at most
    /// `limit` of real time, and not once the sandbox closes.
    pub async fn wait<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&W, Timestamp) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let mut closing = self.closing.subscribe();
        let seen = async {
            loop {
                if let Some(seen) = self.look(&mut look) {
                    return Some(seen);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::select! {
            seen = tokio::time::timeout(limit, seen) => seen.ok().flatten(),
            _ = closing.wait_for(|closing| *closing) => None,
        }
    }

    /// Ends once the world was changed by somebody else than the driver.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Ends once a time has come; never if there is none.
    pub async fn due(&self, due: Option<Timestamp>) {
        match due {
            Some(at) => self.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
