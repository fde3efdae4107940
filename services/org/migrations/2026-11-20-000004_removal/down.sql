REVOKE DELETE ON assignments FROM rollcall_org;
DROP INDEX units_code_key;
ALTER TABLE units ADD CONSTRAINT units_code_key UNIQUE (org_id, code);
ALTER TABLE sites DROP COLUMN removed_at;
ALTER TABLE units DROP COLUMN removed_at;
