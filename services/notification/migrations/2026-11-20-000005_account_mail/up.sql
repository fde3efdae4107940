-- Mail about an account belongs to no organisation: it has none. So the key is the delivery's id alone, which was
-- unique before. Mail is a few rows per employee; the index is made at once.
ALTER TABLE mail_deliveries
    DROP CONSTRAINT mail_deliveries_pkey,
    ADD CONSTRAINT mail_deliveries_pkey PRIMARY KEY (delivery_id),
    ALTER COLUMN org_id DROP NOT NULL;
-- Who has no tenant may owe such mail, and can neither read nor change any.
CREATE POLICY account ON mail_deliveries FOR INSERT
    WITH CHECK (org_id IS NULL AND nullif(current_setting('app.org_id', true), '') IS NULL);
