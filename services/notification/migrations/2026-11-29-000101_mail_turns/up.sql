-- The organisation with whose mail it waits its turn: also of a message of its own to somebody's account, which has no
-- org_id. None: it is about an account.
ALTER TABLE mail_deliveries ADD COLUMN turn_of uuid;
