//! How many bytes of callbacks may be in memory at once.
//!
//! Invariant: nobody waits for room. Several half-read bodies that each wait for the others' room
//! would wait for ever; whoever finds none is refused, and its provider comes again.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room for all bodies together.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Room that one body has taken. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    budget: Budget,
    taken: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// No room yet.
    pub(crate) fn nothing(&self) -> Room {
        Room {
            budget: self.clone(),
            taken: None,
        }
    }
}

impl Room {
    /// Takes room for so many bytes more, or says that there is none.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let Ok(bytes) = u32::try_from(bytes) else {
            return false;
        };
        let Ok(more) = Arc::clone(&self.budget.0).try_acquire_many_owned(bytes) else {
            return false;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_when_its_body_is_gone() {
        let budget = Budget::new(100);
        let mut one = budget.nothing();
        let mut other = budget.nothing();
        assert!(one.grow(60) && one.grow(30));
        assert!(!other.grow(11));
        assert!(other.grow(10));
        drop(one);
        assert!(other.grow(90));
        assert!(!other.grow(1));
    }

    #[test]
    fn more_than_all_room_is_refused_whatever_its_size() {
        let mut room = Budget::new(usize::MAX).nothing();
        assert!(!room.grow(usize::MAX));
    }
}
