//! What a sandbox is told when it starts, and how starting or running it can fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use verilane_core::SharedClock;

use crate::civic_pass::CivicPassScenario;
use crate::civic_sip::CivicSipSetup;
use crate::scenario::Scenario;

/// The unit of [`SandboxConfig::callback_topics`] (`NATS_CALLBACK_DURATION` of a real connector).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallbackUnit {
    /// Seconds.
    Second,
    /// Minutes.
    #[default]
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
}

impl CallbackUnit {
    /// The unit that a real connector's setting of this text means.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "Second" => Some(Self::Second),
            "Minute" => Some(Self::Minute),
            "Hour" => Some(Self::Hour),
            "Day" => Some(Self::Day),
            _ => None,
        }
    }

    /// `count` of the unit.
    #[must_use]
    pub const fn times(self, count: u64) -> Duration {
        let seconds = match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        Duration::from_secs(count.saturating_mul(seconds))
    }
}

/// How a sandbox is set up.
#[derive(Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The time that everything but socket time-outs goes by.
    pub clock: SharedClock,
    /// What keys, people, ids and shuffles are drawn from.
    pub seed: u64,
    /// What users do and what goes wrong, for users without a scenario of their own.
    pub scenario: Scenario,
    /// The gaps between the tries of a callback that was not answered 200, in `callback_unit`
    /// (`NATS_CALLBACK_TOPICS` of a real connector). After the last one the connector gives up.
    pub callback_topics: Vec<u64>,
    /// The unit of `callback_topics`.
    pub callback_unit: CallbackUnit,
    /// How long after one status the next one comes, by the clock.
    pub step: Duration,
    /// How many accepting users there are beside those with a role.
    pub load_users: u32,
    /// How long a callback may take to be answered, in real time.
    pub callback_timeout: Duration,
    /// What becomes of Civic Pass's PII requests, and what goes wrong with its token endpoint.
    pub civic_pass: CivicPassScenario,
    /// The public key that partner JWTs are verified with: a P-256 point in hex. One whose
    /// private key the sandbox tells if left out.
    pub civic_pass_public_key: Option<String>,
    /// Civic SIP's application, and what its tokens and answers are like.
    pub civic_sip: CivicSipSetup,
    /// Where Civic's storage listens; beside `listen`, on a port that the system chooses, if left
    /// out.
    pub storage_listen: Option<SocketAddr>,
    /// How many callbacks may be on the wire at the same time, over all requests.
    pub callbacks_at_once: usize,
}

impl SandboxConfig {
    /// The usual set-up: a loopback port chosen by the system, seed 1, users who do what their role
    /// says, the documentation's own retry gaps, a second from status to status.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            clock,
            seed: 1,
            scenario: Scenario::default(),
            callback_topics: vec![1, 5, 10, 120, 124_000],
            callback_unit: CallbackUnit::Minute,
            step: Duration::from_secs(1),
            load_users: 200,
            callback_timeout: Duration::from_secs(10),
            callbacks_at_once: 64,
            civic_pass: CivicPassScenario::default(),
            civic_pass_public_key: None,
            civic_sip: CivicSipSetup::default(),
            storage_listen: None,
        }
    }
}

impl std::fmt::Debug for SandboxConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxConfig")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("scenario", &self.scenario)
            .field("callback_topics", &self.callback_topics)
            .field("callback_unit", &self.callback_unit)
            .field("step", &self.step)
            .field("civic_pass", &self.civic_pass)
            .field("civic_sip", &self.civic_sip)
            .field("load_users", &self.load_users)
            .finish_non_exhaustive()
    }
}

/// Why a sandbox could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could not be listened on. Retrying helps once it is free.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server's socket failed while running. Retrying helps.
    #[error("the sandbox's server failed")]
    Serve(#[from] std::io::Error),
    /// The client that makes callbacks could not be set up. Retrying does not help.
    #[error("the sandbox's callback client cannot be set up")]
    Client(#[from] reqwest::Error),
    /// Civic SIP is not set up as it can be. Retrying does not help.
    #[error("the sandbox's Civic SIP cannot be set up: {0}")]
    CivicSip(&'static str),
    /// OpenSSL could not make or read a key, or make a signature. Retrying does not help.
    #[error("the sandbox cannot make or read a key, or sign")]
    Sign(#[from] openssl::error::ErrorStack),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_go_by_their_documented_names() {
        for unit in [
            CallbackUnit::Second,
            CallbackUnit::Minute,
            CallbackUnit::Hour,
            CallbackUnit::Day,
        ] {
            assert_eq!(CallbackUnit::named(&format!("{unit:?}")), Some(unit));
        }
        assert_eq!(CallbackUnit::named("second"), None);
    }

    #[test]
    fn the_documented_last_gap_is_86_days() {
        let gap = CallbackUnit::Minute.times(124_000);
        assert_eq!(gap.as_secs() / CallbackUnit::Day.times(1).as_secs(), 86);
        assert_eq!(CallbackUnit::Hour.times(2), CallbackUnit::Minute.times(120));
        assert_eq!(
            CallbackUnit::Day.times(u64::MAX),
            Duration::from_secs(u64::MAX)
        );
    }
}
