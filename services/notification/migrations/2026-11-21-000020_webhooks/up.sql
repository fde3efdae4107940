-- Who calls below an organisation is looked up by their account. An organisation has few employees with it; the index
-- is made at once.
CREATE INDEX employee_facts_of_user ON employee_facts (org_id, user_id) WHERE user_id IS NOT NULL;

-- Addresses of an organisation that its events are sent to.
CREATE TABLE webhooks (
    org_id        uuid NOT NULL,
    webhook_id    uuid NOT NULL,
    url           text NOT NULL,
    description   text NOT NULL,
    -- Which events; none: all of the list, also those that are added to it later.
    event_types   text[] NOT NULL,
    enabled       boolean NOT NULL DEFAULT true,
    -- Why it is off.
    off_reason    text CHECK (off_reason IN ('by_hand', 'gone', 'failing')),
    -- Since when no delivery has succeeded; none: the last one did.
    failing_since timestamptz,
    -- Until when it asked to be left alone.
    paused_until  timestamptz,
    version       bigint NOT NULL DEFAULT 1,
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, webhook_id),
    CONSTRAINT webhooks_off_for_a_reason CHECK (enabled = (off_reason IS NULL))
);
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhooks
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The worker serves every organisation and says so, per transaction.
CREATE POLICY task ON webhooks
    USING (current_setting('app.task', true) = 'webhooks')
    WITH CHECK (current_setting('app.task', true) = 'webhooks');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO rollcall_notification;

-- What deliveries are signed with. One has no end; one that was replaced signs beside it for a while. Sealed: a dump of
-- the database signs nothing.
CREATE TABLE webhook_secrets (
    org_id        uuid NOT NULL,
    webhook_id    uuid NOT NULL,
    -- 1 is the first, the highest is the one in force.
    number        integer NOT NULL,
    sealed_secret bytea NOT NULL,
    valid_until   timestamptz,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, webhook_id, number),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
);
ALTER TABLE webhook_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_secrets
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
CREATE POLICY task ON webhook_secrets FOR SELECT
    USING (current_setting('app.task', true) = 'webhooks');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_secrets TO rollcall_notification;

-- One event that is owed to one webhook, stored in the transaction that took the event. A worker leases it, sends it
-- with no transaction open, and notes the outcome.
CREATE TABLE webhook_deliveries (
    org_id          uuid NOT NULL,
    delivery_id     uuid NOT NULL,
    webhook_id      uuid NOT NULL,
    event_id        uuid NOT NULL,
    event_type      text NOT NULL,
    -- The bytes that are signed and sent, the same at every attempt.
    payload         text NOT NULL,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    leased_until    timestamptz,
    -- The last attempt: what was sent, what came back, or why nothing did.
    attempted_at    timestamptz,
    request         jsonb,
    answer          jsonb,
    last_error      text,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (org_id, delivery_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_once UNIQUE (org_id, webhook_id, event_id)
);
-- By webhook first: the worker goes from one webhook that something is owed to to the next, however much it is.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (org_id, webhook_id, next_attempt_at, delivery_id)
    WHERE state = 'queued';
CREATE INDEX webhook_deliveries_held ON webhook_deliveries (org_id, webhook_id) WHERE leased_until IS NOT NULL;
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (org_id, webhook_id, created_at, delivery_id);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at) WHERE state <> 'queued';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (created_at) WHERE state = 'dead';
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_deliveries
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
CREATE POLICY task ON webhook_deliveries
    USING (current_setting('app.task', true) = 'webhooks')
    WITH CHECK (current_setting('app.task', true) = 'webhooks');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO rollcall_notification;
