//! Which events a watch is about, and the mark by which a token knows its filter.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sha3::{Digest, Sha3_256};
use verilane_core::{ConnectionName, LogId, ProviderName, State, VerificationId};

use super::token::TokenMaker;
use crate::relay::Entry;

/// Sets of connections, providers and states; an empty set lets everything pass. Holds nothing that
/// erasure takes away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// The event's connection is one of these.
    pub connections: Vec<ConnectionName>,
    /// The event's provider is one of these.
    pub providers: Vec<ProviderName>,
    /// The state before or after the event is one of these, so that leaving the filter is seen.
    pub states: Vec<State>,
}

/// The mark of a filter.
pub(super) type FilterHash = [u8; 8];

impl EventFilter {
    /// The same filter in one form: sorted, nothing twice.
    pub(super) fn canonical(mut self) -> Self {
        self.connections.sort_unstable();
        self.connections.dedup();
        self.providers.sort_unstable();
        self.providers.dedup();
        self.states.sort_unstable_by_key(|s| s.precedence());
        self.states.dedup();
        self
    }

    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let state =
            |state: &State| *state == entry.state_after || Some(*state) == entry.state_before;
        (self.connections.is_empty() || self.connections.contains(&entry.connection))
            && (self.providers.is_empty() || self.providers.contains(&entry.provider))
            && (self.states.is_empty() || self.states.iter().any(state))
    }

    pub(super) fn hash(&self) -> FilterHash {
        let lists = [
            self.connections.iter().map(|c| c.as_str()).collect(),
            self.providers.iter().map(|p| p.as_str()).collect(),
            self.states.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        ];
        let mut hash = Sha3_256::new();
        hash.update(b"filter");
        for list in lists {
            hash.update((list.len() as u64).to_be_bytes());
            for word in list {
                hash.update((word.len() as u64).to_be_bytes());
                hash.update(word.as_bytes());
            }
        }
        short(hash)
    }
}

/// The mark of a watch of one verification.
pub(super) fn hash_of_one(id: VerificationId) -> FilterHash {
    let mut hash = Sha3_256::new();
    hash.update(b"verification");
    hash.update(id.as_bytes());
    short(hash)
}

fn short(hash: Sha3_256) -> FilterHash {
    let digest: [u8; 32] = hash.finalize().into();
    let mut mark = FilterHash::default();
    mark.copy_from_slice(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
    mark
}

/// The token makers in use, so that watches under one filter share one.
#[derive(Default)]
pub(crate) struct TokenMakers(Mutex<HashMap<FilterHash, Weak<TokenMaker>>>);

/// At how many entries those that nobody uses any more are swept out.
const SWEEP_AT: usize = 1024;

impl TokenMakers {
    pub(super) fn get(&self, log: LogId, filter: FilterHash) -> Arc<TokenMaker> {
        let mut makers = self.0.lock();
        if let Some(maker) = makers.get(&filter).and_then(Weak::upgrade) {
            return maker;
        }
        if makers.len() >= SWEEP_AT && makers.len().is_power_of_two() {
            makers.retain(|_, maker| maker.strong_count() > 0);
        }
        let maker = TokenMaker::new(log, filter);
        makers.insert(filter, Arc::downgrade(&maker));
        maker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_filter_has_the_same_mark_however_it_is_said() {
        let a = EventFilter {
            states: vec![State::Verified, State::Pending, State::Verified],
            ..EventFilter::default()
        };
        let b = EventFilter {
            states: vec![State::Pending, State::Verified],
            ..EventFilter::default()
        };
        assert_eq!(a.canonical().hash(), b.clone().canonical().hash());
        assert_ne!(b.hash(), EventFilter::default().hash());
        let connection = EventFilter {
            connections: vec![ConnectionName::new("x").unwrap()],
            ..EventFilter::default()
        };
        let provider = EventFilter {
            providers: vec![ProviderName::new("x").unwrap()],
            ..EventFilter::default()
        };
        assert_ne!(connection.hash(), provider.hash());
    }
}
