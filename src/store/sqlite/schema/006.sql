-- The values of secrets, each encrypted by the key that its object is. `binding` is a MAC by the binding key over all other
-- columns; the object's row, which is bound too, says which version is the last.
CREATE TABLE secret_version (
    object  TEXT NOT NULL,
    number  INTEGER NOT NULL,
    created INTEGER NOT NULL,
    iv      BLOB NOT NULL,
    data    BLOB NOT NULL,
    binding BLOB NOT NULL,
    PRIMARY KEY (object, number)
) STRICT, WITHOUT ROWID;
