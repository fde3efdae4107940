-- Feeds of a person's roster and leave, read by whoever knows the secret in their address.

CREATE TABLE calendar_feeds (
    org_id uuid NOT NULL,
    calendar_feed_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    name text,
    -- SHA-256 of the secret, which is random and shown once.
    secret_hash bytea NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    last_read_at timestamptz,
    -- SHA-256 of what it said when it was read last, and since when it says so.
    digest bytea,
    changed_at timestamptz,
    PRIMARY KEY (org_id, calendar_feed_id),
    CONSTRAINT calendar_feeds_secret_key UNIQUE (secret_hash),
    CONSTRAINT calendar_feeds_secret_is_hashed CHECK (octet_length(secret_hash) = 32)
);
CREATE INDEX calendar_feeds_by_employee ON calendar_feeds (org_id, employee_id);

ALTER TABLE calendar_feeds ENABLE ROW LEVEL SECURITY;
ALTER TABLE calendar_feeds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON calendar_feeds
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- Whoever reads one says a secret and no organisation.
CREATE POLICY with_secret ON calendar_feeds FOR SELECT
    USING (current_setting('app.job', true) = 'read_calendar_feed');

GRANT SELECT, INSERT, DELETE ON calendar_feeds TO rollcall_attendance;
GRANT UPDATE (secret_hash, last_read_at, digest, changed_at) ON calendar_feeds TO rollcall_attendance;
