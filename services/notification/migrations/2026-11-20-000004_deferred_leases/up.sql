-- Whoever tries an event holds it apart from when it is due again: a fact that comes in makes it due at once and must
-- not take it out of somebody's hands. Beside it an organisation's next event is not begun, so they keep their order.
ALTER TABLE deferred_events ADD COLUMN leased_until timestamptz;
-- What waits is little; the indexes are made at once.
CREATE INDEX deferred_events_held ON deferred_events (org_id) WHERE leased_until IS NOT NULL;
CREATE INDEX deferred_events_order ON deferred_events (org_id, position);
