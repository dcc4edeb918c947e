-- Changes of owner that wait for somebody's agreement: an offer, a recovery (JSON); covered by the row's binding.
ALTER TABLE object ADD COLUMN pending TEXT;

-- For lists only: what they find is checked against the bound row.
CREATE TABLE object_pending (
    subject TEXT NOT NULL,
    object  TEXT NOT NULL,
    PRIMARY KEY (subject, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX object_pending_object ON object_pending (object);

-- When the key of an object was last used, in days since 1970-01-01 UTC. Not bound: nothing is decided by it.
CREATE TABLE object_use (
    number INTEGER PRIMARY KEY,
    day    INTEGER NOT NULL
) STRICT;
