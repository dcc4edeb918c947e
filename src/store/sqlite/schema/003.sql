-- How far the audit log had come at the last commit: its last line, and the last checkpoint that is on disk.
CREATE TABLE audit_head (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    seq         INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    signed_seq  INTEGER,
    signed_line TEXT
) STRICT;
