-- Where the stream of a user stands. The row is locked by whoever adds to the stream, until they commit: so
-- numbers have no gaps and become visible in their order, and a reader that has seen n never misses n - 1.
-- Counters only, no content: it belongs to a user, is written for their organisations, and has no tenant.
CREATE TABLE user_streams (
    user_id  uuid PRIMARY KEY,
    -- Differs for every stream there ever was, so that a position of a stream that was removed, or of a
    -- database that was restored from a backup (which then gives out new epochs), is recognised.
    epoch    bigint NOT NULL DEFAULT floor(random() * 9007199254740991)::bigint,
    last_seq bigint NOT NULL DEFAULT 0,
    unread   bigint NOT NULL DEFAULT 0 CHECK (unread >= 0)
);
GRANT SELECT, INSERT, UPDATE ON user_streams TO rollcall_notification;

-- The inbox: the truth about what somebody was told. One person reads it over all their organisations, each
-- organisation writes its own part of it.
CREATE TABLE notifications (
    notification_id uuid PRIMARY KEY,
    org_id          uuid NOT NULL,
    user_id         uuid NOT NULL,
    event_id        uuid NOT NULL,
    seq             bigint NOT NULL,
    category        text NOT NULL,
    kind            text NOT NULL,
    title           text NOT NULL,
    body            text NOT NULL,
    about           jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    CONSTRAINT notifications_once_per_recipient UNIQUE (event_id, user_id)
);
CREATE UNIQUE INDEX notifications_of_user ON notifications (user_id, seq);
CREATE INDEX notifications_unread ON notifications (user_id, seq) WHERE read_at IS NULL;
ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notifications
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
CREATE POLICY reader ON notifications FOR SELECT
    USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY reader_marks ON notifications FOR UPDATE
    USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid)
    WITH CHECK (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON notifications TO rollcall_notification;

-- The stream as a log of its own, beside the inbox, because it holds more than messages (that something was
-- read is an entry too), is kept for days and not for years, and is sent as it was written: `data` is the
-- JSON of the event, made once however many listen, on whatever instance. `unread` is the count after the
-- entry, known for free under the lock.
CREATE TABLE stream_entries (
    user_id    uuid NOT NULL,
    seq        bigint NOT NULL,
    org_id     uuid,
    event      text NOT NULL CHECK (event IN ('notification', 'read')),
    data       text NOT NULL,
    unread     bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, seq)
);
CREATE INDEX stream_entries_age ON stream_entries (created_at);
ALTER TABLE stream_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE stream_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_adds ON stream_entries FOR INSERT
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
CREATE POLICY reader_adds ON stream_entries FOR INSERT
    WITH CHECK (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
-- One query reads for many users; it names them first. Evaluated once per query, not per row.
CREATE POLICY readers ON stream_entries FOR SELECT
    USING (user_id IN (SELECT unnest(nullif(current_setting('app.user_ids', true), '')::uuid[])));
-- What is too old is dropped for everybody.
CREATE POLICY task_sees ON stream_entries FOR SELECT
    USING (current_setting('app.task', true) = 'prune_streams');
CREATE POLICY task_drops ON stream_entries FOR DELETE
    USING (current_setting('app.task', true) = 'prune_streams');
GRANT SELECT, INSERT, DELETE ON stream_entries TO rollcall_notification;
