-- SHA-256 of all rows of root_key, covered by the binding: a row of it that is gone is noticed. NULL until the first start of
-- the version that knows it.
ALTER TABLE audit_head ADD COLUMN root_keys BLOB;
