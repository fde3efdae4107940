-- Organisations of which everything that org knew was taken over once: since then events are enough. Whoever starts
-- with an empty database, or was not there when the events came, asks for the whole.

CREATE TABLE backfills (
    org_id uuid PRIMARY KEY,
    done_at timestamptz NOT NULL
);

ALTER TABLE backfills ENABLE ROW LEVEL SECURITY;
ALTER TABLE backfills FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON backfills
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT ON backfills TO rollcall_attendance;
