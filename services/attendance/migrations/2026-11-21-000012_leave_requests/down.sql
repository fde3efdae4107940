ALTER TABLE leave_entries DROP CONSTRAINT leave_entries_request_known;
DROP TABLE leave_requests;
DROP EXTENSION btree_gist;
