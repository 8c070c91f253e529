//! Which exchanges are under way in this process.
//!
//! Invariant: an attempt has one at most. A lease of its job keeps others away for a time, and time can
//! leap; whoever would send a code twice at once could take the refusal of the one for the end of both.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use verilane_core::{JobAbout, Timestamp};

/// The exchanges under way, each with when its job was due.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<JobAbout, Timestamp>>);

/// One of them, as long as it lives.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    about: JobAbout,
}

/// Why none begins.
#[derive(Debug)]
pub(super) enum UnderWay {
    /// One is under way, and says when it ends when the next is due.
    ItsEndSays,
    /// One has just said when the next is due: now.
    IsEnding,
}

impl Turns {
    /// Begins one, unless it is under way. A job that is still due when it was is still the same.
    pub(super) fn begin(&self, about: JobAbout, due: Timestamp) -> Result<Turn<'_>, UnderWay> {
        let turns = self;
        match self.0.lock().entry(about) {
            Entry::Vacant(place) => {
                place.insert(due);
                Ok(Turn { turns, about })
            }
            Entry::Occupied(other) if *other.get() == due => Err(UnderWay::ItsEndSays),
            Entry::Occupied(_) => Err(UnderWay::IsEnding),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.0.lock().remove(&self.about);
    }
}
