-- Punches: facts that are never edited. The service's role may add and read them, nothing else.

CREATE TABLE punches (
    org_id uuid NOT NULL,
    punch_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    at timestamptz NOT NULL,
    direction text NOT NULL,
    source text NOT NULL,
    offline boolean NOT NULL,
    -- The site of the assignment on that date.
    site_id uuid,
    latitude double precision,
    longitude double precision,
    accuracy_m double precision,
    note text,
    exceptions jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_by uuid NOT NULL,
    -- Kept for ever: a terminal may send its memory again after a year. NULL: the client sent none.
    idempotency_key text,
    fingerprint bytea,
    -- In the order in which it is read; one index less to write than with a key on punch_id alone.
    PRIMARY KEY (org_id, employee_id, at, punch_id),
    CONSTRAINT punches_key UNIQUE (org_id, employee_id, idempotency_key),
    CONSTRAINT punches_direction_known CHECK (direction IN ('in', 'out', 'auto')),
    CONSTRAINT punches_position_whole CHECK (num_nulls(latitude, longitude) IN (0, 2)),
    CONSTRAINT punches_key_with_fingerprint CHECK (num_nulls(idempotency_key, fingerprint) IN (0, 2))
);

ALTER TABLE punches ENABLE ROW LEVEL SECURITY;
ALTER TABLE punches FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON punches
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT ON punches TO rollcall_attendance;
