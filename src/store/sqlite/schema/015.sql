-- Root keys that a first start is about to make, or has made and not recorded yet (root_key): the next start goes on with them. A key's
-- CKA_ID is the beginning of the SHA-256 of its seed, which is forgotten when the key is recorded: nobody can name as pending what is
-- another database's.
CREATE TABLE root_key_pending (
    name TEXT PRIMARY KEY,
    seed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
