//! Crash points on both sides of each call of Civic: a call that is kept standing there, so that whoever
//! made it can be killed while it waits.
//!
//! Invariant: a stop is for one call. Who waits for it is told only once the call stands there, and with
//! [`CallSide::After`] only if the call has taken effect.

use serde::{Deserialize, Serialize};

use super::scenario::CivicPassEndpoint;

/// On which side of its effect a call is kept standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallSide {
    /// It has come, and never takes effect.
    Before,
    /// It has taken effect, and is never answered.
    After,
}

/// The next call of an endpoint is kept standing. Nothing goes wrong with it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CallStop {
    /// Of which endpoint.
    pub endpoint: CivicPassEndpoint,
    /// On which side.
    pub side: CallSide,
}

/// The stop that was asked for last.
#[derive(Debug, Default)]
pub struct Stops {
    asked: Option<CallStop>,
    /// How many calls were kept standing.
    stood: u64,
}

impl Stops {
    /// Asks for a stop in place of the one that was asked for before. How many calls stood by then.
    pub fn ask(&mut self, stop: CallStop) -> u64 {
        self.asked = Some(stop);
        self.stood
    }

    /// No call is kept standing any more.
    pub fn forget(&mut self) {
        self.asked = None;
    }

    /// The side on which a call of an endpoint is to stand, if one is.
    pub fn side(&self, endpoint: CivicPassEndpoint) -> Option<CallSide> {
        let stop = self.asked.filter(|stop| stop.endpoint == endpoint)?;
        Some(stop.side)
    }

    /// A call of an endpoint comes to a side of its effect: whether it is kept standing there.
    pub fn stands(&mut self, endpoint: CivicPassEndpoint, side: CallSide) -> bool {
        let stands = self.asked == Some(CallStop { endpoint, side });
        if stands {
            self.asked = None;
            self.stood += 1;
        }
        stands
    }

    /// How many calls were kept standing.
    pub const fn stood(&self) -> u64 {
        self.stood
    }
}
