-- A program that keeps more of events than another is of a higher generation. While the lower one takes events, what the
-- higher one would have kept is lost, and a copy that was whole is not any more: so each event is noted with the
-- generation that took it. Rows from before have none; a program that knows no generations writes 0.
ALTER TABLE consumed_events ADD COLUMN generation smallint;
ALTER TABLE consumed_events ALTER COLUMN generation SET DEFAULT 0;

-- Organisations of which everything that the owner of the facts knew was taken over, from when on, and by which
-- generation.
CREATE TABLE whole_copies (
    org_id uuid PRIMARY KEY,
    generation smallint NOT NULL,
    begun_at timestamptz NOT NULL,
    done_at timestamptz NOT NULL
);
ALTER TABLE whole_copies ENABLE ROW LEVEL SECURITY;
ALTER TABLE whole_copies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON whole_copies
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- What a lower generation has passed over is no matter of one tenant: a job, which may do this and nothing else with
-- them, forgets that copies were whole.
CREATE POLICY doubting ON whole_copies FOR SELECT
    USING (current_setting('app.job', true) = 'doubt_copies');
CREATE POLICY doubting_old ON whole_copies FOR DELETE
    USING (current_setting('app.job', true) = 'doubt_copies');

DO $$
DECLARE
    service text := regexp_replace(current_user, '_owner$', '');
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON whole_copies TO %I', service);
END $$;
