DROP TRIGGER corrections_of_the_release_before ON corrections;
DROP FUNCTION corrections_of_the_release_before();
DROP INDEX employees_deciding;
DROP TABLE delegations, approval_decisions, approvals;
