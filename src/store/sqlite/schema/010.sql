-- How many tokens of each identity were not ended before their time; kept up by the database, so that a login need not
-- count them.
CREATE TABLE access_token_count (
    subject TEXT PRIMARY KEY,
    live    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO access_token_count (subject, live)
    SELECT subject, count(*) FROM access_token WHERE revoked = 0 GROUP BY subject;

-- In which order the tokens of an identity were issued that were not ended. No binding covers it: it decides only which of
-- them ends first where there are too many.
CREATE TABLE access_token_order (
    subject TEXT NOT NULL,
    place   INTEGER NOT NULL,
    id      TEXT NOT NULL UNIQUE,
    PRIMARY KEY (subject, place)
) STRICT, WITHOUT ROWID;
INSERT INTO access_token_order (subject, place, id)
    SELECT subject, row_number() OVER (PARTITION BY subject ORDER BY created, id), id FROM access_token WHERE revoked = 0;

CREATE TRIGGER access_token_added AFTER INSERT ON access_token WHEN NEW.revoked = 0 BEGIN
    INSERT INTO access_token_count (subject, live) VALUES (NEW.subject, 1)
        ON CONFLICT (subject) DO UPDATE SET live = live + 1;
    INSERT INTO access_token_order (subject, place, id) VALUES (
        NEW.subject,
        (SELECT coalesce(max(place), 0) + 1 FROM access_token_order WHERE subject = NEW.subject),
        NEW.id
    );
END;
CREATE TRIGGER access_token_ended AFTER UPDATE OF revoked ON access_token WHEN OLD.revoked = 0 AND NEW.revoked <> 0 BEGIN
    UPDATE access_token_count SET live = live - 1 WHERE subject = OLD.subject;
    DELETE FROM access_token_order WHERE id = OLD.id;
END;
CREATE TRIGGER access_token_removed AFTER DELETE ON access_token WHEN OLD.revoked = 0 BEGIN
    UPDATE access_token_count SET live = live - 1 WHERE subject = OLD.subject;
    DELETE FROM access_token_order WHERE id = OLD.id;
END;

-- Those of an identity that are past their end.
DROP INDEX access_token_subject;
CREATE INDEX access_token_subject ON access_token (subject, expires);
