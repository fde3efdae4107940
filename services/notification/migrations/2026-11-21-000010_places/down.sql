DROP TABLE backfills;
DROP TABLE site_facts;
DROP TABLE unit_facts;
