//! Slots, who used them, and where a callback path leads.

use rusqlite::{Connection, OptionalExtension, Result, Row};
use verilane_core::{
    Binding, BlindIndex, CallbackChannel, Facts, Slot, SlotHolder, SlotId, StartPhase, Tenancy,
};
use verilane_store::CallbackTarget;

use crate::columns::Cells;

const BY_ID: &str = "SELECT id, key, connection, paths, status_path, data_path, \
     holder_verification, holder_attempt, create_time, keep_until FROM slots WHERE id = ?1";
const BY_KEY: &str = "SELECT id, key, connection, paths, status_path, data_path, \
     holder_verification, holder_attempt, create_time, keep_until FROM slots WHERE key = ?1";
const BY_PATH: &str = "SELECT id, key, connection, paths, status_path, data_path, \
     holder_verification, holder_attempt, create_time, keep_until FROM slots \
     WHERE status_path = ?1 OR data_path = ?1";

const TENANCIES: &str = "SELECT verification, number, phase, fact_bits, failed, rejected, expired, \
     start_time, requested_expiry, expire_time FROM attempts WHERE slot = ?1 \
     ORDER BY start_time DESC, verification DESC, number DESC";

/// The slot with this key.
pub(crate) fn by_key(connection: &Connection, key: BlindIndex) -> Result<Option<Slot>> {
    connection
        .prepare_cached(BY_KEY)?
        .query_row([key.as_bytes()], slot)
        .optional()
}

/// The slot of this name.
pub(crate) fn by_id(connection: &Connection, id: SlotId) -> Result<Option<Slot>> {
    connection
        .prepare_cached(BY_ID)?
        .query_row([id.as_bytes()], slot)
        .optional()
}

/// The slot that has this callback path, and every attempt that used it.
pub(crate) fn callback_target(
    connection: &Connection,
    path: BlindIndex,
) -> Result<Option<CallbackTarget>> {
    let found = connection
        .prepare_cached(BY_PATH)?
        .query_row([path.as_bytes()], slot)
        .optional()?;
    let Some(slot) = found else {
        return Ok(None);
    };
    let tenancies = tenancies(connection, slot.id)?;
    let channel = if slot.status_path == path {
        CallbackChannel::Status
    } else {
        CallbackChannel::Data
    };
    Ok(Some(CallbackTarget {
        slot,
        channel,
        tenancies,
    }))
}

/// Every attempt that used a slot, newest first.
pub(crate) fn tenancies(connection: &Connection, slot: SlotId) -> Result<Vec<Tenancy>> {
    connection
        .prepare_cached(TENANCIES)?
        .query_map([slot.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(Tenancy {
                holder: SlotHolder {
                    verification: cells.verification()?,
                    attempt: cells.count()?,
                },
                phase: cells.word(StartPhase::from_name)?,
                facts: Facts::from_parts(
                    cells.count()?,
                    cells.reason()?,
                    cells.reason()?,
                    cells.reason()?,
                ),
                start_time: cells.time()?,
                requested_expiry: cells.time()?,
                expire_time: cells.maybe_time()?,
            })
        })?
        .collect()
}

fn slot(row: &Row<'_>) -> Result<Slot> {
    let mut cells = Cells::of(row);
    Ok(Slot {
        id: cells.id(SlotId::from_bytes)?,
        key: cells.digest()?,
        connection: cells.connection()?,
        paths: cells.wrapped()?,
        status_path: cells.digest()?,
        data_path: cells.digest()?,
        holder: SlotHolder {
            verification: cells.verification()?,
            attempt: cells.count()?,
        },
        create_time: cells.time()?,
        keep_until: cells.time()?,
    })
}

/// Whose a browser's bringing is.
pub(crate) fn binding(connection: &Connection, key: BlindIndex) -> Result<Option<Binding>> {
    connection
        .prepare_cached("SELECT verification, attempt, create_time FROM bindings WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(Binding {
                key,
                holder: SlotHolder {
                    verification: cells.verification()?,
                    attempt: cells.count()?,
                },
                create_time: cells.time()?,
            })
        })
        .optional()
}
