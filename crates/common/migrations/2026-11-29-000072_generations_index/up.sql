-- When a generation took its last event. Not in a transaction, because a service takes events meanwhile.
CREATE INDEX CONCURRENTLY consumed_events_generations ON consumed_events (generation, consumed_at)
    WHERE generation IS NOT NULL;
