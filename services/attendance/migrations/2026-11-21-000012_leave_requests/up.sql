-- Requests for leave. How they stand is in approvals, under the same id; `status` follows it, for what the database
-- itself holds to and what the workdays ask for.

-- Trusted since PostgreSQL 13: the owner of the database may create it. Lets an exclusion constraint mix equality
-- (org, employee) with overlap (time).
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE leave_requests (
    org_id uuid NOT NULL,
    leave_request_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    leave_type_id uuid NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    -- NULL: hours of a day.
    portion text,
    hours_start text,
    hours_end text,
    reason text,
    -- What it takes by the clock on the wall: a morning ends and an afternoon starts at noon.
    taken_from timestamp NOT NULL,
    taken_until timestamp NOT NULL,
    -- What each day costs; reckoned when it is asked for, and for good when it is approved.
    days jsonb NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (org_id, leave_request_id),
    CONSTRAINT leave_requests_type_known FOREIGN KEY (org_id, leave_type_id) REFERENCES leave_types (org_id, leave_type_id),
    CONSTRAINT leave_requests_status_known CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled')),
    CONSTRAINT leave_requests_dates_in_order CHECK (from_date <= to_date AND taken_from < taken_until),
    CONSTRAINT leave_requests_portion_known CHECK (portion IN ('full', 'am', 'pm')),
    CONSTRAINT leave_requests_portion_or_hours CHECK (
        num_nonnulls(portion, hours_start) = 1 AND num_nulls(hours_start, hours_end) IN (0, 2)
    ),
    -- Nobody is away twice.
    CONSTRAINT leave_requests_no_overlap EXCLUDE USING gist (
        org_id WITH =, employee_id WITH =, tsrange(taken_from, taken_until) WITH &&
    ) WHERE (status IN ('pending', 'approved'))
);
CREATE INDEX leave_requests_approved ON leave_requests (org_id, employee_id, from_date) WHERE status = 'approved';

ALTER TABLE leave_entries ADD CONSTRAINT leave_entries_request_known FOREIGN KEY (org_id, leave_request_id)
    REFERENCES leave_requests (org_id, leave_request_id);

ALTER TABLE leave_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE leave_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON leave_requests
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT ON leave_requests TO rollcall_attendance;
GRANT UPDATE (status, days) ON leave_requests TO rollcall_attendance;
