-- What an organisation decides about attendance as a whole, and the record of who decided or changed what.

CREATE TABLE org_settings (
    org_id uuid PRIMARY KEY,
    settings jsonb NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE audit_events (
    org_id uuid NOT NULL,
    audit_event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject_id uuid NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    PRIMARY KEY (org_id, audit_event_id)
);
CREATE INDEX audit_events_by_time ON audit_events (org_id, at DESC, audit_event_id DESC);

-- The overtime that counts on some days of some people.
CREATE INDEX approvals_of_overtime ON approvals (org_id, employee_id, from_date)
    WHERE kind = 'overtime' AND status = 'approved';

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['org_settings', 'audit_events'] LOOP
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

GRANT SELECT, INSERT, UPDATE ON org_settings TO rollcall_attendance;
GRANT SELECT, INSERT ON audit_events TO rollcall_attendance;
