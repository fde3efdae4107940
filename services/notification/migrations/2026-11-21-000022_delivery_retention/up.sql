-- What was sent or given up is kept for a while and then dropped. Mail is a few rows per employee; the indexes are made
-- at once.
CREATE INDEX mail_deliveries_age ON mail_deliveries (created_at) WHERE state <> 'queued';
GRANT DELETE ON mail_deliveries TO rollcall_notification;
