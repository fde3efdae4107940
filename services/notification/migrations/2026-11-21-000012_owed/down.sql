DROP POLICY task ON announcements;
ALTER TABLE announcements DROP COLUMN owed_at;
DROP TABLE digests;
DROP TABLE owed_messages;
DROP TABLE preferences;
ALTER TABLE user_facts DROP COLUMN email, DROP COLUMN name, DROP COLUMN time_zone;
