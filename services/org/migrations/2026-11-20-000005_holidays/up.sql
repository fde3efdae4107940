-- Public holidays, by calendar; a site names the calendar it follows.
CREATE TABLE holiday_calendars (
    org_id uuid NOT NULL REFERENCES orgs,
    holiday_calendar_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, holiday_calendar_id)
);

-- One a day: the morning and the afternoon together are the whole day.
CREATE TABLE holidays (
    org_id uuid NOT NULL REFERENCES orgs,
    holiday_calendar_id uuid NOT NULL,
    date date NOT NULL,
    name text NOT NULL,
    portion text NOT NULL,
    CONSTRAINT holidays_pkey PRIMARY KEY (org_id, holiday_calendar_id, date),
    CONSTRAINT holidays_calendar_known FOREIGN KEY (org_id, holiday_calendar_id)
        REFERENCES holiday_calendars (org_id, holiday_calendar_id) ON DELETE CASCADE,
    CONSTRAINT holidays_portion_known CHECK (portion IN ('full', 'am', 'pm'))
);

ALTER TABLE sites ADD COLUMN holiday_calendar_id uuid;
ALTER TABLE sites ADD CONSTRAINT sites_calendar_known FOREIGN KEY (org_id, holiday_calendar_id)
    REFERENCES holiday_calendars (org_id, holiday_calendar_id);
CREATE INDEX sites_by_calendar ON sites (org_id, holiday_calendar_id) WHERE holiday_calendar_id IS NOT NULL;

ALTER TABLE holiday_calendars ENABLE ROW LEVEL SECURITY;
ALTER TABLE holiday_calendars FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON holiday_calendars
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
ALTER TABLE holidays ENABLE ROW LEVEL SECURITY;
ALTER TABLE holidays FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON holidays
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON holiday_calendars, holidays TO rollcall_org;
