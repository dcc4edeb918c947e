-- A MAC by the binding key over the other columns, and the time since when the server has run without an audit log, in
-- seconds since 1970-01-01 UTC.
ALTER TABLE audit_head ADD COLUMN binding BLOB;
ALTER TABLE audit_head ADD COLUMN unrecorded_since INTEGER;
