-- What a change of one object replaces in the search tables is found by the object.
CREATE INDEX object_name_number ON object_name (number);
CREATE INDEX object_tag_number ON object_tag (number);

-- A start reads the objects whose key is in the HSM, and no others.
CREATE INDEX object_in_token ON object (state) WHERE placement = 2;

-- Searches read each list from its end. They pass over what was destroyed (state 5 and 6) only if it is asked for.
CREATE INDEX object_owner_live ON object (owner, number) WHERE state < 5;
CREATE INDEX object_project_live ON object (project, number) WHERE state < 5 AND project IS NOT NULL;
CREATE INDEX object_in_project ON object (number) WHERE project IS NOT NULL;
