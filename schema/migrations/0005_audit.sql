-- What people read.

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Views for people: what was shared with whom, and what became of it';
