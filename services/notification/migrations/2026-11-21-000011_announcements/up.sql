-- What an organisation told its people, and to whom. The messages stand in the inboxes of those who were there then.
CREATE TABLE announcements (
    org_id          uuid NOT NULL,
    announcement_id uuid NOT NULL,
    title           text NOT NULL,
    body            text NOT NULL,
    audience        jsonb NOT NULL,
    urgent          boolean NOT NULL,
    -- How many inboxes it was stored in.
    recipients      integer NOT NULL,
    -- The employee who wrote it.
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, announcement_id)
);
ALTER TABLE announcements ENABLE ROW LEVEL SECURITY;
ALTER TABLE announcements FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON announcements
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON announcements TO rollcall_notification;

-- A row changes with every message to its user; room on its page keeps that from touching the index.
ALTER TABLE user_streams SET (fillfactor = 70);
