DROP TABLE effects, copies;
