-- Attempts that go on with what a browser brought back, and the caller's review.

-- What a browser brought back for an attempt, what the provider showed of it last, and the review.
CREATE TABLE handovers (
    verification    BLOB    NOT NULL REFERENCES verifications (id),
    attempt         INTEGER NOT NULL,
    reference       BLOB    NOT NULL,
    revision        INTEGER NOT NULL,
    shown_status    TEXT,
    shown_progress  TEXT,
    shown_offers    TEXT    NOT NULL,
    review_open     INTEGER,
    review_deadline INTEGER,
    reminded        INTEGER NOT NULL,
    decision        TEXT,
    decide_time     INTEGER,
    PRIMARY KEY (verification, attempt)
) STRICT, WITHOUT ROWID;

-- Whose a browser's bringing is. Outlives the verification: a keyed digest tells nothing.
CREATE TABLE bindings (
    key            BLOB    NOT NULL PRIMARY KEY,
    verification   BLOB    NOT NULL,
    attempt        INTEGER NOT NULL,
    create_time    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Follows from the attempts, as the state does, and is kept for lists.
ALTER TABLE verifications ADD COLUMN review_deadline INTEGER;

CREATE INDEX verifications_by_review ON verifications (review_deadline, id)
    WHERE review_deadline IS NOT NULL;

ALTER TABLE events ADD COLUMN provider_progress TEXT;
ALTER TABLE events ADD COLUMN decision TEXT;
