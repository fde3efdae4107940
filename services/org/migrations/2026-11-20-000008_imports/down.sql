DROP POLICY all_orgs ON orgs;
DROP TABLE import_lines;
DROP TABLE imports;
