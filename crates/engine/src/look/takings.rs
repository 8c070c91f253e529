//! Whose claims are being taken by this process: of each attempt's by one look at a time.
//!
//! Kept in memory: it spares the provider and the disk. That claims are taken once, the commit sees to.

use std::collections::HashSet;

use parking_lot::Mutex;
use verilane_core::JobAbout;

/// The attempts whose claims are being taken.
#[derive(Default)]
pub(crate) struct Takings(Mutex<HashSet<JobAbout>>);

/// The claims of one attempt are being taken, until this is dropped.
pub(super) struct Taking<'a> {
    all: &'a Takings,
    about: JobAbout,
}

impl Takings {
    /// Begins; none if somebody else has begun and not ended.
    pub(super) fn begin(&self, about: JobAbout) -> Option<Taking<'_>> {
        let is_first = self.0.lock().insert(about);
        // Made only then: dropping one ends it.
        is_first.then(|| Taking { all: self, about })
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.about);
    }
}
