-- When the server replaces a key by itself, in seconds since 1970-01-01 UTC. For searches only: what they find is checked against the
-- bound row.
CREATE TABLE object_rotation (
    object TEXT PRIMARY KEY,
    due    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX object_rotation_due ON object_rotation (due, object);
