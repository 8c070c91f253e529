//! One transaction: changes written one after the other, each whole or not at all.
//!
//! Sequences are handed out here, from the one head row that the transaction reads and writes, and
//! only to changes that hold; so are the links of the audit chain. Nothing here is durable before
//! the caller commits.

use std::collections::HashMap;

use rusqlite::{Connection, Result, params};
use verilane_core::{
    AuditHash, AuditRecord, Change, Committed, Revision, SeenWrite, Sequence, Verification,
    VerificationId, VerificationWrite, audit_link,
};
use verilane_store::{CommitError, Conflict};

use super::known::KnownRows;
use super::statements::Statements;
use super::{check, purge, row, tables};
use crate::columns::{Cells, int};
use crate::read;

/// What became of one change.
pub(super) enum Verdict {
    /// It stands once the batch does.
    Holds(Committed),
    /// It stood already.
    Repeats(Committed),
    /// Nothing of it stands.
    Refused(CommitError),
}

/// The ends of the log and of the audit chain.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    last: Sequence,
    purged_to: Sequence,
    audit_number: u64,
    audit_link: AuditHash,
}

/// A transaction under way.
pub(super) struct Batch<'b, 'c> {
    connection: &'c Connection,
    statements: &'b mut Statements<'c>,
    rows: &'b mut KnownRows,
    /// Rows written in this transaction, which may yet be rolled back.
    written: HashMap<VerificationId, &'b Verification>,
    found: Ends,
    ends: Ends,
}

impl<'b, 'c> Batch<'b, 'c> {
    /// Begins a transaction.
    pub(super) fn begin(
        connection: &'c Connection,
        statements: &'b mut Statements<'c>,
        rows: &'b mut KnownRows,
    ) -> Result<Self> {
        statements.begin.execute([])?;
        let found = statements.head.query_row([], |row| {
            let mut cells = Cells::of(row);
            Ok(Ends {
                last: cells.sequence()?,
                purged_to: cells.sequence()?,
                audit_number: cells.count()?,
                audit_link: cells.get()?,
            })
        })?;
        Ok(Self {
            connection,
            statements,
            rows,
            written: HashMap::new(),
            found,
            ends: found,
        })
    }

    /// Writes the head row; the transaction can be committed then.
    pub(super) fn finish(self) -> Result<Sequence> {
        if self.ends != self.found {
            self.statements.set_head.execute(params![
                int(self.ends.last.0),
                int(self.ends.purged_to.0),
                int(self.ends.audit_number),
                self.ends.audit_link,
            ])?;
        }
        Ok(self.ends.last)
    }

    /// Takes one change. After an error the whole transaction must be rolled back.
    pub(super) fn take(&mut self, change: &'b Change) -> Result<Verdict> {
        if let Err(fault) = check::sense(change) {
            return Ok(Verdict::Refused(CommitError::Invalid(fault.to_owned())));
        }
        // Its id first: one insert asks and answers whether the change is new.
        let id = change.id.as_bytes();
        let (first, count) = (self.ends.last.next(), change.events.len() as u64);
        let values = params![id, change.time.as_micros(), int(first.0), int(count)];
        if self.statements.add_change.execute(values)? == 0 {
            let committed = self
                .statements
                .change
                .query_row([id], read::events::committed)?;
            return Ok(Verdict::Repeats(committed));
        }
        if let Some(refusal) = self.refusal(change)? {
            self.statements.drop_change.execute([id])?;
            return Ok(Verdict::Refused(refusal));
        }
        self.write(change, first).map(Verdict::Holds)
    }

    /// Why a change can't stand. What it has seen is noted if it can.
    fn refusal(&mut self, change: &Change) -> Result<Option<CommitError>> {
        if let Some(write) = &change.verification
            && self.revision(write.row.id)? != write.expected
        {
            return Ok(Some(Conflict::Revision.into()));
        }
        if let Some(conflict) = check::conflict(self.statements, change)? {
            return Ok(Some(conflict.into()));
        }
        let invalid = |fault: &str| Ok(Some(CommitError::Invalid(fault.to_owned())));
        if !self.has_all_chunks(change)? {
            return invalid("evidence without all of its chunks");
        }
        if !self.knows_whose(change)? {
            return invalid("an identity seen of a verification that does not exist");
        }
        if !self.note(&change.seen)? {
            return Ok(Some(Conflict::Seen.into()));
        }
        Ok(None)
    }

    /// Whether every identity is of a verification that stands, or that this change makes.
    fn knows_whose(&mut self, change: &Change) -> Result<bool> {
        let own = change.verification.as_ref().map(|write| write.row.id);
        for seen in &change.seen {
            let (SeenWrite::First(key) | SeenWrite::Again(key)) = seen;
            if own != Some(key.verification) && self.revision(key.verification)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes what was seen. False, with nothing noted, if something seen first was noted before:
    /// the insert that notes it is the question, since it nearly always is new.
    fn note(&mut self, seen: &[SeenWrite]) -> Result<bool> {
        for (done, write) in seen.iter().enumerate() {
            let (statement, key) = match write {
                SeenWrite::First(key) => (&mut self.statements.add_seen, key),
                SeenWrite::Again(key) => (&mut self.statements.count_seen, key),
            };
            let id = key.verification.as_bytes();
            let noted = statement.execute(params![id, key.attempt, key.identity])?;
            if noted == 0 && matches!(write, SeenWrite::First(_)) {
                self.forget(seen.get(..done).unwrap_or_default())?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn forget(&mut self, noted: &[SeenWrite]) -> Result<()> {
        for write in noted {
            let (statement, key) = match write {
                SeenWrite::First(key) => (&mut self.statements.drop_seen, key),
                SeenWrite::Again(key) => (&mut self.statements.uncount_seen, key),
            };
            let id = key.verification.as_bytes();
            statement.execute(params![id, key.attempt, key.identity])?;
        }
        Ok(())
    }

    /// The revision that stands; the row is known afterwards.
    fn revision(&mut self, id: VerificationId) -> Result<Option<Revision>> {
        if let Some(row) = self.written.get(&id) {
            return Ok(Some(row.revision));
        }
        if !self.rows.recall(id) {
            match read::verification::whole(self.connection, id)? {
                Some((row, _)) => self.rows.remember(row),
                None => return Ok(None),
            }
        }
        Ok(self.rows.get(id).map(|row| row.revision))
    }

    fn has_all_chunks(&mut self, change: &Change) -> Result<bool> {
        for record in &change.evidence {
            let values = params![record.id.as_bytes(), record.chunks];
            let count: u32 = self
                .statements
                .chunk_count
                .query_row(values, |row| row.get(0))?;
            if count != record.chunks {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, change: &'b Change, first: Sequence) -> Result<Committed> {
        let last = Sequence(self.ends.last.0.saturating_add(change.events.len() as u64));
        self.ends.last = last;
        if let Some(write) = &change.verification {
            self.verification(write, last)?;
            if change.forget {
                tables::forget(self.statements, write.row.id)?;
            }
            tables::lookups(self.statements, write.row.id, change)?;
        }
        for (sequence, event) in (first.0..).zip(&change.events) {
            tables::event(self.statements, Sequence(sequence), event)?;
        }
        if let Some(slot) = &change.slot {
            tables::slot(self.statements, slot)?;
        }
        if let Some(binding) = &change.binding {
            tables::binding(self.statements, binding)?;
        }
        for claim in &change.claims {
            tables::claim(self.statements, claim)?;
        }
        for record in &change.evidence {
            tables::evidence(self.statements, record)?;
        }
        if let Some(record) = &change.idempotency {
            tables::request(self.statements, record)?;
        }
        for job in &change.jobs {
            tables::job(self.statements, job)?;
        }
        for record in &change.audit {
            self.audit(record)?;
        }
        if let Some(id) = &change.log {
            self.statements.rename_log.execute([id.as_bytes()])?;
        }
        let purge_unfinished = match &change.purge {
            Some(purge) => purge::purge(self.statements, purge, &mut self.ends.purged_to)?,
            None => false,
        };
        if purge_unfinished {
            let id = change.id.as_bytes();
            self.statements.purge_is_unfinished.execute([id])?;
        }
        Ok(Committed {
            sequences: (first.0..)
                .take(change.events.len())
                .map(Sequence)
                .collect(),
            purge_unfinished,
        })
    }

    fn verification(&mut self, write: &'b VerificationWrite, last: Sequence) -> Result<()> {
        let id = write.row.id;
        let old = self.written.get(&id).copied().or_else(|| self.rows.get(id));
        // A row that must not exist yet is not known either.
        row::write(self.statements, old, &write.row, last)?;
        self.written.insert(id, &write.row);
        Ok(())
    }

    fn audit(&mut self, record: &AuditRecord) -> Result<()> {
        let number = self.ends.audit_number.saturating_add(1);
        let link = audit_link(&self.ends.audit_link, number, &record.digest());
        self.statements.add_audit.execute(params![
            int(number),
            link,
            record.time.as_micros(),
            record.principal.as_str(),
            record.action.as_str(),
            record.verification.as_ref().map(|id| id.as_bytes()),
            record.details.as_ref().map(|sealed| sealed.as_bytes()),
            record.details_digest(),
        ])?;
        for (position, name) in record.subject_matter.iter().enumerate() {
            let values = params![int(number), int(position as u64), name];
            self.statements.add_audit_matter.execute(values)?;
        }
        self.ends.audit_number = number;
        self.ends.audit_link = link;
        Ok(())
    }
}
