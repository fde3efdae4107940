DROP TABLE stream_entries;
DROP TABLE notifications;
DROP TABLE user_streams;
