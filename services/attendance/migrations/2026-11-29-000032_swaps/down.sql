DROP INDEX approvals_by_colleague;
DROP TABLE swaps;
-- Rows at level 0 are of this release alone, and the one before has no place for them.
ALTER TABLE approvals NO FORCE ROW LEVEL SECURITY;
ALTER TABLE approval_decisions NO FORCE ROW LEVEL SECURITY;
DELETE FROM approval_decisions USING approvals
WHERE approvals.org_id = approval_decisions.org_id AND approvals.request_id = approval_decisions.request_id
    AND approvals.kind = 'swap';
DELETE FROM approvals WHERE kind = 'swap';
ALTER TABLE approval_decisions FORCE ROW LEVEL SECURITY;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY;
ALTER TABLE approvals DROP CONSTRAINT approvals_levels, DROP CONSTRAINT approvals_by_another,
    ADD CONSTRAINT approvals_levels CHECK (levels BETWEEN 1 AND 2 AND level BETWEEN 1 AND levels),
    ADD CONSTRAINT approvals_by_another CHECK (
        status NOT IN ('approved', 'rejected')
        OR (decided_by NOT IN (employee_id, requested_by) AND decided_by IS DISTINCT FROM with_employee_id)
    );
