DROP INDEX approvals_of_overtime;
DROP TABLE audit_events, org_settings;
