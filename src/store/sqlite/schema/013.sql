-- Keys and values that were destroyed or replaced, and whose bytes are not known to be gone: they may be in the write-ahead log,
-- or with `cka_id` that object may be in the token. A row is added with the change and removed with the line `erased` of the
-- audit log. `binding` is a MAC by the binding key over all other columns but `number`.
CREATE TABLE erasure (
    number  INTEGER PRIMARY KEY,
    object  TEXT NOT NULL,
    version INTEGER NOT NULL,
    cka_id  BLOB,
    binding BLOB NOT NULL
) STRICT;
