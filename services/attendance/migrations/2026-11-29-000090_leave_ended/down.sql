REVOKE UPDATE (to_date) ON leave_requests FROM rollcall_attendance;
ALTER TABLE approval_decisions DROP COLUMN from_date;
