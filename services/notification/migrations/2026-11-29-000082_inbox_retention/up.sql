-- What was read and is old leaves the inbox. Nothing that is unread does, so no count changes.
CREATE INDEX notifications_read_age ON notifications (created_at) WHERE read_at IS NOT NULL;
CREATE POLICY task_sees ON notifications FOR SELECT
    USING (current_setting('app.task', true) = 'prune_inboxes');
CREATE POLICY task_drops ON notifications FOR DELETE
    USING (current_setting('app.task', true) = 'prune_inboxes');
GRANT DELETE ON notifications TO rollcall_notification;
