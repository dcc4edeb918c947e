-- The time at which a pending change expires, in seconds since 1970-01-01 UTC. Not bound: the row of the object
-- decides. It keeps expired changes out of lists, and out of the count of a user's pending offers.
ALTER TABLE object_pending ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;

UPDATE object_pending SET expires = COALESCE((
    SELECT CASE WHEN json_valid(pending) THEN
        json_extract(pending, CASE WHEN subject = 'recovery' THEN '$.recovery.expires' ELSE '$.offer.expires' END)
    END
    FROM object WHERE object.id = object_pending.object
), 0);

CREATE INDEX object_pending_open ON object_pending (subject, expires);
