DROP TABLE frozen_workdays, periods;
