-- The maximum number of encryptions by each key with AES-GCM: `counted` when the row was written, and the credits of
-- later starts of the server (the sum of all credits minus `since`). `binding` is a MAC by the binding key over all
-- other columns.
CREATE TABLE gcm_use (
    object  TEXT PRIMARY KEY,
    counted INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    binding BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The sum of the credits of all starts to every key: one block for each start. There is no row before the first start
-- with this schema.
CREATE TABLE gcm_credit (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    credit  INTEGER NOT NULL,
    binding BLOB NOT NULL
) STRICT;
