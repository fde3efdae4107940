-- A file of employees: what was sent, what came of each line, and how far the work is. The file itself goes once it
-- has been taken over.
CREATE TABLE imports (
    org_id uuid NOT NULL REFERENCES orgs,
    import_id uuid NOT NULL,
    status text NOT NULL,
    source text,
    mapping jsonb NOT NULL,
    actor jsonb NOT NULL,
    lines_total integer NOT NULL DEFAULT 0,
    lines_done integer NOT NULL DEFAULT 0,
    created integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    -- Until when the instance that works on it has it to itself.
    claimed_until timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (org_id, import_id),
    CONSTRAINT imports_status_known CHECK (status IN ('checking', 'checked', 'committing', 'committed', 'refused'))
);
CREATE INDEX imports_to_work_on ON imports (created_at) WHERE status IN ('checking', 'committing');

CREATE TABLE import_lines (
    org_id uuid NOT NULL REFERENCES orgs,
    import_id uuid NOT NULL,
    line integer NOT NULL,
    verdict text NOT NULL,
    errors jsonb NOT NULL,
    PRIMARY KEY (org_id, import_id, line),
    CONSTRAINT import_lines_import_known FOREIGN KEY (org_id, import_id)
        REFERENCES imports (org_id, import_id) ON DELETE CASCADE
);

ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON imports
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
ALTER TABLE import_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_lines
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

-- The worker looks for what is to be done in all organisations; the work itself it does as one of them.
CREATE POLICY to_work_on ON imports
    USING (current_setting('app.job', true) = 'imports')
    WITH CHECK (current_setting('app.job', true) = 'imports');
-- A consumer that starts empty walks all organisations; their rows it then asks for one organisation at a time.
CREATE POLICY all_orgs ON orgs FOR SELECT USING (current_setting('app.job', true) = 'list_orgs');

GRANT SELECT, INSERT, UPDATE, DELETE ON imports, import_lines TO rollcall_org;
