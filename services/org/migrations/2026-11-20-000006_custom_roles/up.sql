-- Roles that an organisation makes itself. employee_roles names them as it names the built-in ones; a role that
-- somebody holds is not deleted, which is decided under the lock of the organisation, as giving is.
CREATE TABLE custom_roles (
    org_id uuid NOT NULL REFERENCES orgs,
    role text COLLATE "C" NOT NULL,
    name text NOT NULL,
    scope text NOT NULL,
    permissions text[] NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT custom_roles_pkey PRIMARY KEY (org_id, role),
    CONSTRAINT custom_roles_scope_known CHECK (scope IN ('org', 'unit', 'self'))
);

ALTER TABLE custom_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE custom_roles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON custom_roles
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON custom_roles TO rollcall_org;
