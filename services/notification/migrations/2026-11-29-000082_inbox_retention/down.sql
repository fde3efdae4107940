REVOKE DELETE ON notifications FROM rollcall_notification;
DROP POLICY task_drops ON notifications;
DROP POLICY task_sees ON notifications;
DROP INDEX notifications_read_age;
