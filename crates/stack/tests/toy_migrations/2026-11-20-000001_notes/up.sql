CREATE TABLE notes (text text NOT NULL);
GRANT SELECT, INSERT ON notes TO rollcall_org;
