DROP TABLE assignments;
DROP TABLE employees;
DROP TABLE sites;
DROP TABLE units;
DROP TABLE orgs;
