-- What one machine keeps.
--
-- Ids are 16 bytes, keyed digests 32, times microseconds since the Unix epoch. Words (states,
-- reasons, kinds) are the ones the domain names. "sealed" and "wrapped" bytes only the vault opens.

-- The one row that a commit reads and writes: where the log and the audit chain end.
CREATE TABLE log (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id             BLOB    NOT NULL CHECK (length(id) = 16),
    last_sequence  INTEGER NOT NULL CHECK (last_sequence >= purged_to),
    purged_to      INTEGER NOT NULL CHECK (purged_to >= 0),
    audit_number   INTEGER NOT NULL CHECK (audit_number >= 0),
    audit_link     BLOB    NOT NULL CHECK (length(audit_link) = 32)
) STRICT;

-- What moves with each event stands in a small row of its own; the state follows from the attempts
-- and is kept for lists.
CREATE TABLE verifications (
    id             BLOB    NOT NULL PRIMARY KEY,
    revision       INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    last_sequence  INTEGER NOT NULL,
    principal      TEXT    NOT NULL,
    connection     TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    create_time    INTEGER NOT NULL,
    update_time    INTEGER NOT NULL,
    expire_time    INTEGER NOT NULL,
    max_attempts   INTEGER NOT NULL,
    trace_parent   TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX verifications_by_time ON verifications (create_time, id);
CREATE INDEX verifications_by_state ON verifications (state, create_time, id);

-- The data key, and what is sealed under it at creation.
CREATE TABLE verification_secrets (
    verification   BLOB    NOT NULL PRIMARY KEY REFERENCES verifications (id),
    data_key       BLOB    NOT NULL,
    subject        BLOB    NOT NULL,
    subject_ref    BLOB,
    labels         BLOB,
    purpose        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    verification     BLOB    NOT NULL REFERENCES verifications (id),
    number           INTEGER NOT NULL,
    connection       TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    slot             BLOB    NOT NULL,
    made_slot        INTEGER NOT NULL,
    phase            TEXT    NOT NULL,
    fact_bits        INTEGER NOT NULL,
    failed           TEXT,
    rejected         TEXT,
    expired          TEXT,
    provider_status  TEXT,
    provider_rank    INTEGER NOT NULL,
    start_time       INTEGER NOT NULL,
    requested_expiry INTEGER NOT NULL,
    expire_time      INTEGER,
    action_revision  INTEGER,
    action           BLOB,
    accept_time      INTEGER,
    confirm_time     INTEGER,
    end_time         INTEGER,
    PRIMARY KEY (verification, number)
) STRICT, WITHOUT ROWID;

-- Slots go before the attempts that used them, so an attempt only names its slot.
CREATE INDEX attempts_by_slot ON attempts (slot, start_time);

CREATE TABLE requested_claims (
    verification   BLOB    NOT NULL REFERENCES verifications (id),
    position       INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    document       TEXT,
    field          TEXT    NOT NULL,
    required       INTEGER NOT NULL,
    asked          INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    PRIMARY KEY (verification, position)
) STRICT, WITHOUT ROWID;

-- Keyed digests by which verifications are found. kind: 1 subject, 2 subject_ref, 3 label.
CREATE TABLE lookups (
    kind           INTEGER NOT NULL,
    digest         BLOB    NOT NULL,
    verification   BLOB    NOT NULL REFERENCES verifications (id),
    PRIMARY KEY (kind, digest, verification)
) STRICT, WITHOUT ROWID;

CREATE INDEX lookups_by_verification ON lookups (verification);

-- The log. Stands by itself: events refer to verifications by name only.
CREATE TABLE events (
    sequence         INTEGER NOT NULL PRIMARY KEY,
    verification     BLOB    NOT NULL,
    revision         INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    kind             TEXT    NOT NULL,
    state_before     TEXT,
    state_after      TEXT    NOT NULL,
    connection       TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    provider_status  TEXT,
    provider_rank    INTEGER,
    provider_time    INTEGER,
    commit_time      INTEGER NOT NULL,
    assurance        TEXT    NOT NULL,
    applied          INTEGER NOT NULL,
    late             INTEGER NOT NULL,
    reason           TEXT,
    warnings         TEXT,
    furthest_status  TEXT,
    retryable        INTEGER NOT NULL,
    tx_hash          BLOB
) STRICT;

CREATE UNIQUE INDEX events_by_verification ON events (verification, revision);

-- Provider events by their identity, and how often each came. Like the log, written with each event:
-- the writer sees to it that the verification exists.
CREATE TABLE seen (
    verification   BLOB    NOT NULL,
    attempt        INTEGER NOT NULL,
    identity       TEXT    NOT NULL,
    times          INTEGER NOT NULL,
    PRIMARY KEY (verification, attempt, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE slots (
    id                  BLOB    NOT NULL PRIMARY KEY,
    key                 BLOB    NOT NULL UNIQUE,
    connection          TEXT    NOT NULL,
    paths               BLOB    NOT NULL,
    status_path         BLOB    NOT NULL UNIQUE,
    data_path           BLOB    NOT NULL UNIQUE CHECK (data_path <> status_path),
    holder_verification BLOB    NOT NULL,
    holder_attempt      INTEGER NOT NULL,
    create_time         INTEGER NOT NULL,
    keep_until          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX slots_by_time ON slots (keep_until);

-- Claims that came, sealed. One a field: a later one replaces it.
CREATE TABLE claims (
    verification    BLOB    NOT NULL REFERENCES verifications (id),
    field           TEXT    NOT NULL,
    attempt         INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    document        TEXT,
    value           BLOB    NOT NULL,
    evidence        BLOB,
    pepper          BLOB,
    revision        INTEGER NOT NULL,
    provider_time   INTEGER,
    receive_time    INTEGER NOT NULL,
    assurance       TEXT    NOT NULL,
    key_fingerprint TEXT,
    imported        INTEGER NOT NULL,
    PRIMARY KEY (verification, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
    id             BLOB    NOT NULL PRIMARY KEY,
    verification   BLOB    NOT NULL REFERENCES verifications (id),
    attempt        INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    field          TEXT,
    size           INTEGER NOT NULL,
    chunks         INTEGER NOT NULL,
    description    BLOB    NOT NULL,
    revision       INTEGER NOT NULL,
    receive_time   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX evidence_by_verification ON evidence (verification, receive_time, id);

-- Sealed chunks of evidence. Big rows: a table with row ids keeps them out of the inner pages.
CREATE TABLE chunks (
    evidence       BLOB    NOT NULL,
    number         INTEGER NOT NULL,
    bytes          BLOB    NOT NULL,
    PRIMARY KEY (evidence, number)
) STRICT;

-- Evidence whose chunks no change has shown yet, and when the newest of them was written.
CREATE TABLE unshown_evidence (
    evidence       BLOB    NOT NULL PRIMARY KEY,
    written        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX unshown_evidence_by_time ON unshown_evidence (written);

CREATE TABLE requests (
    key            BLOB    NOT NULL PRIMARY KEY,
    body           BLOB    NOT NULL,
    verification   BLOB    NOT NULL,
    attempt        INTEGER NOT NULL,
    joined         INTEGER NOT NULL,
    expire_time    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (expire_time);

-- One job of each kind for each attempt. The verification is empty for work about the whole store.
-- A job is ready once it is due and nobody holds its lease.
CREATE TABLE jobs (
    kind           TEXT    NOT NULL,
    verification   BLOB    NOT NULL CHECK (length(verification) IN (0, 16)),
    attempt        INTEGER NOT NULL,
    due            INTEGER NOT NULL,
    leased_until   INTEGER,
    tries          INTEGER NOT NULL,
    ready          INTEGER NOT NULL
                   GENERATED ALWAYS AS (max(due, ifnull(leased_until, due))) VIRTUAL,
    PRIMARY KEY (kind, verification, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_ready ON jobs (ready);

-- The audit chain. The digest of the details outlives the details. What was done to no
-- verification names none.
CREATE TABLE audit (
    number         INTEGER NOT NULL PRIMARY KEY,
    link           BLOB    NOT NULL CHECK (length(link) = 32),
    time           INTEGER NOT NULL,
    principal      TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    verification   BLOB,
    details        BLOB,
    details_digest BLOB    NOT NULL CHECK (length(details_digest) = 32)
) STRICT;

CREATE TABLE audit_matter (
    number         INTEGER NOT NULL REFERENCES audit (number),
    position       INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    PRIMARY KEY (number, position)
) STRICT, WITHOUT ROWID;

-- Changes by id, so that an unknown outcome can be looked up and a repeat is not applied again.
-- The events of a change stand next to each other. Ids sort by the time of their making, so the
-- oldest are found without another index.
CREATE TABLE changes (
    id               BLOB    NOT NULL PRIMARY KEY,
    time             INTEGER NOT NULL,
    first_sequence   INTEGER NOT NULL,
    events           INTEGER NOT NULL,
    purge_unfinished INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
