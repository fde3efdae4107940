DROP TABLE punch_rules;
