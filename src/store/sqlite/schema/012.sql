-- How often each key has encrypted with AES-GCM at most: `counted` when the row was written, and what starts of the server have
-- credited since (the sum of all credits, less `since`). `binding` is a MAC by the binding key over all other columns.
CREATE TABLE gcm_use (
    object  TEXT PRIMARY KEY,
    counted INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    binding BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What all starts together have credited to every key: a block each. Missing only before the first start with this schema.
CREATE TABLE gcm_credit (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    credit  INTEGER NOT NULL,
    binding BLOB NOT NULL
) STRICT;
