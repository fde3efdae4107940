-- An entry that was earned, or granted in place of it, names the dates that it is for. No date is earned twice, whatever
-- policy gives: what is still to be earned are the dates that no entry names.

ALTER TABLE leave_entries
    ADD COLUMN earned_from date,
    ADD COLUMN earned_to date;

-- The dates of an accrual that names none, from what it was entered for: its policy and the first day of the year or
-- month. Of a yearly or monthly one the first date is that on which it was given; of work it is the first of the month,
-- or the first day of the policy. The last is that of the year or month, or of a policy that ends before it and gave no
-- more than up to there; when in doubt it is the later one, for what is named too much is put right by hand more easily
-- than what was given twice.
CREATE FUNCTION leave_earned(
    body jsonb, reason_key text, effective_on date, minutes bigint, OUT first_day date, OUT last_day date
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    kind text := body -> 'accrual' ->> 'kind';
    start date;
    whole_to date;
    ends_on date := (body ->> 'valid_to')::date;
BEGIN
    IF reason_key !~ '^accrual:[0-9a-f-]{36}:\d{4}-\d\d-\d\d$' OR kind NOT IN ('yearly', 'monthly', 'worked_hours') THEN
        RETURN;
    END IF;
    start := right(reason_key, 10)::date;
    whole_to := start + CASE kind WHEN 'yearly' THEN interval '1 year' ELSE interval '1 month' END - interval '1 day';
    first_day := CASE
        WHEN kind = 'worked_hours' THEN greatest(start, least(whole_to, (body ->> 'valid_from')::date))
        WHEN effective_on BETWEEN start AND whole_to THEN effective_on
        ELSE start
    END;
    last_day := whole_to;
    IF ends_on BETWEEN first_day AND whole_to AND (
        kind = 'worked_hours' OR minutes * (whole_to - start + 1)
            <= (body -> 'accrual' ->> 'minutes')::bigint * (ends_on - first_day + 1) + (whole_to - start + 1)
    ) THEN
        last_day := ends_on;
    END IF;
END
$$;

-- The owner of a table is held by its policies too where they are forced, and would see nothing of it.
ALTER TABLE leave_entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE leave_policies NO FORCE ROW LEVEL SECURITY;

-- Where one begins in the dates of another, the earlier one ends the day before; of two that begin on one date, which is
-- what was wrong, the first that was entered keeps it, and the other names none.
WITH derived AS (
    SELECT e.org_id, e.leave_entry_id, e.employee_id, e.leave_type_id, e.seq, d.first_day, d.last_day
    FROM leave_entries e
    JOIN leave_policies p USING (org_id, leave_policy_id),
    LATERAL leave_earned(p.body, e.reason_key, e.effective_on, e.minutes) d
    WHERE e.kind = 'accrual' AND d.first_day IS NOT NULL
), firsts AS (
    SELECT DISTINCT ON (org_id, employee_id, leave_type_id, first_day) *
    FROM derived
    ORDER BY org_id, employee_id, leave_type_id, first_day, seq
), apart AS (
    SELECT org_id, leave_entry_id, first_day, least(
        last_day, lead(first_day) OVER (PARTITION BY org_id, employee_id, leave_type_id ORDER BY first_day) - 1
    ) AS last_day
    FROM firsts
)
UPDATE leave_entries e
SET earned_from = apart.first_day, earned_to = apart.last_day
FROM apart
WHERE apart.org_id = e.org_id AND apart.leave_entry_id = e.leave_entry_id;

ALTER TABLE leave_policies FORCE ROW LEVEL SECURITY;
ALTER TABLE leave_entries FORCE ROW LEVEL SECURITY;

ALTER TABLE leave_entries
    ADD CONSTRAINT leave_entries_earned_by CHECK (
        num_nulls(earned_from, earned_to) IN (0, 2) AND earned_from <= earned_to
        AND (earned_from IS NULL OR kind IN ('accrual', 'grant'))
    ),
    ADD CONSTRAINT leave_entries_earned_once EXCLUDE USING gist (
        org_id WITH =, employee_id WITH =, leave_type_id WITH =, daterange(earned_from, earned_to, '[]') WITH &&
    ) WHERE (earned_from IS NOT NULL);

-- The version before this one names no dates: until it is replaced, and should it come back, they are named for it. What
-- it would give a second time is refused.
CREATE FUNCTION leave_entries_name_dates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT d.first_day, d.last_day INTO NEW.earned_from, NEW.earned_to
    FROM leave_policies p, LATERAL leave_earned(p.body, NEW.reason_key, NEW.effective_on, NEW.minutes) d
    WHERE p.org_id = NEW.org_id AND p.leave_policy_id = NEW.leave_policy_id;
    RETURN NEW;
END
$$;

CREATE TRIGGER leave_entries_name_dates BEFORE INSERT ON leave_entries
    FOR EACH ROW WHEN (NEW.kind = 'accrual' AND NEW.earned_from IS NULL)
    EXECUTE FUNCTION leave_entries_name_dates();
