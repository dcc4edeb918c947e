-- Access tokens that were issued. `binding` is a MAC by the binding key over all other columns. Times are in seconds since
-- 1970-01-01 UTC.
CREATE TABLE access_token (
    id          TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    subject     TEXT NOT NULL,
    basis       TEXT NOT NULL,
    vouched     TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    created     INTEGER NOT NULL,
    ttl         INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    max_expires INTEGER NOT NULL,
    uses_limit  INTEGER NOT NULL,
    uses        INTEGER NOT NULL,
    trusted     TEXT NOT NULL,
    thumbprint  BLOB,
    narrowing   TEXT,
    role        TEXT,
    revoked     INTEGER NOT NULL,
    binding     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_expires ON access_token (expires);
CREATE INDEX access_token_subject ON access_token (subject);
