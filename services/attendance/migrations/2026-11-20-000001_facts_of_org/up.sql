-- The copy of what org says: fed by its events, filled in by asking when something is missing. `fact` is what org
-- sent; the columns beside it are what we look for. `version` is org's: an older one never replaces a newer one.
--
-- Every table leads with org_id and is held by row-level security to the organisation that the transaction has
-- proven (app.org_id); forced, so that the owner of the tables is held too.

CREATE TABLE orgs (
    org_id uuid PRIMARY KEY,
    fact jsonb NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE units (
    org_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    fact jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, unit_id)
);

CREATE TABLE sites (
    org_id uuid NOT NULL,
    site_id uuid NOT NULL,
    fact jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, site_id)
);

CREATE TABLE employees (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    -- Compared and ordered by code point, whatever the collation of the database.
    number text COLLATE "C" NOT NULL,
    user_id uuid,
    fact jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, employee_id)
);
-- Not unique: an account that moves from one employee to another arrives as two events in any order.
CREATE INDEX employees_by_user ON employees (org_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX employees_by_number ON employees (org_id, number, employee_id);

-- The assignments inside `employees.fact` once more, as rows: who works in a unit is a question by index.
CREATE TABLE assignments (
    org_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    site_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    PRIMARY KEY (org_id, assignment_id),
    CONSTRAINT assignments_employee_known FOREIGN KEY (org_id, employee_id)
        REFERENCES employees (org_id, employee_id) ON DELETE CASCADE
);
CREATE INDEX assignments_by_employee ON assignments (org_id, employee_id);
CREATE INDEX assignments_by_unit ON assignments (org_id, unit_id);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['orgs', 'units', 'sites', 'employees', 'assignments'] LOOP
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

GRANT SELECT, INSERT, UPDATE ON orgs, units, sites, employees TO rollcall_attendance;
GRANT SELECT, INSERT, DELETE ON assignments TO rollcall_attendance;
