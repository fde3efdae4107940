-- What a business transaction writes besides its events.
CREATE TABLE people (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    fact jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, employee_id)
);
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON people TO rollcall_org;
