DROP TABLE jwks_cache, idempotency_keys, consumed_events, outbox_deliveries, outbox;
