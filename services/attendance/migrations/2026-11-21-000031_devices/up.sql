-- Terminals and kiosks, and which punches came from one.

CREATE TABLE devices (
    org_id uuid NOT NULL,
    device_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    site_id uuid NOT NULL,
    -- Ids of those who may punch here. NULL: everybody of the site.
    allowed_employees jsonb,
    -- SHA-256 of the secret, which is random and shown once.
    secret_hash bytea NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    last_seen_at timestamptz,
    -- All that was punched here until then has been sent. Days that ended before the device was there do not wait for it.
    reported_until timestamptz NOT NULL,
    PRIMARY KEY (org_id, device_id),
    CONSTRAINT devices_kind_known CHECK (kind IN ('terminal', 'kiosk')),
    CONSTRAINT devices_secret_is_hashed CHECK (octet_length(secret_hash) = 32)
);

ALTER TABLE devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE devices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON devices
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The job that notes which devices were seen writes those of all organisations at once, and nothing else of them.
CREATE POLICY seen ON devices FOR UPDATE USING (current_setting('app.job', true) = 'note_devices_seen');
CREATE POLICY seen_rows ON devices FOR SELECT USING (current_setting('app.job', true) = 'note_devices_seen');

GRANT SELECT, INSERT, UPDATE ON devices TO rollcall_attendance;

ALTER TABLE punches ADD COLUMN device_id uuid;
