DROP TRIGGER leave_entries_name_dates ON leave_entries;
DROP FUNCTION leave_entries_name_dates;
ALTER TABLE leave_entries DROP CONSTRAINT leave_entries_earned_once;
ALTER TABLE leave_entries DROP COLUMN earned_from, DROP COLUMN earned_to;
DROP FUNCTION leave_earned;
