-- Kinds of leave, how they are earned, and the ledger of what was earned and used.

CREATE TABLE leave_types (
    org_id uuid NOT NULL,
    leave_type_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    -- The whole body as it was sent and checked.
    body jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    PRIMARY KEY (org_id, leave_type_id),
    CONSTRAINT leave_types_code_key UNIQUE (org_id, code)
);

CREATE TABLE leave_policies (
    org_id uuid NOT NULL,
    leave_policy_id uuid NOT NULL,
    -- Of two for the same people the later one holds.
    seq bigint GENERATED ALWAYS AS IDENTITY,
    leave_type_id uuid NOT NULL,
    body jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    PRIMARY KEY (org_id, leave_policy_id),
    CONSTRAINT leave_policies_type_known FOREIGN KEY (org_id, leave_type_id) REFERENCES leave_types (org_id, leave_type_id)
);

-- One row a person: whoever writes to their ledger holds it, so that no two draw on the same balance.
CREATE TABLE leave_accounts (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    -- What the job that earns and expires has seen: nothing is to be done again before one of these changes.
    settled_on date,
    settled_with text,
    PRIMARY KEY (org_id, employee_id)
);

-- Added to and never edited. A balance is a sum.
CREATE TABLE leave_entries (
    org_id uuid NOT NULL,
    leave_entry_id uuid NOT NULL,
    -- The order in which they were entered.
    seq bigint GENERATED ALWAYS AS IDENTITY,
    employee_id uuid NOT NULL,
    leave_type_id uuid NOT NULL,
    kind text NOT NULL,
    minutes bigint NOT NULL,
    effective_on date NOT NULL,
    expires_on date,
    -- The entry that this one takes from or gives back to.
    source_id uuid,
    leave_request_id uuid,
    leave_policy_id uuid,
    -- What an entry of the service itself is for: the same is never entered twice.
    reason_key text,
    note text,
    created_at timestamptz NOT NULL,
    created_by uuid,
    PRIMARY KEY (org_id, leave_entry_id),
    CONSTRAINT leave_entries_reason_key UNIQUE (org_id, employee_id, reason_key),
    CONSTRAINT leave_entries_type_known FOREIGN KEY (org_id, leave_type_id) REFERENCES leave_types (org_id, leave_type_id),
    CONSTRAINT leave_entries_account_known FOREIGN KEY (org_id, employee_id)
        REFERENCES leave_accounts (org_id, employee_id),
    CONSTRAINT leave_entries_source_known FOREIGN KEY (org_id, source_id) REFERENCES leave_entries (org_id, leave_entry_id),
    CONSTRAINT leave_entries_kind_known CHECK (
        kind IN ('grant', 'accrual', 'carry_over', 'expiry', 'use', 'return', 'adjust')
    ),
    CONSTRAINT leave_entries_sign CHECK (
        CASE kind
            WHEN 'grant' THEN minutes > 0
            WHEN 'accrual' THEN minutes >= 0
            WHEN 'return' THEN minutes > 0
            WHEN 'use' THEN minutes < 0
            WHEN 'expiry' THEN minutes < 0 AND source_id IS NOT NULL
            ELSE minutes <> 0
        END
    ),
    CONSTRAINT leave_entries_dates_in_order CHECK (expires_on >= effective_on),
    CONSTRAINT leave_entries_of_requests CHECK (kind <> 'use' OR leave_request_id IS NOT NULL)
);
CREATE INDEX leave_entries_by_employee ON leave_entries (org_id, employee_id, seq);

-- Of which grants somebody was told that they expire soon: once.
CREATE TABLE leave_warnings (
    org_id uuid NOT NULL,
    leave_entry_id uuid NOT NULL,
    warned_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, leave_entry_id)
);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['leave_types', 'leave_policies', 'leave_accounts', 'leave_entries', 'leave_warnings'] LOOP
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

-- The job that earns and expires looks for organisations that have leave, and at nothing else.
CREATE POLICY settling ON leave_types FOR SELECT USING (current_setting('app.job', true) = 'settle_leave');

GRANT SELECT, INSERT ON leave_types, leave_policies, leave_accounts, leave_entries, leave_warnings TO rollcall_attendance;
GRANT UPDATE (body, version, changed_at, changed_by) ON leave_types, leave_policies TO rollcall_attendance;
GRANT UPDATE (settled_on, settled_with) ON leave_accounts TO rollcall_attendance;
