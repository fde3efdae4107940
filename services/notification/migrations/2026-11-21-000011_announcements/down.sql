ALTER TABLE user_streams RESET (fillfactor);
DROP TABLE announcements;
