-- What was found missing of somebody's day, each told once.

CREATE TABLE missing_punches (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    work_date date NOT NULL,
    missing text NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, employee_id, work_date, missing),
    CONSTRAINT missing_punches_known CHECK (missing IN ('in', 'out', 'everything', 'not_come'))
);

-- When each organisation was looked at, and when it is due again.
CREATE TABLE missing_punch_looks (
    org_id uuid PRIMARY KEY,
    -- What closed before is told to nobody.
    watched_since timestamptz NOT NULL,
    -- Until when everything was known when it was looked at last; a silent device holds it back.
    looked_at timestamptz NOT NULL,
    next_look_at timestamptz NOT NULL
);
CREATE INDEX missing_punch_looks_due ON missing_punch_looks (next_look_at);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['missing_punches', 'missing_punch_looks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I '
            'USING (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid) '
            'WITH CHECK (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)',
            tenant_table
        );
    END LOOP;
END
$$;
-- The job that asks which organisation is due looks across all of them, and at nothing else.
CREATE POLICY looking ON missing_punch_looks
    USING (current_setting('app.job', true) = 'missing_punches')
    WITH CHECK (current_setting('app.job', true) = 'missing_punches');
CREATE POLICY looking ON orgs FOR SELECT USING (current_setting('app.job', true) = 'missing_punches');

GRANT SELECT, INSERT ON missing_punches TO rollcall_attendance;
GRANT SELECT, INSERT, UPDATE ON missing_punch_looks TO rollcall_attendance;
