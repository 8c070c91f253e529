//! Rows that the writer remembers, so that it need not read back what it wrote.
//!
//! Holds committed rows only: nobody else writes, so a row here is the row in the database. Bounded:
//! two generations, of which the older one goes when the younger one is full.

use std::collections::HashMap;

use verilane_core::{Verification, VerificationId};

/// Rows in a generation. A row is a kilobyte or two.
const GENERATION: usize = 1_024;

/// The newest rows.
#[derive(Default)]
pub(super) struct KnownRows {
    young: HashMap<VerificationId, Verification>,
    old: HashMap<VerificationId, Verification>,
}

impl KnownRows {
    /// Whether a row is known; keeps it for a while longer.
    pub(super) fn recall(&mut self, id: VerificationId) -> bool {
        if self.young.contains_key(&id) {
            return true;
        }
        match self.old.remove(&id) {
            Some(row) => {
                self.remember(row);
                true
            }
            None => false,
        }
    }

    /// A row that was just recalled.
    pub(super) fn get(&self, id: VerificationId) -> Option<&Verification> {
        self.young.get(&id)
    }

    /// Takes a row as it is committed now.
    pub(super) fn remember(&mut self, row: Verification) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&row.id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&row.id);
        self.young.insert(row.id, row);
    }

    /// Forgets everything: what is committed is no longer certain.
    pub(super) fn forget(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
