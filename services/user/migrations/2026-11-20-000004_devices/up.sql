-- On which device a session was begun or last refreshed, as its client says, and from where.
ALTER TABLE sessions
    ADD COLUMN device  text NOT NULL DEFAULT '' CHECK (length(device) <= 200),
    ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 45);
ALTER TABLE sessions DROP CONSTRAINT sessions_ended_reason_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_ended_reason_check CHECK (ended_reason IN (
    'signed_out', 'refresh_reused', 'ended_elsewhere', 'password_changed', 'password_reset', 'account_disabled'
));

-- From which devices and networks somebody has signed in. A login from elsewhere is told to them; one from a network
-- that is known is not slowed down by what strangers try.
CREATE TABLE known_devices (
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    -- SHA-256 of the device without its version numbers.
    device_hash  bytea       NOT NULL CHECK (octet_length(device_hash) = 32),
    network      text        NOT NULL CHECK (length(network) <= 64),
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_hash, network)
);
CREATE INDEX known_devices_age ON known_devices (last_seen_at);

-- Failed attempts by what they are counted for (an account, an address): SHA-256 of its name, so that no address of a
-- person stands here, whether they have an account or not.
CREATE TABLE throttles (
    bucket        bytea       PRIMARY KEY CHECK (octet_length(bucket) = 32),
    failures      integer     NOT NULL CHECK (failures >= 0),
    -- Up to when failures were forgiven by time.
    counted_at    timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);
CREATE INDEX throttles_age ON throttles (counted_at);

-- When an account was disabled; nobody signs in to it until it is enabled again.
ALTER TABLE users ADD COLUMN disabled_at timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON known_devices, throttles TO rollcall_user;
