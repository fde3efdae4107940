-- The copy of what is told, by version, and each effect that an event had.
CREATE TABLE copies (subject text PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE effects (event_id uuid NOT NULL);
GRANT SELECT, INSERT, UPDATE ON copies, effects TO rollcall_attendance;
