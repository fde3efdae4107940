-- Units and sites, as org tells them: whom an announcement to one of them reaches. `fact` is the whole of what org
-- published.
CREATE TABLE unit_facts (
    org_id  uuid NOT NULL,
    unit_id uuid NOT NULL,
    fact    jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, unit_id)
);
ALTER TABLE unit_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE unit_facts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON unit_facts
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON unit_facts TO rollcall_notification;

CREATE TABLE site_facts (
    org_id  uuid NOT NULL,
    site_id uuid NOT NULL,
    fact    jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, site_id)
);
ALTER TABLE site_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE site_facts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON site_facts
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON site_facts TO rollcall_notification;

-- Organisations whose facts were read whole from org: events alone never say that nobody is missing.
CREATE TABLE backfills (
    org_id  uuid PRIMARY KEY,
    done_at timestamptz NOT NULL
);
ALTER TABLE backfills ENABLE ROW LEVEL SECURITY;
ALTER TABLE backfills FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON backfills
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT ON backfills TO rollcall_notification;
