DROP TABLE jwks_cache, idempotency_keys, consumed_events, outbox_deliveries, outbox;

DO $$
DECLARE
    service text := regexp_replace(current_user, '_owner$', '');
BEGIN
    EXECUTE format('REVOKE SELECT ON __diesel_schema_migrations FROM %I', service);
END $$;
