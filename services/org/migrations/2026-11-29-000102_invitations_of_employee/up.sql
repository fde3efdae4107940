-- How often an employee was invited of late. Not in a transaction, because a service invites meanwhile.
CREATE INDEX CONCURRENTLY invitations_of_employee ON invitations (org_id, employee_id, created_at);
