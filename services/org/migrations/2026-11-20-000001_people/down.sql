DROP TABLE employee_roles;
DROP TABLE assignments;
DROP TABLE sites;
DROP TABLE units;
DROP POLICY orgs_of_own_employments ON orgs;
DROP TABLE employees;
DROP TABLE orgs;
DROP EXTENSION btree_gist;
