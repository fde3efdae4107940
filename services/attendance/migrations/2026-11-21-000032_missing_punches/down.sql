DROP POLICY looking ON orgs;
DROP TABLE missing_punch_looks;
DROP TABLE missing_punches;
