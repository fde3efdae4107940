-- Copies of what others own, kept so that an event can be turned into messages while its owner is away.
-- Each row carries the version of the owner's aggregate; an older version is dropped.

CREATE TABLE org_facts (
    org_id    uuid PRIMARY KEY,
    name      text NOT NULL,
    time_zone text NOT NULL,
    locale    text NOT NULL,
    version   bigint NOT NULL
);
ALTER TABLE org_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE org_facts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON org_facts
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON org_facts TO rollcall_notification;

-- `fact` is the whole of what org published; the columns beside it are what rules look up.
CREATE TABLE employee_facts (
    org_id           uuid NOT NULL,
    employee_id      uuid NOT NULL,
    user_id          uuid,
    works            boolean NOT NULL,
    speaks_for_org   boolean NOT NULL,
    fact             jsonb NOT NULL,
    version          bigint NOT NULL,
    PRIMARY KEY (org_id, employee_id)
);
COMMENT ON COLUMN employee_facts.speaks_for_org IS 'holds owner or hr_admin: told what no manager can be told';
CREATE INDEX employee_facts_speak_for_org ON employee_facts (org_id) WHERE speaks_for_org;
ALTER TABLE employee_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE employee_facts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON employee_facts
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON employee_facts TO rollcall_notification;

-- A user belongs to no organisation, so neither does the language they are written to in.
CREATE TABLE user_facts (
    user_id    uuid PRIMARY KEY,
    locale     text NOT NULL,
    fetched_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON user_facts TO rollcall_notification;

-- Events that cannot be turned into messages yet: a fact is missing and its owner has to be asked, which
-- nobody does inside a transaction. The background task asks, and deletes the row in the transaction that
-- stores the messages.
CREATE TABLE deferred_events (
    org_id          uuid NOT NULL,
    event_id        uuid NOT NULL,
    -- The order in which they came, and in which they are told.
    position        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event           jsonb NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, event_id)
);
CREATE INDEX deferred_events_due ON deferred_events (next_attempt_at, position);
ALTER TABLE deferred_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE deferred_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deferred_events
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The task serves every organisation and says so, per transaction.
CREATE POLICY task ON deferred_events
    USING (current_setting('app.task', true) = 'deferred_events')
    WITH CHECK (current_setting('app.task', true) = 'deferred_events');
GRANT SELECT, INSERT, UPDATE, DELETE ON deferred_events TO rollcall_notification;
