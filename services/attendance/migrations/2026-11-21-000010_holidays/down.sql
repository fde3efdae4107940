ALTER TABLE backfills DROP COLUMN parts;
DROP TABLE holiday_calendars;
