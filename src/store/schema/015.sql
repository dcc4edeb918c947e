-- Root keys that a first start is about to make, or has made and not recorded yet (root_key): the next start goes on with them.
CREATE TABLE root_key_pending (
    name   TEXT PRIMARY KEY,
    cka_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
