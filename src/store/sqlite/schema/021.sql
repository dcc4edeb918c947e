-- Dates that the clock has to reach: of objects that are Pre-Active (state 1), and of objects that are Active (state 2).
CREATE INDEX object_activation ON object (activation_date, number) WHERE state = 1 AND activation_date IS NOT NULL;
CREATE INDEX object_deactivation ON object (deactivation_date, number) WHERE state = 2 AND deactivation_date IS NOT NULL;
