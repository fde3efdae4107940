-- A webhook fails for as long as failures follow each other: one of today does not go on with one of last week.
-- Each time it is switched on an era begins; what was owed in an earlier one is given up. One that is removed is gone
-- for everybody at once, and its deliveries are dropped in portions.
ALTER TABLE webhooks
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN last_failed_at timestamptz,
    ADD COLUMN era integer NOT NULL DEFAULT 0,
    ADD COLUMN removed_at timestamptz;
CREATE INDEX webhooks_removed ON webhooks (removed_at) WHERE removed_at IS NOT NULL;
-- The era it was owed in; none: by a release that knew no eras, and never given up for its age.
ALTER TABLE webhook_deliveries ADD COLUMN era integer;
