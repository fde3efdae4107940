-- What all requests have in common: who asked for whom, how many levels have to approve, where it stands. What is
-- asked for is in the table of its kind, under the same id.

CREATE TABLE approvals (
    org_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL,
    employee_id uuid NOT NULL,
    -- Whoever it takes beside the employee, as in a swap.
    with_employee_id uuid,
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    -- In few words: the days it concerns, how much, what exactly, why.
    from_date date NOT NULL,
    to_date date NOT NULL,
    minutes integer,
    label text,
    reason text,
    levels smallint NOT NULL,
    -- Whose turn it is, or was last.
    level smallint NOT NULL,
    status text NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    note text,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, request_id),
    CONSTRAINT approvals_kind_known CHECK (kind IN ('correction', 'overtime', 'leave', 'swap')),
    CONSTRAINT approvals_status_known CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled')),
    CONSTRAINT approvals_levels CHECK (levels BETWEEN 1 AND 2 AND level BETWEEN 1 AND levels),
    CONSTRAINT approvals_dates_in_order CHECK (from_date <= to_date),
    CONSTRAINT approvals_decided_whole CHECK (
        num_nulls(decided_by, decided_at) = CASE status WHEN 'pending' THEN 2 ELSE 0 END
    ),
    -- Nobody decides what is theirs, or what they asked for.
    CONSTRAINT approvals_by_another CHECK (
        status NOT IN ('approved', 'rejected')
        OR (decided_by NOT IN (employee_id, requested_by) AND decided_by IS DISTINCT FROM with_employee_id)
    )
);
CREATE INDEX approvals_by_employee ON approvals (org_id, employee_id, kind, requested_at DESC, request_id DESC);
CREATE INDEX approvals_pending ON approvals (org_id, requested_at DESC, request_id DESC) WHERE status = 'pending';

-- Every decision as it was made. A decision makes the version it is kept under, so of two at once one is too late.
CREATE TABLE approval_decisions (
    org_id uuid NOT NULL,
    request_id uuid NOT NULL,
    version bigint NOT NULL,
    level smallint NOT NULL,
    verdict text NOT NULL,
    decided_by uuid NOT NULL,
    -- In whose place.
    on_behalf_of uuid,
    note text,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, request_id, version),
    CONSTRAINT approval_decisions_verdict_known CHECK (verdict IN ('approved', 'rejected', 'cancelled')),
    CONSTRAINT approval_decisions_request_known FOREIGN KEY (org_id, request_id)
        REFERENCES approvals (org_id, request_id)
);

-- The copy of org's delegations: who decides for whom on which days.
CREATE TABLE delegations (
    org_id uuid NOT NULL,
    delegation_id uuid NOT NULL,
    from_employee_id uuid NOT NULL,
    to_employee_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    deleted boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, delegation_id)
);
CREATE INDEX delegations_by_delegate ON delegations (org_id, to_employee_id, valid_to) WHERE NOT deleted;
CREATE INDEX delegations_by_absent ON delegations (org_id, from_employee_id, valid_to) WHERE NOT deleted;

-- Those who may decide for the whole organisation are few, and asked for with every request.
CREATE INDEX employees_deciding ON employees (org_id)
    WHERE fact -> 'grants' @> '[{"scope": {"kind": "org"}, "permissions": ["approvals.decide"]}]';

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['approvals', 'approval_decisions', 'delegations'] LOOP
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

GRANT SELECT, INSERT ON approvals, approval_decisions TO rollcall_attendance;
GRANT UPDATE (level, status, decided_by, decided_at, note, version) ON approvals TO rollcall_attendance;
GRANT SELECT, INSERT, UPDATE ON delegations TO rollcall_attendance;

-- Corrections had all of this in their own row, and the release that is being replaced still writes it there. What
-- it asks for and decides is taken over as it happens; what this release decides is there already.
CREATE FUNCTION corrections_of_the_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO approvals AS known (
        org_id, request_id, kind, employee_id, requested_by, requested_at, from_date, to_date, reason, levels, level,
        status, decided_by, decided_at, note, version
    ) VALUES (
        NEW.org_id, NEW.correction_id, 'correction', NEW.employee_id, NEW.requested_by, NEW.requested_at,
        NEW.work_date, NEW.work_date, NEW.reason, 1, 1, NEW.status, NEW.decided_by, NEW.decided_at, NEW.note, NEW.version
    )
    ON CONFLICT (org_id, request_id) DO UPDATE
    SET status = excluded.status, decided_by = excluded.decided_by, decided_at = excluded.decided_at,
        note = excluded.note, version = known.version + 1
    WHERE known.status = 'pending' AND excluded.status <> 'pending';
    IF FOUND AND NEW.status <> 'pending' THEN
        INSERT INTO approval_decisions (org_id, request_id, version, level, verdict, decided_by, note, at)
        SELECT org_id, request_id, version, level, status, decided_by, note, decided_at
        FROM approvals WHERE org_id = NEW.org_id AND request_id = NEW.correction_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER corrections_of_the_release_before AFTER INSERT OR UPDATE ON corrections
    FOR EACH ROW EXECUTE FUNCTION corrections_of_the_release_before();

-- What there is already. Forced row-level security holds the owner too, who is to see all of it for once.
ALTER TABLE corrections NO FORCE ROW LEVEL SECURITY;
ALTER TABLE approvals NO FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_decisions NO FORCE ROW LEVEL SECURITY;
INSERT INTO approvals (
    org_id, request_id, kind, employee_id, requested_by, requested_at, from_date, to_date, reason, levels, level,
    status, decided_by, decided_at, note, version
)
SELECT org_id, correction_id, 'correction', employee_id, requested_by, requested_at, work_date, work_date, reason, 1, 1,
    status, decided_by, decided_at, note, version
FROM corrections;
INSERT INTO approval_decisions (org_id, request_id, version, level, verdict, decided_by, note, at)
SELECT org_id, correction_id, version, 1, status, decided_by, note, decided_at FROM corrections WHERE status <> 'pending';
ALTER TABLE approval_decisions FORCE ROW LEVEL SECURITY;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY;
ALTER TABLE corrections FORCE ROW LEVEL SECURITY;
