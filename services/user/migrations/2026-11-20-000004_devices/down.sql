ALTER TABLE users DROP COLUMN disabled_at;
DROP TABLE throttles;
DROP TABLE known_devices;
UPDATE sessions SET ended_reason = 'signed_out' WHERE ended_reason NOT IN ('signed_out', 'refresh_reused');
ALTER TABLE sessions DROP CONSTRAINT sessions_ended_reason_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_ended_reason_check
    CHECK (ended_reason IN ('signed_out', 'refresh_reused'));
ALTER TABLE sessions DROP COLUMN address, DROP COLUMN device;
