-- The object that holds the secret of a path, for secrets made since accounts are projects; the identifier of an older
-- one is derived from its path. Only for look-ups: results are checked against the bound row of the object.
CREATE TABLE secret_path (
    path   TEXT PRIMARY KEY,
    object TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
