-- Client secrets of Universal Auth. The secret stands in no column: `mac` is its MAC by the binding key. `binding` is a MAC by the
-- same key over all other columns. Rows stay when a secret is revoked: the audit log knows their last version.
CREATE TABLE client_secret (
    id          TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    identity    TEXT NOT NULL,
    auth        TEXT NOT NULL,
    description TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    mac         BLOB NOT NULL,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    ttl         INTEGER NOT NULL,
    uses_limit  INTEGER NOT NULL,
    uses        INTEGER NOT NULL,
    revoked     INTEGER NOT NULL,
    binding     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A login finds the row by the MAC of what is presented.
CREATE INDEX client_secret_mac ON client_secret (mac);
CREATE INDEX client_secret_auth ON client_secret (auth, id);

-- API keys of hosts, one for each at most. `mac` is the MAC of the key by the binding key, or NULL once the key was taken away.
CREATE TABLE api_key (
    host    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    account TEXT NOT NULL,
    changed INTEGER NOT NULL,
    mac     BLOB,
    binding BLOB NOT NULL
) STRICT, WITHOUT ROWID;
