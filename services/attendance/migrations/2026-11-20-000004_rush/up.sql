-- What the morning rush needs.

-- One statement writes the punches of everybody who waits, and they may be of several organisations. The writer says
-- for which ones it has proof (app.org_ids, comma-separated, set per transaction); a row of any other is refused as
-- before. The list is read once per statement, not once per row.
CREATE POLICY writer ON punches FOR INSERT
    WITH CHECK (org_id = ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ',')::uuid[])::uuid[]));
-- To be told which of them are new, and what was stored under a key before.
CREATE POLICY writer_sees ON punches FOR SELECT
    USING (org_id = ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ',')::uuid[])::uuid[]));

-- Which facts of org changed when: every instance keeps facts in memory, and an event reaches only one of them.
CREATE TABLE fact_changes (
    org_id uuid NOT NULL,
    -- An employee, or the organisation for itself, its units and its sites.
    subject uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org_id, subject)
);
CREATE INDEX fact_changes_by_time ON fact_changes (changed_at);

ALTER TABLE fact_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE fact_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON fact_changes
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The job that follows them looks across organisations, and at nothing else.
CREATE POLICY following ON fact_changes FOR SELECT USING (current_setting('app.job', true) = 'follow_facts');

GRANT SELECT, INSERT, UPDATE ON fact_changes TO rollcall_attendance;
