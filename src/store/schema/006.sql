-- The values of secrets, each encrypted by the key of its object. `binding` is a MAC by the binding key over all other
-- columns; the object's row, which is bound too, has the number of the last version.
CREATE TABLE secret_version (
    object  TEXT NOT NULL,
    number  INTEGER NOT NULL,
    created INTEGER NOT NULL,
    iv      BLOB NOT NULL,
    data    BLOB NOT NULL,
    binding BLOB NOT NULL,
    PRIMARY KEY (object, number)
) STRICT, WITHOUT ROWID;
