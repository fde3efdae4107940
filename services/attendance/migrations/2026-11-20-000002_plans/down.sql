DROP TABLE roster_entries;
DROP TABLE shift_versions;
DROP TABLE shifts;
