-- Attempts whose browser brings back a code that the provider takes once, what a provider says of a
-- value beside it, and what is kept for a time only.

ALTER TABLE handovers ADD COLUMN kind TEXT NOT NULL DEFAULT 'REQUEST';

ALTER TABLE claims ADD COLUMN checks INTEGER;

-- How long what came is kept after the end, microseconds; for good if NULL. And when it was forgotten.
ALTER TABLE verifications ADD COLUMN retention INTEGER;
ALTER TABLE verifications ADD COLUMN forget_time INTEGER;
