-- Root keys of this database: which objects of the token they are, and how to know them again.
CREATE TABLE root_key (
    name        TEXT PRIMARY KEY,
    cka_id      BLOB NOT NULL UNIQUE,
    check_value BLOB NOT NULL,
    created     INTEGER NOT NULL
) STRICT;

-- Managed objects. `binding` is a MAC by the binding key over all other columns.
CREATE TABLE object (
    number            INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    version           INTEGER NOT NULL,
    owner             TEXT NOT NULL,
    object_type       INTEGER NOT NULL,
    algorithm         INTEGER NOT NULL,
    length            INTEGER NOT NULL,
    usage_mask        INTEGER NOT NULL,
    state             INTEGER NOT NULL,
    activation_date   INTEGER,
    deactivation_date INTEGER,
    sensitive         INTEGER NOT NULL,
    extractable       INTEGER NOT NULL,
    class             INTEGER NOT NULL,
    placement         INTEGER NOT NULL,
    kek               BLOB,
    material          BLOB,
    attributes        TEXT NOT NULL,
    binding           BLOB NOT NULL
) STRICT;

CREATE INDEX object_owner ON object (owner, number);

-- For searches only: what they find is checked against the bound row.
CREATE TABLE object_name (
    name   TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES object (number),
    PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE object_tag (
    tag    TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES object (number),
    PRIMARY KEY (tag, number)
) STRICT, WITHOUT ROWID;
