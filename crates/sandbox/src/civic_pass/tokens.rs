//! Access tokens: given out, counted, expiring by the clock, revoked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use verilane_core::Timestamp;

use crate::seed::Seed;

/// How many tokens are remembered at most; beyond that those that expire first are forgotten.
const MOST_TOKENS: usize = 10_000;

/// How many tokens there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenCount {
    /// How many calls the token endpoint has had, refused and troubled ones included.
    pub asked: u64,
    /// How many tokens were given out.
    pub issued: u64,
    /// How many of them still hold.
    pub valid: u64,
}

/// The tokens that hold, and how many there were.
#[derive(Debug, Default)]
pub struct Tokens {
    holding: BTreeMap<String, Timestamp>,
    asked: u64,
    issued: u64,
}

impl Tokens {
    /// The token endpoint is called.
    pub fn asked(&mut self) {
        self.asked += 1;
    }

    /// A new token, for so long.
    pub fn issue(&mut self, seed: Seed, lifetime: Duration, now: Timestamp) -> String {
        self.holding.retain(|_, until| *until > now);
        while self.holding.len() >= MOST_TOKENS {
            let first = self.holding.iter().min_by_key(|(_, until)| **until);
            let Some(first) = first.map(|(token, _)| token.clone()) else {
                break;
            };
            self.holding.remove(&first);
        }
        self.issued += 1;
        let token = seed.hex(&format!("civic-pass/token/{}", self.issued));
        self.holding.insert(token.clone(), now + lifetime);
        token
    }

    /// Whether a token holds.
    pub fn holds(&self, token: &str, now: Timestamp) -> bool {
        self.holding.get(token).is_some_and(|until| *until > now)
    }

    /// None of them holds any more.
    pub fn revoke(&mut self) {
        self.holding.clear();
    }

    /// How many there were.
    pub fn count(&self, now: Timestamp) -> TokenCount {
        let valid = self.holding.values().filter(|until| **until > now).count();
        TokenCount {
            asked: self.asked,
            issued: self.issued,
            valid: u64::try_from(valid).unwrap_or(u64::MAX),
        }
    }
}
