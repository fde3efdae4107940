ALTER TABLE webhook_deliveries DROP COLUMN era;
-- What was removed is gone, with what belongs to it; row-level security binds the owner too.
SELECT set_config('app.task', 'webhooks', true);
DELETE FROM webhooks WHERE removed_at IS NOT NULL;
DROP INDEX webhooks_removed;
ALTER TABLE webhooks DROP COLUMN failures, DROP COLUMN last_failed_at, DROP COLUMN era, DROP COLUMN removed_at;
