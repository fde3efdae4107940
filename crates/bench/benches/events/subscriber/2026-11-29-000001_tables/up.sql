-- What an event has its effect on: the copy of a fact, by its version. `effects` would count a second effect.
CREATE TABLE copies (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    fact jsonb NOT NULL,
    version bigint NOT NULL,
    effects integer NOT NULL DEFAULT 1,
    PRIMARY KEY (org_id, employee_id)
);
ALTER TABLE copies ENABLE ROW LEVEL SECURITY;
ALTER TABLE copies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON copies USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON copies TO rollcall_notification;
