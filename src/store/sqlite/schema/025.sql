-- The user who made an environment, a folder or a tag. Empty: the server made it, or it is from before this column.
ALTER TABLE secret_place ADD COLUMN owner TEXT NOT NULL DEFAULT '';

-- The user who wrote a value of a secret. Empty: it is from before this column. Not bound: it only decides whether another writer may
-- push the value out.
ALTER TABLE secret_version ADD COLUMN writer TEXT NOT NULL DEFAULT '';

-- The objects of an owner outside of projects that are granted to everyone, for the bound of each owner.
INSERT OR IGNORE INTO object_grantee (grantee, number)
SELECT 'everyone:' || object.owner, object.number
FROM object_grantee JOIN object ON object.number = object_grantee.number
WHERE object_grantee.grantee = '*' AND object.project IS NULL;
