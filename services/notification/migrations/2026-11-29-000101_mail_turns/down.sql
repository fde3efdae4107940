ALTER TABLE mail_deliveries DROP COLUMN turn_of;
