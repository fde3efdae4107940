-- Which part of each of its dates a request takes, by the plan when it was asked for and then when it was approved: what
-- is not bounded is all of the date. NULL: a request of the version before, which went by noon.

ALTER TABLE leave_requests ADD COLUMN part tstzrange;

-- Days are taken whole whatever is planned.
ALTER TABLE leave_requests NO FORCE ROW LEVEL SECURITY;
UPDATE leave_requests SET part = tstzrange(NULL, NULL) WHERE portion = 'full';
ALTER TABLE leave_requests FORCE ROW LEVEL SECURITY;

-- The clock on the wall keeps apart what says no more than that. The version that goes by it writes it until it is
-- replaced, and nobody has read it ever.
ALTER TABLE leave_requests
    ALTER COLUMN taken_from DROP NOT NULL,
    ALTER COLUMN taken_until DROP NOT NULL,
    DROP CONSTRAINT leave_requests_no_overlap,
    ADD CONSTRAINT leave_requests_no_overlap EXCLUDE USING gist (
        org_id WITH =, employee_id WITH =, tsrange(taken_from, taken_until) WITH &&
    ) WHERE (status IN ('pending', 'approved') AND taken_from IS NOT NULL),
    -- Nobody is away twice.
    ADD CONSTRAINT leave_requests_apart EXCLUDE USING gist (
        org_id WITH =, employee_id WITH =, daterange(from_date, to_date, '[]') WITH &&, part WITH &&
    ) WHERE (status IN ('pending', 'approved'));

GRANT UPDATE (part) ON leave_requests TO rollcall_attendance;
