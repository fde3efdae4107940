-- Row-level security holds for the owner too: only the worker's policy shows mail without an organisation.
SELECT set_config('app.task', 'mail', true);
DELETE FROM mail_deliveries WHERE org_id IS NULL;
SELECT set_config('app.task', '', true);
DROP POLICY account ON mail_deliveries;
ALTER TABLE mail_deliveries
    ALTER COLUMN org_id SET NOT NULL,
    DROP CONSTRAINT mail_deliveries_pkey,
    ADD CONSTRAINT mail_deliveries_pkey PRIMARY KEY (org_id, delivery_id);
