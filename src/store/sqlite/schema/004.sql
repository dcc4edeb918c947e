-- A MAC by the binding key over the other columns, and since when the server ran without a log, in seconds since
-- 1970-01-01 UTC.
ALTER TABLE audit_head ADD COLUMN binding BLOB;
ALTER TABLE audit_head ADD COLUMN unrecorded_since INTEGER;
