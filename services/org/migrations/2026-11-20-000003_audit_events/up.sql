-- Who changed what, from which value to which, when, from where. The service may add and read, never change
-- or remove: it has no right to.
CREATE TABLE audit_events (
    org_id uuid NOT NULL REFERENCES orgs,
    -- Ascending; gaps are normal (a transaction that was rolled back), and two that commit at the same time may
    -- become visible in either order.
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    actor_user_id uuid NOT NULL,
    actor_employee_id uuid,
    address text,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    before jsonb,
    after jsonb,
    PRIMARY KEY (org_id, sequence)
);

ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_events
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT ON audit_events TO rollcall_org;
