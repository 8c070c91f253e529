//! What the writer says to SQLite, prepared once for the life of its connection.

use rusqlite::{Connection, PrepFlags, Result, Statement};

macro_rules! statements {
    ($($name:ident = $sql:literal;)*) => {
        /// Every statement of the writer.
        pub(super) struct Statements<'c> { $(pub(super) $name: Statement<'c>,)* }

        impl<'c> Statements<'c> {
            pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
                let keep = PrepFlags::SQLITE_PREPARE_PERSISTENT;
                Ok(Self { $($name: connection.prepare_with_flags($sql, keep)?,)* })
            }
        }
    };
}

statements! {
    begin = "BEGIN IMMEDIATE";
    commit = "COMMIT";
    rollback = "ROLLBACK";
    head = "SELECT last_sequence, purged_to, audit_number, audit_link FROM log";
    set_head = "UPDATE log SET last_sequence = ?1, purged_to = ?2, audit_number = ?3, \
        audit_link = ?4";
    rename_log = "UPDATE log SET id = ?1";

    change = "SELECT first_sequence, events, purge_unfinished FROM changes WHERE id = ?1";
    add_change = "INSERT OR IGNORE INTO changes (id, time, first_sequence, events, \
        purge_unfinished) VALUES (?1, ?2, ?3, ?4, 0)";
    drop_change = "DELETE FROM changes WHERE id = ?1";
    purge_is_unfinished = "UPDATE changes SET purge_unfinished = 1 WHERE id = ?1";

    add_verification = "INSERT INTO verifications (id, revision, state, last_sequence, principal, \
        connection, provider, create_time, update_time, expire_time, max_attempts, trace_parent, \
        review_deadline, retention, forget_time) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    bump_verification = "UPDATE verifications SET revision = ?2, last_sequence = ?3, \
        update_time = ?4 WHERE id = ?1";
    move_verification = "UPDATE verifications SET revision = ?2, last_sequence = ?3, \
        update_time = ?4, state = ?5 WHERE id = ?1";
    rewrite_verification = "UPDATE verifications SET principal = ?2, connection = ?3, \
        provider = ?4, create_time = ?5, expire_time = ?6, max_attempts = ?7, trace_parent = ?8, \
        retention = ?9, forget_time = ?10 WHERE id = ?1";
    set_review_deadline = "UPDATE verifications SET review_deadline = ?2 WHERE id = ?1";
    put_secrets = "INSERT OR REPLACE INTO verification_secrets (verification, data_key, subject, \
        subject_ref, labels, purpose) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    put_attempt = "INSERT OR REPLACE INTO attempts (verification, number, connection, provider, \
        slot, made_slot, phase, fact_bits, failed, rejected, expired, provider_status, \
        provider_rank, start_time, requested_expiry, expire_time, action_revision, action, \
        accept_time, confirm_time, end_time) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
        ?19, ?20, ?21)";
    move_attempt = "UPDATE attempts SET phase = ?3, fact_bits = ?4, failed = ?5, rejected = ?6, \
        expired = ?7, provider_status = ?8, provider_rank = ?9, expire_time = ?10, \
        action_revision = ?11, action = ?12, accept_time = ?13, confirm_time = ?14, \
        end_time = ?15 \
        WHERE verification = ?1 AND number = ?2";
    put_handover = "INSERT OR REPLACE INTO handovers (verification, attempt, reference, revision, \
        shown_status, shown_progress, shown_offers, review_open, review_deadline, reminded, \
        decision, decide_time, kind) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    drop_handover = "DELETE FROM handovers WHERE verification = ?1 AND attempt = ?2";
    drop_attempt = "DELETE FROM attempts WHERE verification = ?1 AND number = ?2";
    put_requested = "INSERT OR REPLACE INTO requested_claims (verification, position, name, \
        document, field, required, asked, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    drop_requested = "DELETE FROM requested_claims WHERE verification = ?1 AND position >= ?2";
    add_lookup = "INSERT OR IGNORE INTO lookups (kind, digest, verification) VALUES (?1, ?2, ?3)";

    add_event = "INSERT INTO events (sequence, verification, revision, attempt, kind, \
        state_before, state_after, connection, provider, provider_status, provider_rank, \
        provider_time, commit_time, assurance, applied, late, reason, warnings, furthest_status, \
        retryable, tx_hash, provider_progress, decision) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
        ?19, ?20, ?21, ?22, ?23)";

    add_seen = "INSERT OR IGNORE INTO seen (verification, attempt, identity, times) \
        VALUES (?1, ?2, ?3, 1)";
    uncount_seen = "UPDATE seen SET times = times - 1 \
        WHERE verification = ?1 AND attempt = ?2 AND identity = ?3";
    drop_seen = "DELETE FROM seen WHERE verification = ?1 AND attempt = ?2 AND identity = ?3";
    count_seen = "UPDATE seen SET times = times + 1 \
        WHERE verification = ?1 AND attempt = ?2 AND identity = ?3";

    slot_taken = "SELECT 1 FROM slots WHERE id = ?1 OR key = ?2 OR status_path IN (?3, ?4) \
        OR data_path IN (?3, ?4)";
    slot_holder = "SELECT holder_verification, holder_attempt FROM slots WHERE id = ?1";
    add_slot = "INSERT INTO slots (id, key, connection, paths, status_path, data_path, \
        holder_verification, holder_attempt, create_time, keep_until) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    set_slot = "UPDATE slots SET key = ?2, connection = ?3, paths = ?4, status_path = ?5, \
        data_path = ?6, holder_verification = ?7, holder_attempt = ?8, create_time = ?9, \
        keep_until = ?10 WHERE id = ?1";

    bound = "SELECT 1 FROM bindings WHERE key = ?1";
    add_binding = "INSERT INTO bindings (key, verification, attempt, create_time) \
        VALUES (?1, ?2, ?3, ?4)";
    drop_binding = "DELETE FROM bindings WHERE key = ?1";

    put_claim = "INSERT OR REPLACE INTO claims (verification, field, attempt, name, document, \
        value, evidence, pepper, revision, provider_time, receive_time, assurance, \
        key_fingerprint, imported, checks, provider_document) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

    forget_claims = "DELETE FROM claims WHERE verification = ?1";
    forget_chunks = "DELETE FROM chunks WHERE evidence IN \
        (SELECT id FROM evidence WHERE verification = ?1)";
    forget_evidence = "DELETE FROM evidence WHERE verification = ?1";
    forget_lookups = "DELETE FROM lookups WHERE verification = ?1 AND kind = ?2";

    chunk_count = "SELECT count(*) FROM chunks WHERE evidence = ?1 AND number < ?2";
    add_evidence = "INSERT INTO evidence (id, verification, attempt, kind, field, size, \
        chunks, description, revision, receive_time) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    evidence_is_shown = "DELETE FROM unshown_evidence WHERE evidence = ?1";
    shown = "SELECT 1 FROM evidence WHERE id = ?1";
    add_chunk = "INSERT OR IGNORE INTO chunks (evidence, number, bytes) VALUES (?1, ?2, ?3)";
    note_unshown = "INSERT INTO unshown_evidence (evidence, written) VALUES (?1, ?2) \
        ON CONFLICT (evidence) DO UPDATE SET written = max(written, excluded.written)";

    request = "SELECT expire_time FROM requests WHERE key = ?1";
    put_request = "INSERT OR REPLACE INTO requests (key, body, verification, attempt, joined, \
        expire_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    job = "SELECT 1 FROM jobs WHERE kind = ?1 AND verification = ?2 AND attempt = ?3";
    schedule_job = "INSERT OR REPLACE INTO jobs (kind, verification, attempt, due, leased_until, \
        tries) VALUES (?1, ?2, ?3, ?4, ?5, ?5 IS NOT NULL)";
    lease_job = "UPDATE jobs SET leased_until = ?4, tries = tries + 1 \
        WHERE kind = ?1 AND verification = ?2 AND attempt = ?3";
    postpone_job = "UPDATE jobs SET due = ?4, leased_until = NULL \
        WHERE kind = ?1 AND verification = ?2 AND attempt = ?3";
    hasten_job = "INSERT INTO jobs (kind, verification, attempt, due, tries) \
        VALUES (?1, ?2, ?3, ?4, 0) \
        ON CONFLICT (kind, verification, attempt) DO UPDATE SET due = min(due, excluded.due)";
    drop_job = "DELETE FROM jobs WHERE kind = ?1 AND verification = ?2 AND attempt = ?3";

    add_audit = "INSERT INTO audit (number, link, time, principal, action, verification, details, \
        details_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    add_audit_matter = "INSERT INTO audit_matter (number, position, name) VALUES (?1, ?2, ?3)";

    old_events = "SELECT sequence, commit_time FROM events ORDER BY sequence LIMIT ?1";
    purge_events = "DELETE FROM events WHERE sequence <= ?1";
    purge_changes = "DELETE FROM changes WHERE time < ?1 AND id IN \
        (SELECT id FROM changes ORDER BY id LIMIT ?2)";
    old_changes = "SELECT 1 FROM (SELECT time FROM changes ORDER BY id LIMIT 1) WHERE time < ?1";
    purge_requests = "DELETE FROM requests WHERE key IN \
        (SELECT key FROM requests WHERE expire_time < ?1 ORDER BY expire_time LIMIT ?2)";
    old_requests = "SELECT 1 FROM requests WHERE expire_time < ?1";
    purge_slots = "DELETE FROM slots WHERE id IN \
        (SELECT id FROM slots WHERE keep_until < ?1 ORDER BY keep_until LIMIT ?2)";
    old_slots = "SELECT 1 FROM slots WHERE keep_until < ?1";
    oldest_unshown = "SELECT evidence FROM unshown_evidence WHERE written < ?1 \
        ORDER BY written LIMIT 1";
    purge_chunks = "DELETE FROM chunks WHERE rowid IN \
        (SELECT rowid FROM chunks WHERE evidence = ?1 LIMIT ?2)";
}
