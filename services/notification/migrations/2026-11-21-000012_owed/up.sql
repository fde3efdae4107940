-- Where people are reached and by which clock, as user said it together with their language.
ALTER TABLE user_facts ADD COLUMN email text, ADD COLUMN name text, ADD COLUMN time_zone text;

-- What somebody wants to be told, by which ways and when. Who has said nothing has no row.
CREATE TABLE preferences (
    user_id    uuid PRIMARY KEY,
    wishes     jsonb NOT NULL,
    version    bigint NOT NULL,
    updated_at timestamptz NOT NULL
);
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON preferences
    USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid)
    WITH CHECK (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
-- Whoever tells for an organisation, or hands over what is owed, reads what people want: it decides by which ways a
-- message leaves, and says nothing of its reader.
CREATE POLICY tellers ON preferences FOR SELECT
    USING (nullif(current_setting('app.org_id', true), '') IS NOT NULL
        OR current_setting('app.task', true) = 'owed');
GRANT SELECT, INSERT, UPDATE ON preferences TO rollcall_notification;

-- Messages that a channel outside the inbox owes: written by the transaction that stores the message in the inbox,
-- deleted by the one that hands it to the channel.
CREATE TABLE owed_messages (
    notification_id uuid NOT NULL,
    channel         text NOT NULL,
    org_id          uuid NOT NULL,
    user_id         uuid NOT NULL,
    category        text NOT NULL,
    -- When it leaves: at once, at the end of quiet hours, or with the digest of this instant.
    due_at          timestamptz NOT NULL,
    gathered        boolean NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (notification_id, channel)
);
CREATE INDEX owed_messages_due ON owed_messages (next_attempt_at);
CREATE INDEX owed_messages_of_user ON owed_messages (user_id, channel, next_attempt_at);
ALTER TABLE owed_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE owed_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON owed_messages
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The task serves every organisation and says so, per transaction.
CREATE POLICY task ON owed_messages
    USING (current_setting('app.task', true) = 'owed')
    WITH CHECK (current_setting('app.task', true) = 'owed');
GRANT SELECT, INSERT, UPDATE, DELETE ON owed_messages TO rollcall_notification;

-- Digests that were made: one for each user, channel and period, whoever makes it and however often it is tried.
-- What is in one is noted here by the transaction that owes its mail.
CREATE TABLE digests (
    user_id          uuid NOT NULL,
    channel          text NOT NULL,
    due_at           timestamptz NOT NULL,
    digest_id        uuid NOT NULL UNIQUE,
    notification_ids uuid[] NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (user_id, channel, due_at)
);
CREATE INDEX digests_age ON digests (created_at);
ALTER TABLE digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE digests FORCE ROW LEVEL SECURITY;
CREATE POLICY task ON digests
    USING (current_setting('app.task', true) = 'owed')
    WITH CHECK (current_setting('app.task', true) = 'owed');
GRANT SELECT, INSERT, DELETE ON digests TO rollcall_notification;

-- Mail of an announcement is owed after it is in the inboxes, by a task. Announcements that were made before this was
-- are not sent again by mail.
ALTER TABLE announcements ADD COLUMN owed_at timestamptz DEFAULT now();
ALTER TABLE announcements ALTER COLUMN owed_at DROP DEFAULT;
CREATE INDEX announcements_not_owed ON announcements (created_at) WHERE owed_at IS NULL;
CREATE POLICY task ON announcements
    USING (current_setting('app.task', true) = 'owed')
    WITH CHECK (current_setting('app.task', true) = 'owed');
