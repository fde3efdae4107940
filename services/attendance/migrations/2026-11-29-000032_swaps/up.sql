-- Swaps of shifts: which shifts, in which versions, are exchanged; who, and how it stands, is in approvals.

CREATE TABLE swaps (
    org_id uuid NOT NULL,
    swap_id uuid NOT NULL,
    -- The day of whoever asks, and the shift they give away.
    date date NOT NULL,
    shift_id uuid NOT NULL,
    shift_version bigint NOT NULL,
    -- The day of the colleague, and the shift that comes back.
    with_date date NOT NULL,
    with_shift_id uuid NOT NULL,
    with_shift_version bigint NOT NULL,
    PRIMARY KEY (org_id, swap_id),
    CONSTRAINT swaps_request_known FOREIGN KEY (org_id, swap_id) REFERENCES approvals (org_id, request_id),
    CONSTRAINT swaps_shift_known FOREIGN KEY (org_id, shift_id, shift_version)
        REFERENCES shift_versions (org_id, shift_id, version),
    CONSTRAINT swaps_with_shift_known FOREIGN KEY (org_id, with_shift_id, with_shift_version)
        REFERENCES shift_versions (org_id, shift_id, version)
);

ALTER TABLE swaps ENABLE ROW LEVEL SECURITY;
ALTER TABLE swaps FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON swaps
    USING (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), '')::uuid);

GRANT SELECT, INSERT ON swaps TO rollcall_attendance;

-- Level 0: the colleague has to agree first, and may refuse. Both constraints take all that they took before.
ALTER TABLE approvals DROP CONSTRAINT approvals_levels, DROP CONSTRAINT approvals_by_another,
    ADD CONSTRAINT approvals_levels CHECK (
        levels BETWEEN 1 AND 2 AND level <= levels AND level >= CASE WHEN with_employee_id IS NULL THEN 1 ELSE 0 END
    ),
    -- Nobody decides what is theirs, or what they asked for.
    ADD CONSTRAINT approvals_by_another CHECK (
        status NOT IN ('approved', 'rejected')
        OR (decided_by NOT IN (employee_id, requested_by) AND decided_by IS DISTINCT FROM with_employee_id)
        OR (level = 0 AND status = 'rejected' AND decided_by = with_employee_id)
    );
CREATE INDEX approvals_by_colleague ON approvals (org_id, with_employee_id, requested_at DESC, request_id DESC)
    WHERE with_employee_id IS NOT NULL;
