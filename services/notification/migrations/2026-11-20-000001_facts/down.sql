DROP TABLE deferred_events;
DROP TABLE user_facts;
DROP TABLE employee_facts;
DROP TABLE org_facts;
