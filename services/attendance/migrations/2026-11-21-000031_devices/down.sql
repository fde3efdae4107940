ALTER TABLE punches DROP COLUMN device_id;
DROP TABLE devices;
