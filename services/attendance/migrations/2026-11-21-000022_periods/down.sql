DROP TABLE frozen_workdays, periods;
DROP EXTENSION btree_gist;
