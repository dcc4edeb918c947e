-- SHA-256 of all rows of root_key, covered by the binding, so that a missing row is detected. NULL until the first
-- start of a version that writes it.
ALTER TABLE audit_head ADD COLUMN root_keys BLOB;
