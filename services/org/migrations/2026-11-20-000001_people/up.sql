-- Who works where, under whom. Every table is a tenant's: org_id leads its keys, and row-level security holds
-- each statement to the organisation that the transaction has proven (app.org_id). Forced, so that the owner
-- of the tables is held too; foreign keys are checked by PostgreSQL itself and see all rows.

-- Trusted since PostgreSQL 13: the owner of the database may create it. Lets an exclusion constraint mix
-- equality (org, employee) with overlap (dates).
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE orgs (
    org_id uuid PRIMARY KEY,
    name text NOT NULL,
    time_zone text NOT NULL,
    locale text NOT NULL,
    country text,
    week_start text NOT NULL DEFAULT 'monday',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT orgs_week_start_known CHECK (
        week_start IN ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
    )
);

CREATE TABLE employees (
    org_id uuid NOT NULL REFERENCES orgs,
    employee_id uuid NOT NULL,
    -- Compared and ordered by code point, whatever the collation of the database.
    number text COLLATE "C" NOT NULL,
    name text NOT NULL,
    email text,
    user_id uuid,
    hired_on date NOT NULL,
    left_on date,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, employee_id),
    CONSTRAINT employees_number_key UNIQUE (org_id, number),
    CONSTRAINT employees_user_key UNIQUE (org_id, user_id),
    CONSTRAINT employees_dates_in_order CHECK (left_on >= hired_on)
);
-- "My organisations" is the one question that crosses tenants; it starts from the account.
CREATE INDEX employees_of_user ON employees (user_id, org_id) WHERE user_id IS NOT NULL;

CREATE TABLE units (
    org_id uuid NOT NULL REFERENCES orgs,
    unit_id uuid NOT NULL,
    name text NOT NULL,
    code text,
    parent_id uuid,
    head_employee_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, unit_id),
    CONSTRAINT units_code_key UNIQUE (org_id, code),
    CONSTRAINT units_parent_known FOREIGN KEY (org_id, parent_id) REFERENCES units (org_id, unit_id),
    CONSTRAINT units_head_known FOREIGN KEY (org_id, head_employee_id) REFERENCES employees (org_id, employee_id),
    CONSTRAINT units_not_below_itself CHECK (parent_id <> unit_id)
);
-- One root: together with the refusal of cycles this makes the units a tree.
CREATE UNIQUE INDEX units_one_root ON units (org_id) WHERE parent_id IS NULL;
CREATE INDEX units_by_parent ON units (org_id, parent_id);
CREATE INDEX units_by_head ON units (org_id, head_employee_id) WHERE head_employee_id IS NOT NULL;

CREATE TABLE sites (
    org_id uuid NOT NULL REFERENCES orgs,
    site_id uuid NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    latitude double precision,
    longitude double precision,
    radius_m integer,
    allowed_networks text[] NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, site_id),
    CONSTRAINT sites_geofence_whole CHECK (num_nulls(latitude, longitude, radius_m) IN (0, 3)),
    CONSTRAINT sites_geofence_on_earth CHECK (
        latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180 AND radius_m BETWEEN 1 AND 100000
    )
);

CREATE TABLE assignments (
    org_id uuid NOT NULL REFERENCES orgs,
    assignment_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    site_id uuid NOT NULL,
    manager_id uuid,
    position text,
    employment_type text NOT NULL DEFAULT 'full_time',
    valid_from date NOT NULL,
    valid_to date,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, assignment_id),
    CONSTRAINT assignments_employee_known FOREIGN KEY (org_id, employee_id) REFERENCES employees (org_id, employee_id),
    CONSTRAINT assignments_unit_known FOREIGN KEY (org_id, unit_id) REFERENCES units (org_id, unit_id),
    CONSTRAINT assignments_site_known FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, site_id),
    CONSTRAINT assignments_manager_known FOREIGN KEY (org_id, manager_id) REFERENCES employees (org_id, employee_id),
    CONSTRAINT assignments_not_own_manager CHECK (manager_id <> employee_id),
    CONSTRAINT assignments_dates_in_order CHECK (valid_to >= valid_from),
    -- Nobody is in two places on one day.
    CONSTRAINT assignments_one_at_a_time EXCLUDE USING gist (
        org_id WITH =, employee_id WITH =, daterange(valid_from, valid_to, '[]') WITH &&
    )
);
CREATE INDEX assignments_by_employee ON assignments (org_id, employee_id, valid_from);
CREATE INDEX assignments_by_unit ON assignments (org_id, unit_id);
CREATE INDEX assignments_by_site ON assignments (org_id, site_id);
CREATE INDEX assignments_by_manager ON assignments (org_id, manager_id) WHERE manager_id IS NOT NULL;

-- The role is a name, not a reference: what the built-in ones allow is in the code, and a binary that does not
-- know a name gives nothing for it.
CREATE TABLE employee_roles (
    org_id uuid NOT NULL REFERENCES orgs,
    employee_id uuid NOT NULL,
    role text COLLATE "C" NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, employee_id, role),
    CONSTRAINT employee_roles_employee_known FOREIGN KEY (org_id, employee_id) REFERENCES employees (org_id, employee_id)
);
CREATE INDEX employee_roles_by_role ON employee_roles (org_id, role);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['orgs', 'employees', 'units', 'sites', 'assignments', 'employee_roles'] LOOP
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

-- Whoever signed in may read their own employments and the organisations of those, and nothing else, before a
-- tenant is chosen.
CREATE POLICY own_employments ON employees FOR SELECT
    USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY orgs_of_own_employments ON orgs FOR SELECT
    USING (org_id IN (
        SELECT employees.org_id FROM employees
        WHERE employees.user_id = nullif(current_setting('app.user_id', true), '')::uuid
    ));

GRANT SELECT, INSERT, UPDATE ON orgs, employees, units, sites, assignments TO rollcall_org;
GRANT SELECT, INSERT, DELETE ON employee_roles TO rollcall_org;
