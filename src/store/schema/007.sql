-- A change of an object finds the rows that it replaces in the search tables by the number of the object.
CREATE INDEX object_name_number ON object_name (number);
CREATE INDEX object_tag_number ON object_tag (number);

-- A start reads only the objects whose key is in the HSM.
CREATE INDEX object_in_token ON object (state) WHERE placement = 2;

-- Searches read each list from its end. They skip destroyed objects (state 5 and 6) unless these are requested.
CREATE INDEX object_owner_live ON object (owner, number) WHERE state < 5;
CREATE INDEX object_project_live ON object (project, number) WHERE state < 5 AND project IS NOT NULL;
CREATE INDEX object_in_project ON object (number) WHERE project IS NOT NULL;
