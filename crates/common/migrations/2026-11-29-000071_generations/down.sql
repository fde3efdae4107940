DROP TABLE whole_copies;
ALTER TABLE consumed_events DROP COLUMN generation;
