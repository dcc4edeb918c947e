-- Environments (kind 1), folders (2) and tags (3) of projects, as Infisical's clients name them. `path` is an environment's slug,
-- ENVIRONMENT/FOLDER/... of a folder, or a tag's slug. Not bound: they decide about no access, which the objects of the secrets do.
CREATE TABLE secret_place (
    id          TEXT PRIMARY KEY,
    project     TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    path        TEXT NOT NULL,
    name        TEXT NOT NULL,
    note        TEXT NOT NULL,
    position    INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    UNIQUE (project, kind, path)
) STRICT, WITHOUT ROWID;
