ALTER TABLE periods DROP COLUMN pending_days;
