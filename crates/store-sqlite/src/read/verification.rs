//! A verification put together from its rows.

use rusqlite::{Connection, OptionalExtension, Result, Row};
use verilane_core::{
    Attempt, AttemptNumber, ClaimName, ClaimStatus, Decision, DocumentType, Facts, Handover,
    HandoverKind, Mark, Marks, ProviderStatus, RequestedClaim, Review, SealedAction, Sequence,
    Shown, SlotId, StartPhase, TraceParent, Verification, VerificationId,
};
use verilane_store::Loaded;

use crate::columns::Cells;

/// The verification's own columns, as [`row`] takes them apart.
pub(crate) const COLUMNS: &str = "v.id, v.revision, v.last_sequence, v.principal, v.connection, \
     v.provider, v.create_time, v.update_time, v.expire_time, v.max_attempts, v.trace_parent, \
     v.retention, v.forget_time, \
     s.data_key, s.subject, s.subject_ref, s.labels, s.purpose";

const ONE: &str = "SELECT v.id, v.revision, v.last_sequence, v.principal, v.connection, \
     v.provider, v.create_time, v.update_time, v.expire_time, v.max_attempts, v.trace_parent, \
     v.retention, v.forget_time, \
     s.data_key, s.subject, s.subject_ref, s.labels, s.purpose \
     FROM verifications v JOIN verification_secrets s ON s.verification = v.id WHERE v.id = ?1";

const ATTEMPTS: &str = "SELECT a.number, a.connection, a.provider, a.slot, a.made_slot, a.phase, \
     a.fact_bits, a.failed, a.rejected, a.expired, a.provider_status, a.provider_rank, \
     a.start_time, a.requested_expiry, a.expire_time, a.action_revision, a.action, a.accept_time, \
     a.confirm_time, a.end_time, h.reference, h.revision, h.shown_status, h.shown_progress, \
     h.shown_offers, h.review_open, h.review_deadline, h.reminded, h.decision, h.decide_time, \
     h.kind \
     FROM attempts a LEFT JOIN handovers h \
     ON h.verification = a.verification AND h.attempt = a.number \
     WHERE a.verification = ?1 ORDER BY a.number";

const REQUESTED: &str = "SELECT name, document, field, required, asked, status \
     FROM requested_claims WHERE verification = ?1 ORDER BY position";

const SEEN: &str =
    "SELECT attempt, identity FROM seen WHERE verification = ?1 ORDER BY attempt, identity";

/// A verification, whole, and the place of its newest event.
pub(crate) fn whole(
    connection: &Connection,
    id: VerificationId,
) -> Result<Option<(Verification, Sequence)>> {
    let mut statement = connection.prepare_cached(ONE)?;
    let found = statement.query_row([id.as_bytes()], row).optional()?;
    match found {
        None => Ok(None),
        Some((mut verification, last)) => {
            complete(connection, &mut verification)?;
            Ok(Some((verification, last)))
        }
    }
}

/// A verification with what was seen of its provider's events.
pub(crate) fn loaded(connection: &Connection, id: VerificationId) -> Result<Option<Loaded>> {
    let Some((verification, _)) = whole(connection, id)? else {
        return Ok(None);
    };
    let seen = connection
        .prepare_cached(SEEN)?
        .query_map([id.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok((cells.count()?, cells.get()?))
        })?
        .collect::<Result<Vec<(AttemptNumber, String)>>>()?;
    Ok(Some(Loaded { verification, seen }))
}

/// Takes [`COLUMNS`] apart. What stands in other tables is still missing.
pub(crate) fn row(row: &Row<'_>) -> Result<(Verification, Sequence)> {
    let mut cells = Cells::of(row);
    let id = cells.verification()?;
    let revision = cells.revision()?;
    let last = cells.sequence()?;
    let verification = Verification {
        id,
        revision,
        principal: cells.principal()?,
        connection: cells.connection()?,
        provider: cells.provider()?,
        create_time: cells.time()?,
        update_time: cells.time()?,
        expire_time: cells.time()?,
        max_attempts: cells.count()?,
        trace_parent: cells.get::<Option<String>>()?.map(TraceParent),
        retention: cells.maybe_span()?,
        forget_time: cells.maybe_time()?,
        data_key: cells.wrapped()?,
        subject: cells.sealed()?,
        subject_ref: cells.maybe_sealed()?,
        labels: cells.maybe_sealed()?,
        purpose: cells.sealed()?,
        attempts: Vec::new(),
        claims: Vec::new(),
    };
    Ok((verification, last))
}

/// Adds what stands in other tables.
pub(crate) fn complete(connection: &Connection, verification: &mut Verification) -> Result<()> {
    let id = verification.id;
    verification.attempts = connection
        .prepare_cached(ATTEMPTS)?
        .query_map([id.as_bytes()], attempt)?
        .collect::<Result<_>>()?;
    verification.claims = connection
        .prepare_cached(REQUESTED)?
        .query_map([id.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(RequestedClaim {
                name: cells.word(ClaimName::from_name)?,
                document: cells.maybe_word(DocumentType::from_name)?,
                field: cells.get()?,
                required: cells.get()?,
                asked: cells.get()?,
                status: cells.word(ClaimStatus::from_name)?,
            })
        })?
        .collect::<Result<_>>()?;
    Ok(())
}

fn attempt(row: &Row<'_>) -> Result<Attempt> {
    let mut cells = Cells::of(row);
    Ok(Attempt {
        number: cells.count()?,
        connection: cells.connection()?,
        provider: cells.provider()?,
        slot: cells.id(SlotId::from_bytes)?,
        made_slot: cells.get()?,
        phase: cells.word(StartPhase::from_name)?,
        facts: Facts::from_parts(
            cells.count()?,
            cells.reason()?,
            cells.reason()?,
            cells.reason()?,
        ),
        provider_status: cells.status()?,
        provider_rank: cells.count()?,
        start_time: cells.time()?,
        requested_expiry: cells.time()?,
        expire_time: cells.maybe_time()?,
        action: {
            let revision = cells.maybe_revision()?;
            let sealed = cells.maybe_sealed()?;
            revision
                .zip(sealed)
                .map(|(revision, sealed)| SealedAction { revision, sealed })
        },
        accept_time: cells.maybe_time()?,
        confirm_time: cells.maybe_time()?,
        end_time: cells.maybe_time()?,
        handover: handover(&mut cells)?,
    })
}

fn handover(cells: &mut Cells<'_, '_>) -> Result<Option<Handover>> {
    let Some(reference) = cells.maybe_sealed()? else {
        return Ok(None);
    };
    let revision = cells.revision()?;
    let (status, progress) = (marked(cells)?, marked(cells)?);
    let shown = Shown {
        status: status.0,
        progress: progress.0,
        marks: Marks {
            status: status.1,
            progress: progress.1,
        },
        offers: offers(&cells.get::<String>()?),
    };
    let open = cells.maybe_time()?;
    let deadline = cells.maybe_time()?;
    let reminded = cells.get()?;
    let decision = cells.maybe_word(Decision::from_name)?;
    let decided = decision.zip(cells.maybe_time()?);
    Ok(Some(Handover {
        kind: cells.word(HandoverKind::from_name)?,
        reference,
        revision,
        shown,
        review: open.map(|open_time| Review {
            open_time,
            deadline,
            reminded,
            decided,
        }),
    }))
}

/// A word, and the mark that can stand behind it.
fn marked(cells: &mut Cells<'_, '_>) -> Result<(Option<ProviderStatus>, Option<Mark>)> {
    let read = |text: &str| {
        let Some((word, mark)) = text.split_once('#') else {
            return Some((text.to_owned(), None));
        };
        let mark = u64::from_str_radix(mark, 16).ok()?;
        Some((word.to_owned(), Some(Mark(mark))))
    };
    Ok(match cells.maybe_word(read)? {
        Some((word, mark)) => (Some(word.into()), mark),
        None => (None, None),
    })
}

fn offers(joined: &str) -> Vec<String> {
    let names = joined.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
