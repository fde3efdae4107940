-- Days that were not judged when a period was locked, because devices had not reported and the lock was forced.
ALTER TABLE periods ADD COLUMN pending_days integer NOT NULL DEFAULT 0;
GRANT UPDATE (pending_days) ON periods TO rollcall_attendance;
