-- Root keys that a first start is about to make, or has made and not stored yet in root_key: the next start continues
-- with them. A key's CKA_ID is the beginning of the SHA-256 of its seed. The seed is removed when the key is stored, so
-- that no one can mark a key of another database as pending.
CREATE TABLE root_key_pending (
    name TEXT PRIMARY KEY,
    seed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
