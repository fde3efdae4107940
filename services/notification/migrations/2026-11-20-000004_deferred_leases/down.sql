ALTER TABLE deferred_events DROP COLUMN leased_until;
