-- The owner of a key that the server replaces by itself, for the bounds of each owner. For searches only: what they find is checked
-- against the bound row.
ALTER TABLE object_rotation ADD COLUMN owner TEXT NOT NULL DEFAULT '';

UPDATE object_rotation SET owner = coalesce((SELECT owner FROM object WHERE id = object_rotation.object), '');

CREATE INDEX object_rotation_owner ON object_rotation (owner);
