-- The zones that held at a site before time_zone, in their order, each with its last day: [{"time_zone", "valid_to"}].
-- A version that does not know them changes time_zone alone, as if it had always been so since the last of these days.
ALTER TABLE sites ADD COLUMN earlier_zones jsonb NOT NULL DEFAULT '[]';
