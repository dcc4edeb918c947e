-- The statements that change access_token keep up the count and the order of the tokens of each identity.
DROP TRIGGER access_token_added;
DROP TRIGGER access_token_ended;
DROP TRIGGER access_token_removed;
