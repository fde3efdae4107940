-- An invitation is a secret that proves itself once. Only its SHA-256 is kept: a copy of the database opens
-- nothing.
CREATE TABLE invitations (
    org_id uuid NOT NULL REFERENCES orgs,
    invitation_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    email text NOT NULL,
    token_sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by uuid,
    -- Set when a newer invitation of the same employee takes its place.
    replaced_at timestamptz,
    PRIMARY KEY (org_id, invitation_id),
    CONSTRAINT invitations_token_key UNIQUE (org_id, token_sha256),
    CONSTRAINT invitations_employee_known FOREIGN KEY (org_id, employee_id) REFERENCES employees (org_id, employee_id),
    CONSTRAINT invitations_accepted_by_somebody CHECK (num_nulls(accepted_at, accepted_by) IN (0, 2))
);
-- One open invitation per employee: the mail that came last is the one that works.
CREATE UNIQUE INDEX invitations_one_open ON invitations (org_id, employee_id)
    WHERE accepted_at IS NULL AND replaced_at IS NULL;

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON invitations
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON invitations TO rollcall_org;
