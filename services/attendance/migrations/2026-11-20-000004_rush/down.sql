DROP TABLE fact_changes;
DROP POLICY writer_sees ON punches;
DROP POLICY writer ON punches;
