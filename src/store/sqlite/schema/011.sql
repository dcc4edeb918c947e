-- Which object holds the secret of a path now, for those made since accounts are projects; the identifier of an older one is
-- made of its path. For look-ups only: what they find is checked against the bound row of the object.
CREATE TABLE secret_path (
    path   TEXT PRIMARY KEY,
    object TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
