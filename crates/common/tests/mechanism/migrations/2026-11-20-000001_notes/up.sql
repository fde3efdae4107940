CREATE TABLE notes (
    org_id uuid NOT NULL,
    note_id uuid NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (org_id, note_id)
);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notes USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT ON notes TO rollcall_org;
