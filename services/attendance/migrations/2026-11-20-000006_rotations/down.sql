DROP TABLE roster_versions;
ALTER TABLE roster_entries DROP COLUMN rotation_id;
DROP TABLE rotations;
