-- Attempts whose browser brings back a code that the provider takes once, and what a provider says of a
-- value beside it.

ALTER TABLE handovers ADD COLUMN kind TEXT NOT NULL DEFAULT 'REQUEST';

ALTER TABLE claims ADD COLUMN checks INTEGER;
