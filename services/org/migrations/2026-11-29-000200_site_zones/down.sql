ALTER TABLE sites DROP COLUMN earlier_zones;
