-- Corrections: what was asked for, how it was decided, and, once approved, the facts that it added.

CREATE TABLE corrections (
    org_id uuid NOT NULL,
    correction_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    work_date date NOT NULL,
    changes jsonb NOT NULL,
    reason text NOT NULL,
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    status text NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    note text,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, correction_id),
    CONSTRAINT corrections_status_known CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled')),
    CONSTRAINT corrections_decided_whole CHECK (
        num_nulls(decided_by, decided_at) = CASE status WHEN 'pending' THEN 2 ELSE 0 END
    ),
    -- Nobody approves what is theirs, or what they asked for.
    CONSTRAINT corrections_by_another CHECK (status <> 'approved' OR decided_by NOT IN (employee_id, requested_by))
);
CREATE INDEX corrections_by_employee ON corrections (org_id, employee_id, requested_at DESC, correction_id DESC);

-- Punches that an approved correction added: facts as others, but not sent by anybody.
CREATE TABLE added_punches (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    at timestamptz NOT NULL,
    punch_id uuid NOT NULL,
    direction text NOT NULL,
    correction_id uuid NOT NULL,
    PRIMARY KEY (org_id, employee_id, at, punch_id),
    CONSTRAINT added_punches_direction_known CHECK (direction IN ('in', 'out', 'auto')),
    CONSTRAINT added_punches_correction_known FOREIGN KEY (org_id, correction_id)
        REFERENCES corrections (org_id, correction_id)
);

-- Punches that do not count since a correction was approved. They stay where they are.
CREATE TABLE voided_punches (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    -- When the punch was made, so that those of a stretch of time are found together.
    at timestamptz NOT NULL,
    punch_id uuid NOT NULL,
    correction_id uuid NOT NULL,
    PRIMARY KEY (org_id, employee_id, at, punch_id),
    CONSTRAINT voided_punches_correction_known FOREIGN KEY (org_id, correction_id)
        REFERENCES corrections (org_id, correction_id)
);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['corrections', 'added_punches', 'voided_punches'] LOOP
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

GRANT SELECT, INSERT ON corrections, added_punches, voided_punches TO rollcall_attendance;
-- What was asked for stays as it was asked for.
GRANT UPDATE (status, decided_by, decided_at, note, version) ON corrections TO rollcall_attendance;
