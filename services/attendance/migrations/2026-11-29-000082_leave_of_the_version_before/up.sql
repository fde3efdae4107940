-- The version before 000041 knows no parts: until it is replaced, and should it come back, it writes NULL there, with which
-- nothing meets, and finds what it may not meet by the clock on the wall alone, which the version since leaves NULL. So
-- neither of the two constraints would hold their leave apart, and a date would be charged twice.
--
-- What the version before asks for whole is whole for both, and held to by leave_requests_apart. Halves and hours it means by
-- the clock, and which part of the plan that is cannot be said without the plan: they are refused beside any leave that
-- was asked for since on one of their dates, also where the plan would keep them apart; that is asked for again as soon as
-- there is one version. Beside each other the clock goes on keeping them apart, and the version since, which knows the plan,
-- looks at them itself before it writes. Looking is enough, because both versions hold the person's leave_accounts while
-- they write. The name is that of the constraint which the version before knows: it answers 409.
CREATE FUNCTION leave_requests_keep_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM leave_requests other
        WHERE other.org_id = NEW.org_id AND other.employee_id = NEW.employee_id
            AND other.status IN ('pending', 'approved') AND other.taken_from IS NULL
            AND other.from_date <= NEW.to_date AND other.to_date >= NEW.from_date
    ) THEN
        RAISE EXCEPTION 'other leave of the person is on one of these dates'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'leave_requests_no_overlap';
    END IF;
    IF NEW.portion = 'full' THEN
        NEW.part := tstzrange(NULL, NULL);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER leave_requests_keep_apart BEFORE INSERT ON leave_requests
    FOR EACH ROW WHEN (NEW.part IS NULL)
    EXECUTE FUNCTION leave_requests_keep_apart();

-- What it wrote since 000041. Two of its own do not meet; where one meets what was asked for since, which is what was
-- wrong, it stays as it is until somebody has decided which of the two holds.
ALTER TABLE leave_requests NO FORCE ROW LEVEL SECURITY;
UPDATE leave_requests r
SET part = tstzrange(NULL, NULL)
WHERE r.portion = 'full' AND r.part IS NULL AND NOT EXISTS (
    SELECT FROM leave_requests other
    WHERE other.org_id = r.org_id AND other.employee_id = r.employee_id AND other.part IS NOT NULL
        AND other.status IN ('pending', 'approved')
        AND other.from_date <= r.to_date AND other.to_date >= r.from_date
);
ALTER TABLE leave_requests FORCE ROW LEVEL SECURITY;
