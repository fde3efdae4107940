-- Who decides in whose place, from when to when. Taken back: the row stays, for the record.
CREATE TABLE delegations (
    org_id uuid NOT NULL REFERENCES orgs,
    delegation_id uuid NOT NULL,
    from_employee_id uuid NOT NULL,
    to_employee_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    reason text,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    PRIMARY KEY (org_id, delegation_id),
    CONSTRAINT delegations_from_known FOREIGN KEY (org_id, from_employee_id)
        REFERENCES employees (org_id, employee_id),
    CONSTRAINT delegations_to_known FOREIGN KEY (org_id, to_employee_id) REFERENCES employees (org_id, employee_id),
    CONSTRAINT delegations_to_another CHECK (from_employee_id <> to_employee_id),
    CONSTRAINT delegations_dates_in_order CHECK (valid_to >= valid_from)
);
CREATE INDEX delegations_by_from ON delegations (org_id, from_employee_id);
CREATE INDEX delegations_by_to ON delegations (org_id, to_employee_id);

ALTER TABLE delegations ENABLE ROW LEVEL SECURITY;
ALTER TABLE delegations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delegations
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON delegations TO rollcall_org;
