-- Tables of the mechanism that every service shares. They hold no tenant's resource that a person reads: the
-- dispatcher and the intake work across tenants, so row-level security stands on the services' own tables, and on
-- idempotency_keys, whose stored answers are a tenant's data.

CREATE TABLE outbox (
    event_id uuid PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    org_id uuid,
    kind text NOT NULL,
    subject text NOT NULL,
    aggregate_version bigint,
    data jsonb NOT NULL,
    traceparent text,
    occurred_at timestamptz NOT NULL
);

-- One row for each subscriber that has not yet taken the event. A dead one is kept until replayed.
CREATE TABLE outbox_deliveries (
    subscriber text NOT NULL,
    event_id uuid NOT NULL REFERENCES outbox ON DELETE CASCADE,
    position bigint NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    PRIMARY KEY (subscriber, event_id)
);
CREATE INDEX outbox_deliveries_due ON outbox_deliveries (subscriber, position) WHERE state = 'pending';
CREATE INDEX outbox_deliveries_event ON outbox_deliveries (event_id);

CREATE TABLE consumed_events (
    source text NOT NULL,
    event_id uuid NOT NULL,
    consumed_at timestamptz NOT NULL,
    PRIMARY KEY (source, event_id)
);
CREATE INDEX consumed_events_age ON consumed_events (consumed_at);

CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    key text NOT NULL,
    org_id uuid,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    location text,
    etag text,
    body jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys
    USING (org_id IS NOT DISTINCT FROM nullif(current_setting('app.org_id', true), '')::uuid);
-- Old answers are forgotten across tenants by a job, which may do this and nothing else with them.
CREATE POLICY forgetting ON idempotency_keys FOR SELECT
    USING (current_setting('app.job', true) = 'forget_idempotency_keys');
CREATE POLICY forgetting_old ON idempotency_keys FOR DELETE
    USING (current_setting('app.job', true) = 'forget_idempotency_keys');

-- The last good set of keys: a service that starts while user is away still knows them.
CREATE TABLE jwks_cache (
    url text PRIMARY KEY,
    keys jsonb NOT NULL,
    fetched_at timestamptz NOT NULL
);

-- The service's role is the owner's name without `_owner`.
DO $$
DECLARE
    service text := regexp_replace(current_user, '_owner$', '');
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, outbox_deliveries, consumed_events, idempotency_keys, jwks_cache TO %I', service);
    EXECUTE format('GRANT SELECT ON __diesel_schema_migrations TO %I', service);
END $$;
