DROP TABLE voided_punches;
DROP TABLE added_punches;
DROP TABLE corrections;
