-- Pending changes of owner: an offer, a recovery (JSON); covered by the row's binding.
ALTER TABLE object ADD COLUMN pending TEXT;

-- Only for lists: results are checked against the bound row.
CREATE TABLE object_pending (
    subject TEXT NOT NULL,
    object  TEXT NOT NULL,
    PRIMARY KEY (subject, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX object_pending_object ON object_pending (object);

-- The day of the last use of an object's key, in days since 1970-01-01 UTC. Not bound: no decision depends on it.
CREATE TABLE object_use (
    number INTEGER PRIMARY KEY,
    day    INTEGER NOT NULL
) STRICT;
