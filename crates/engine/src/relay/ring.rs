//! The newest events, bounded in number.
//!
//! Invariant: sequences in the ring follow one another without a gap. A gap in what is pushed (after
//! a commit whose outcome was unknown, the store may have told of nothing) empties the ring first,
//! and readers go to the store. What is pushed late is not taken.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use verilane_core::Sequence;

use super::Entry;

/// The ring does not reach back so far; the store does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Behind;

pub(super) struct Ring {
    entries: RwLock<VecDeque<Arc<Entry>>>,
    capacity: usize,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: RwLock::default(),
            capacity: capacity.max(1),
        }
    }

    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut entries = self.entries.write();
        match entries.back().map(|last| last.sequence) {
            Some(last) if entry.sequence <= last => return,
            Some(last) if entry.sequence != last.next() => entries.clear(),
            _ => {}
        }
        if entries.len() >= self.capacity {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// Up to `limit` entries after `after`.
    pub(super) fn read_after(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, Behind> {
        let entries = self.entries.read();
        let first = entries.front().ok_or(Behind)?.sequence;
        let skip = after.next().0.checked_sub(first.0).ok_or(Behind)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(entries.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::{ConnectionName, ProviderName, Revision, State, VerificationId};

    use super::*;

    fn entry(sequence: u64) -> Arc<Entry> {
        Arc::new(Entry {
            sequence: Sequence(sequence),
            verification: VerificationId::from_bytes([0; 16]),
            revision: Revision(sequence),
            connection: ConnectionName::new("c").unwrap(),
            provider: ProviderName::new("p").unwrap(),
            state_before: None,
            state_after: State::Pending,
            attempt: 1,
            retryable: false,
            bytes: None,
        })
    }

    fn read(ring: &Ring, after: u64) -> Result<Vec<u64>, Behind> {
        Ok(ring
            .read_after(Sequence(after), 10)?
            .iter()
            .map(|e| e.sequence.0)
            .collect())
    }

    #[test]
    fn a_cursor_that_fell_behind_is_told_so_and_one_in_reach_misses_nothing() {
        let ring = Ring::new(3);
        assert_eq!(read(&ring, 0), Err(Behind));
        for sequence in 5..=9 {
            ring.push(entry(sequence));
        }
        assert_eq!(read(&ring, 5), Err(Behind));
        assert_eq!(read(&ring, 6), Ok(vec![7, 8, 9]));
        assert_eq!(read(&ring, 8), Ok(vec![9]));
        assert_eq!(read(&ring, 9), Ok(vec![]));
    }

    #[test]
    fn a_gap_empties_the_ring() {
        let ring = Ring::new(3);
        ring.push(entry(1));
        ring.push(entry(3));
        assert_eq!(read(&ring, 1), Err(Behind));
        assert_eq!(read(&ring, 2), Ok(vec![3]));
    }

    #[test]
    fn what_is_pushed_late_changes_nothing() {
        let ring = Ring::new(3);
        for sequence in [1, 2, 3, 2, 3] {
            ring.push(entry(sequence));
        }
        assert_eq!(read(&ring, 0), Ok(vec![1, 2, 3]));
    }
}
