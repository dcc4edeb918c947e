-- The project that holds an object, and what its owner lets others do (JSON); both are covered by the row's binding.
ALTER TABLE object ADD COLUMN project TEXT;
ALTER TABLE object ADD COLUMN grants TEXT;

CREATE INDEX object_project ON object (project, number) WHERE project IS NOT NULL;

-- For searches only: what they find is checked against the bound row.
CREATE TABLE object_grantee (
    grantee TEXT NOT NULL,
    number  INTEGER NOT NULL REFERENCES object (number),
    PRIMARY KEY (grantee, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX object_grantee_number ON object_grantee (number);

-- Roles, policies, users and projects that administrators made. `document` is JSON, and absent for what was removed: its
-- row stays, so that its version goes on. `binding` is a MAC by the binding key over all other columns.
CREATE TABLE policy_entry (
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT,
    binding  BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
