// @generated automatically by Diesel CLI.

diesel::table! {
    consumed_events (source, event_id) {
        source -> Text,
        event_id -> Uuid,
        consumed_at -> Timestamptz,
        generation -> Nullable<Int2>,
    }
}

diesel::table! {
    idempotency_keys (principal, key) {
        principal -> Text,
        key -> Text,
        org_id -> Nullable<Uuid>,
        fingerprint -> Bytea,
        status -> Int2,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    jwks_cache (url) {
        url -> Text,
        keys -> Jsonb,
        fetched_at -> Timestamptz,
    }
}

diesel::table! {
    outbox (event_id) {
        event_id -> Uuid,
        position -> Int8,
        org_id -> Nullable<Uuid>,
        kind -> Text,
        subject -> Text,
        aggregate_version -> Nullable<Int8>,
        data -> Jsonb,
        traceparent -> Nullable<Text>,
        occurred_at -> Timestamptz,
    }
}

diesel::table! {
    outbox_deliveries (subscriber, event_id) {
        subscriber -> Text,
        event_id -> Uuid,
        position -> Int8,
        state -> Text,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    revocations (kind, id) {
        kind -> Text,
        id -> Uuid,
        user_id -> Uuid,
        revoked_at -> Timestamptz,
        until -> Timestamptz,
        noted_at -> Timestamptz,
    }
}

diesel::table! {
    whole_copies (org_id) {
        org_id -> Uuid,
        generation -> Int2,
        begun_at -> Timestamptz,
        done_at -> Timestamptz,
    }
}

diesel::joinable!(outbox_deliveries -> outbox (event_id));

diesel::allow_tables_to_appear_in_same_query!(
    consumed_events,
    idempotency_keys,
    jwks_cache,
    outbox,
    outbox_deliveries,
    revocations,
    whole_copies,
);
