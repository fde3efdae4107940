-- What a site does with a punch from outside its geofence or its networks. A site without a row has the defaults.

CREATE TABLE punch_rules (
    org_id uuid NOT NULL,
    site_id uuid NOT NULL,
    geofence text NOT NULL,
    networks text NOT NULL,
    -- Minutes after the planned start when whoever has not come is reminded. NULL: nobody is.
    remind_after_minutes integer,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by uuid NOT NULL,
    PRIMARY KEY (org_id, site_id),
    CONSTRAINT punch_rules_known CHECK (
        geofence IN ('off', 'exception', 'refuse') AND networks IN ('off', 'exception', 'refuse')
    ),
    CONSTRAINT punch_rules_reminds_in_time CHECK (remind_after_minutes BETWEEN 1 AND 240)
);

ALTER TABLE punch_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE punch_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON punch_rules
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON punch_rules TO rollcall_attendance;
