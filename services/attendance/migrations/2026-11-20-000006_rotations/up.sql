-- Cycles of shifts, and the version of the roster.

CREATE TABLE rotations (
    org_id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    name text NOT NULL,
    anchor_date date NOT NULL,
    -- Of each day the id of its shift, or null for a day off.
    cycle jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    PRIMARY KEY (org_id, rotation_id),
    CONSTRAINT rotations_cycle_has_days CHECK (jsonb_array_length(cycle) BETWEEN 1 AND 366)
);

ALTER TABLE roster_entries
    ADD COLUMN rotation_id uuid,
    ADD CONSTRAINT roster_entries_one_plan CHECK (num_nonnulls(shift_id, rotation_id) <= 1),
    ADD CONSTRAINT roster_entries_rotation_known FOREIGN KEY (org_id, rotation_id)
        REFERENCES rotations (org_id, rotation_id);

-- Counts the changes of the roster of an organisation, so that who plans can see that nobody else did meanwhile.
CREATE TABLE roster_versions (
    org_id uuid PRIMARY KEY,
    version bigint NOT NULL
);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['rotations', 'roster_versions'] LOOP
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

GRANT SELECT, INSERT ON rotations TO rollcall_attendance;
GRANT SELECT, INSERT, UPDATE ON roster_versions TO rollcall_attendance;
