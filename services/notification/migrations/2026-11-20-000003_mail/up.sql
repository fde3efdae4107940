-- Mail that is owed to somebody outside, stored in the transaction that took the event. A worker leases a
-- row, sends it with no transaction open, and notes the outcome. The texts go when they are sent: they may
-- hold a secret.
CREATE TABLE mail_deliveries (
    org_id          uuid NOT NULL,
    delivery_id     uuid NOT NULL,
    event_id        uuid NOT NULL,
    recipient       text NOT NULL,
    recipient_name  text NOT NULL,
    kind            text NOT NULL,
    language        text NOT NULL,
    subject         text NOT NULL,
    text_body       text,
    html_body       text,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    leased_until    timestamptz,
    last_error      text,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (org_id, delivery_id),
    CONSTRAINT mail_deliveries_once_per_recipient UNIQUE (event_id, recipient)
);
CREATE INDEX mail_deliveries_due ON mail_deliveries (next_attempt_at) WHERE state = 'queued';
ALTER TABLE mail_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE mail_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mail_deliveries
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
-- The worker serves every organisation and says so, per transaction.
CREATE POLICY task ON mail_deliveries
    USING (current_setting('app.task', true) = 'mail')
    WITH CHECK (current_setting('app.task', true) = 'mail');
GRANT SELECT, INSERT, UPDATE ON mail_deliveries TO rollcall_notification;
