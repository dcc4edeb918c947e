-- When what waits ends, in seconds since 1970-01-01 UTC. Not bound: what an object says of itself decides. It keeps what has
-- ended out of lists, and of the count of offers that one user may be made.
ALTER TABLE object_pending ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;

UPDATE object_pending SET expires = COALESCE((
    SELECT CASE WHEN json_valid(pending) THEN
        json_extract(pending, CASE WHEN subject = 'recovery' THEN '$.recovery.expires' ELSE '$.offer.expires' END)
    END
    FROM object WHERE object.id = object_pending.object
), 0);

CREATE INDEX object_pending_open ON object_pending (subject, expires);
