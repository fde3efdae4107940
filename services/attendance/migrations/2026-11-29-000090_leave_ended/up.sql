-- Leave that holds may be ended early: a decision that takes back only the days from this one on. NULL: all of it.
ALTER TABLE approval_decisions ADD COLUMN from_date date;
-- Its last day is another one then.
GRANT UPDATE (to_date) ON leave_requests TO rollcall_attendance;
