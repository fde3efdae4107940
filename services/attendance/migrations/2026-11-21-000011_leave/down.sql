DROP TABLE leave_warnings;
DROP TABLE leave_entries;
DROP TABLE leave_accounts;
DROP TABLE leave_policies;
DROP TABLE leave_types;
