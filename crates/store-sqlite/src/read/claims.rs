//! Claims and evidence.

use rusqlite::{Connection, OptionalExtension, Result, params};
use verilane_core::{
    Assurance, Checks, ClaimName, DocumentType, EvidenceId, EvidenceKind, EvidenceRecord, Sealed,
    StoredClaim, VerificationId,
};

use crate::columns::Cells;

const CLAIMS: &str = "SELECT verification, attempt, field, name, document, value, evidence, pepper, \
     revision, provider_time, receive_time, assurance, key_fingerprint, imported, checks, \
     provider_document \
     FROM claims WHERE verification = ?1 ORDER BY field";

const EVIDENCE: &str = "SELECT id, verification, attempt, kind, field, size, chunks, description, \
     revision, receive_time FROM evidence WHERE verification = ?1 ORDER BY receive_time, id";

// A chunk shows only once a change has named its evidence.
const CHUNK: &str = "SELECT c.bytes FROM chunks c JOIN evidence e ON e.id = c.evidence \
     WHERE c.evidence = ?1 AND c.number = ?2";

/// The claims that came for a verification, by field.
pub(crate) fn claims(connection: &Connection, id: VerificationId) -> Result<Vec<StoredClaim>> {
    connection
        .prepare_cached(CLAIMS)?
        .query_map([id.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(StoredClaim {
                verification: cells.verification()?,
                attempt: cells.count()?,
                field: cells.get()?,
                name: cells.word(ClaimName::from_name)?,
                document: cells.maybe_word(DocumentType::from_name)?,
                value: cells.sealed()?,
                evidence: cells.maybe_id(EvidenceId::from_bytes)?,
                pepper: cells.maybe_sealed()?,
                revision: cells.revision()?,
                provider_time: cells.maybe_time()?,
                receive_time: cells.time()?,
                assurance: cells.word(Assurance::from_name)?,
                key_fingerprint: cells.get()?,
                imported: cells.get()?,
                checks: cells.maybe_number(Checks::from_bits)?,
                provider_document: cells.maybe_sealed()?,
            })
        })?
        .collect()
}

/// The evidence of a verification, oldest first.
pub(crate) fn evidence(connection: &Connection, id: VerificationId) -> Result<Vec<EvidenceRecord>> {
    connection
        .prepare_cached(EVIDENCE)?
        .query_map([id.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(EvidenceRecord {
                id: cells.id(EvidenceId::from_bytes)?,
                verification: cells.verification()?,
                attempt: cells.count()?,
                kind: cells.word(EvidenceKind::from_name)?,
                field: cells.get()?,
                size: cells.count()?,
                chunks: cells.count()?,
                description: cells.sealed()?,
                revision: cells.revision()?,
                receive_time: cells.time()?,
            })
        })?
        .collect()
}

/// One chunk of evidence.
pub(crate) fn chunk(
    connection: &Connection,
    evidence: EvidenceId,
    number: u32,
) -> Result<Option<Sealed>> {
    connection
        .prepare_cached(CHUNK)?
        .query_row(params![evidence.as_bytes(), number], |row| {
            Cells::of(row).sealed()
        })
        .optional()
}
