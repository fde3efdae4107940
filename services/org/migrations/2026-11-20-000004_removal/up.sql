-- What people once worked in stays, so that the past can still be told; removed_at takes it out of everything else.
ALTER TABLE units ADD COLUMN removed_at timestamptz;
ALTER TABLE sites ADD COLUMN removed_at timestamptz;

-- The code of a removed unit is free again.
ALTER TABLE units DROP CONSTRAINT units_code_key;
CREATE UNIQUE INDEX units_code_key ON units (org_id, code) WHERE removed_at IS NULL;

GRANT DELETE ON assignments TO rollcall_org;
