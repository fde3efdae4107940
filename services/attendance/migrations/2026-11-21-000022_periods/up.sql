-- Periods: stretches of dates that are locked as a whole. Locking keeps every workday as it is then; what it keeps is
-- added and never edited, and a period that is opened and locked again keeps its days anew, under the next generation.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE periods (
    org_id uuid NOT NULL,
    period_id uuid NOT NULL,
    name text NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    status text NOT NULL,
    -- Counts the locks; the days of the last one hold.
    generation bigint NOT NULL,
    -- The progress of a lock: the last person whose days are kept, and how many those are.
    frozen_up_to uuid,
    people_done integer NOT NULL,
    people_total integer NOT NULL,
    locked_by uuid,
    locked_at timestamptz,
    -- From this date on those who lock are told that the time is near; NULL: they were.
    warn_on date,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, period_id),
    CONSTRAINT periods_status_known CHECK (status IN ('open', 'locking', 'locked', 'closed')),
    CONSTRAINT periods_dates_in_order CHECK (from_date <= to_date),
    -- No date is in two periods.
    CONSTRAINT periods_one_at_a_time EXCLUDE USING gist (org_id WITH =, daterange(from_date, to_date, '[]') WITH &&)
);
CREATE INDEX periods_by_date ON periods (org_id, from_date DESC, period_id DESC);
CREATE INDEX periods_at_work ON periods (org_id, period_id) WHERE status = 'locking';
CREATE INDEX periods_to_warn_of ON periods (warn_on) WHERE warn_on IS NOT NULL;

CREATE TABLE frozen_workdays (
    org_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    work_date date NOT NULL,
    generation bigint NOT NULL,
    period_id uuid NOT NULL,
    day jsonb NOT NULL,
    PRIMARY KEY (org_id, employee_id, work_date, period_id, generation),
    CONSTRAINT frozen_workdays_period_known FOREIGN KEY (org_id, period_id) REFERENCES periods (org_id, period_id)
);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['periods', 'frozen_workdays'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I '
            'USING (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid) '
            'WITH CHECK (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)',
            tenant_table
        );
    END LOOP;
END
$$;
-- The job that carries on locks and warns of them looks for periods across organisations, and at nothing else.
CREATE POLICY at_work ON periods FOR SELECT USING (current_setting('app.job', true) = 'work_on_periods');

GRANT SELECT, INSERT ON periods, frozen_workdays TO rollcall_attendance;
GRANT UPDATE (
    status, generation, frozen_up_to, people_done, people_total, locked_by, locked_at, warn_on, version
) ON periods TO rollcall_attendance;
