ALTER TABLE sites DROP COLUMN holiday_calendar_id;
DROP TABLE holidays;
DROP TABLE holiday_calendars;
