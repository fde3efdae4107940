-- What is planned: shifts and the roster. Facts that are added to and never edited: a change of a shift is a new
-- version from a date on, a change of plan is a later entry.

CREATE TABLE shifts (
    org_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, shift_id),
    CONSTRAINT shifts_code_key UNIQUE (org_id, code)
);

-- On a date the highest version that holds from that date or earlier is in force.
CREATE TABLE shift_versions (
    org_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    -- Wall time, 'HH:MM'; an end that is not after the start is on the next day.
    starts text NOT NULL,
    ends text NOT NULL,
    breaks jsonb NOT NULL,
    policy jsonb NOT NULL,
    -- NULL: from ever.
    valid_from date,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    PRIMARY KEY (org_id, shift_id, version),
    CONSTRAINT shift_versions_shift_known FOREIGN KEY (org_id, shift_id) REFERENCES shifts (org_id, shift_id),
    CONSTRAINT shift_versions_wall_times CHECK (
        starts ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' AND ends ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
    ),
    CONSTRAINT shift_versions_first_is_from_ever CHECK (version > 1 OR valid_from IS NULL)
);

CREATE TABLE roster_entries (
    org_id uuid NOT NULL,
    roster_entry_id uuid NOT NULL,
    -- Later entries beat earlier ones of the same kind.
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    -- An employee, a unit or a site, by kind.
    target_id uuid NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    -- NULL: a day off.
    shift_id uuid,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    PRIMARY KEY (org_id, roster_entry_id),
    CONSTRAINT roster_entries_kind_known CHECK (kind IN ('employee', 'unit', 'site')),
    CONSTRAINT roster_entries_dates_in_order CHECK (from_date <= to_date),
    CONSTRAINT roster_entries_shift_known FOREIGN KEY (org_id, shift_id) REFERENCES shifts (org_id, shift_id)
);
CREATE INDEX roster_entries_by_target ON roster_entries (org_id, target_id, to_date);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['shifts', 'shift_versions', 'roster_entries'] LOOP
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

GRANT SELECT, INSERT ON shifts, shift_versions, roster_entries TO rollcall_attendance;
