-- Texts are compared byte by byte, as the program does. Truth values are 0 and 1. Dates are seconds since 1970-01-01 UTC.

-- The servers that use the database: which start of each has its name now, and the number of its last commit.
CREATE TABLE lease (
    server TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL
);

-- The number of the last commit of all servers. Each transaction that writes takes the next one before anything else, so
-- that the numbers follow the commits. Changes up to `forgotten` are no longer kept.
CREATE TABLE commit_order (
    one       BIGINT PRIMARY KEY CHECK (one = 1),
    number    BIGINT NOT NULL,
    forgotten BIGINT NOT NULL
);
INSERT INTO commit_order (one, number, forgotten) VALUES (1, 0, 0);

-- What commits changed of what servers keep in memory. `holder` is the start of a server that made the change.
CREATE TABLE change (
    number BIGINT NOT NULL,
    place  BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    kind   BIGINT NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (number, place)
);

-- The key-encryption keys and the binding key of this database. They never change.
CREATE TABLE root_key (
    name        TEXT COLLATE "C" PRIMARY KEY,
    cka_id      BYTEA NOT NULL UNIQUE,
    check_value BYTEA NOT NULL,
    created     BIGINT NOT NULL
);

-- Root keys that a first start is about to make, or has made and not recorded yet (root_key): the next start goes on
-- with them. A key's CKA_ID is the beginning of the SHA-256 of its seed.
CREATE TABLE root_key_pending (
    name TEXT COLLATE "C" PRIMARY KEY,
    seed BYTEA NOT NULL
);

-- Managed objects. `binding` is a MAC by the binding key over all other columns but `number`, the order of creation.
CREATE TABLE object (
    number            BIGINT PRIMARY KEY,
    id                TEXT COLLATE "C" NOT NULL UNIQUE,
    version           BIGINT NOT NULL,
    owner             TEXT COLLATE "C" NOT NULL,
    object_type       BIGINT NOT NULL,
    algorithm         BIGINT NOT NULL,
    length            BIGINT NOT NULL,
    usage_mask        BIGINT NOT NULL,
    state             BIGINT NOT NULL,
    activation_date   BIGINT,
    deactivation_date BIGINT,
    sensitive         BIGINT NOT NULL,
    extractable       BIGINT NOT NULL,
    class             BIGINT NOT NULL,
    placement         BIGINT NOT NULL,
    kek               BYTEA,
    material          BYTEA,
    attributes        TEXT COLLATE "C" NOT NULL,
    binding           BYTEA NOT NULL,
    project           TEXT COLLATE "C",
    grants            TEXT COLLATE "C",
    pending           TEXT COLLATE "C"
);
-- Searches read each list from its end. They pass over what was destroyed (state 5 and 6) only if it is asked for.
CREATE INDEX object_owner ON object (owner, number);
CREATE INDEX object_owner_live ON object (owner, number) WHERE state < 5;
CREATE INDEX object_project ON object (project, number) WHERE project IS NOT NULL;
CREATE INDEX object_project_live ON object (project, number) WHERE state < 5 AND project IS NOT NULL;
CREATE INDEX object_in_project ON object (number) WHERE project IS NOT NULL;
CREATE INDEX object_in_token ON object (state) WHERE placement = 2;
CREATE INDEX object_activation ON object (activation_date, number) WHERE state = 1 AND activation_date IS NOT NULL;
CREATE INDEX object_deactivation ON object (deactivation_date, number)
    WHERE state = 2 AND deactivation_date IS NOT NULL;

-- For searches only, as the following tables: what they find is checked against the bound row.
CREATE TABLE object_name (
    name   TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL REFERENCES object (number),
    PRIMARY KEY (name, number)
);
CREATE INDEX object_name_number ON object_name (number);

CREATE TABLE object_tag (
    tag    TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL REFERENCES object (number),
    PRIMARY KEY (tag, number)
);
CREATE INDEX object_tag_number ON object_tag (number);

CREATE TABLE object_grantee (
    grantee TEXT COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL REFERENCES object (number),
    PRIMARY KEY (grantee, number)
);
CREATE INDEX object_grantee_number ON object_grantee (number);

-- Changes of owner that wait for somebody's agreement, and when they end.
CREATE TABLE object_pending (
    subject TEXT COLLATE "C" NOT NULL,
    object  TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, object)
);
CREATE INDEX object_pending_object ON object_pending (object);
CREATE INDEX object_pending_open ON object_pending (subject, expires);

-- When the server replaces a key by itself.
CREATE TABLE object_rotation (
    object TEXT COLLATE "C" PRIMARY KEY,
    due    BIGINT NOT NULL,
    owner  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX object_rotation_due ON object_rotation (due, object);
CREATE INDEX object_rotation_owner ON object_rotation (owner);

-- When the key of an object was last used, in days since 1970-01-01 UTC. Not bound: nothing is decided by it.
CREATE TABLE object_use (
    number BIGINT PRIMARY KEY,
    day    BIGINT NOT NULL
);

-- Keys in the HSM token that were destroyed or replaced, and that are not known to be gone from it.
CREATE TABLE erasure (
    number  BIGINT PRIMARY KEY,
    object  TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    cka_id  BYTEA,
    binding BYTEA NOT NULL
);

-- Roles, policies, users and projects that administrators made. `document` is JSON, and absent for what was removed: its
-- row stays, so that its version goes on. `binding` is a MAC by the binding key over all other columns.
CREATE TABLE policy_entry (
    kind     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    document TEXT COLLATE "C",
    binding  BYTEA NOT NULL,
    PRIMARY KEY (kind, name)
);

-- The end of the audit log of each server at its last commit: its last line, and the last checkpoint that is on disk. `one`
-- is the number of the server, from 1. The row 0 has the names of the servers in the order of their numbers.
CREATE TABLE audit_head (
    one              BIGINT PRIMARY KEY,
    seq              BIGINT NOT NULL,
    hash             BYTEA NOT NULL,
    signed_line      TEXT COLLATE "C",
    unrecorded_since BIGINT,
    root_keys        BYTEA,
    binding          BYTEA
);

-- Access tokens that were issued. `binding` is a MAC by the binding key over all other columns.
CREATE TABLE access_token (
    id          TEXT COLLATE "C" PRIMARY KEY,
    version     BIGINT NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    basis       TEXT COLLATE "C" NOT NULL,
    vouched     TEXT COLLATE "C" NOT NULL,
    signing_key TEXT COLLATE "C" NOT NULL,
    created     BIGINT NOT NULL,
    ttl         BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    max_expires BIGINT NOT NULL,
    uses_limit  BIGINT NOT NULL,
    uses        BIGINT NOT NULL,
    trusted     TEXT COLLATE "C" NOT NULL,
    thumbprint  BYTEA,
    narrowing   TEXT COLLATE "C",
    role        TEXT COLLATE "C",
    revoked     BIGINT NOT NULL,
    binding     BYTEA NOT NULL
);
CREATE INDEX access_token_expires ON access_token (expires, id);
CREATE INDEX access_token_subject ON access_token (subject, expires);

-- How many tokens of each identity were not ended before their time, and in which order they were issued.
CREATE TABLE access_token_count (
    subject TEXT COLLATE "C" PRIMARY KEY,
    live    BIGINT NOT NULL
);
CREATE TABLE access_token_order (
    subject TEXT COLLATE "C" NOT NULL,
    place   BIGINT NOT NULL,
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    PRIMARY KEY (subject, place)
);

-- Client secrets of Universal Auth. The secret stands in no column: `mac` is its MAC by the binding key. Rows stay when a
-- secret is revoked: the audit log knows their last version.
CREATE TABLE client_secret (
    id          TEXT COLLATE "C" PRIMARY KEY,
    version     BIGINT NOT NULL,
    identity    TEXT COLLATE "C" NOT NULL,
    auth        TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    prefix      TEXT COLLATE "C" NOT NULL,
    mac         BYTEA NOT NULL,
    created     BIGINT NOT NULL,
    updated     BIGINT NOT NULL,
    ttl         BIGINT NOT NULL,
    uses_limit  BIGINT NOT NULL,
    uses        BIGINT NOT NULL,
    revoked     BIGINT NOT NULL,
    binding     BYTEA NOT NULL
);
CREATE INDEX client_secret_mac ON client_secret (mac);
CREATE INDEX client_secret_auth ON client_secret (auth, id);

-- API keys of hosts, one for each at most. `mac` is the MAC of the key, or NULL once the key was taken away.
CREATE TABLE api_key (
    host    TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    changed BIGINT NOT NULL,
    mac     BYTEA,
    binding BYTEA NOT NULL
);

-- The values of secrets, each encrypted by the key that its object is. `writer` is not bound.
CREATE TABLE secret_version (
    object  TEXT COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL,
    created BIGINT NOT NULL,
    iv      BYTEA NOT NULL,
    data    BYTEA NOT NULL,
    binding BYTEA NOT NULL,
    writer  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (object, number)
);

-- Which object holds the secret of a path. For look-ups only.
CREATE TABLE secret_path (
    path   TEXT COLLATE "C" PRIMARY KEY,
    object TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Environments (kind 1), folders (2) and tags (3) of projects. Not bound: they decide about no access.
CREATE TABLE secret_place (
    id       TEXT COLLATE "C" PRIMARY KEY,
    project  TEXT COLLATE "C" NOT NULL,
    kind     BIGINT NOT NULL,
    path     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    note     TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    owner    TEXT COLLATE "C" NOT NULL,
    UNIQUE (project, kind, path)
);

-- How often each key has encrypted with AES-GCM at most, and what starts of the server have credited to every key.
CREATE TABLE gcm_use (
    object  TEXT COLLATE "C" PRIMARY KEY,
    counted BIGINT NOT NULL,
    since   BIGINT NOT NULL,
    binding BYTEA NOT NULL
);
CREATE TABLE gcm_credit (
    one     BIGINT PRIMARY KEY CHECK (one = 1),
    credit  BIGINT NOT NULL,
    binding BYTEA NOT NULL
);

-- How many units of its Usage Limits each key has left (KMIP 2.1 section 4.59).
CREATE TABLE usage_limit (
    object  TEXT COLLATE "C" PRIMARY KEY,
    "left"  BIGINT NOT NULL,
    binding BYTEA NOT NULL
);
