//! Ends the task that comes to a moment, as the end of the process would, once.

use parking_lot::Mutex;
use tokio::sync::watch;
use verilane_engine::{CrashPoint, CrashPoints};

pub struct Doom {
    at: Mutex<Option<CrashPoint>>,
    struck: watch::Sender<Option<CrashPoint>>,
}

impl Doom {
    pub fn new() -> Self {
        Self {
            at: Mutex::default(),
            struck: watch::Sender::new(None),
        }
    }

    pub fn set(&self, point: Option<CrashPoint>) {
        *self.at.lock() = point;
        self.struck.send_replace(None);
    }

    /// Waits until it has struck; says where.
    pub async fn strikes(&self) -> CrashPoint {
        let mut struck = self.struck.subscribe();
        // The sender is our own, and stays.
        let point = struck.wait_for(Option::is_some).await.unwrap();
        point.unwrap()
    }
}

impl CrashPoints for Doom {
    fn reached(&self, point: CrashPoint) {
        let mut at = self.at.lock();
        if *at == Some(point) {
            *at = None;
            drop(at);
            self.struck.send_replace(Some(point));
            std::panic::resume_unwind(Box::new("the process ends here"));
        }
    }
}
