-- How many units of its Usage Limits each key has left (KMIP 2.1 section 4.59). The limits themselves are attributes of the object.
-- `binding` is a MAC by the binding key over all other columns.
CREATE TABLE usage_limit (
    object  TEXT PRIMARY KEY,
    left    INTEGER NOT NULL,
    binding BLOB NOT NULL
) STRICT, WITHOUT ROWID;
