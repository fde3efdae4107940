// @generated automatically by Diesel CLI.

diesel::table! {
    api_tokens (api_token_id) {
        api_token_id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        scopes -> Jsonb,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_events (event_id) {
        event_id -> Uuid,
        user_id -> Nullable<Uuid>,
        kind -> Text,
        at -> Timestamptz,
        session_id -> Nullable<Uuid>,
        device -> Text,
        address -> Text,
    }
}

diesel::table! {
    known_devices (user_id, device_hash, network) {
        user_id -> Uuid,
        device_hash -> Bytea,
        network -> Text,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    mfa_challenges (challenge_hash) {
        challenge_hash -> Bytea,
        user_id -> Uuid,
        expires_at -> Timestamptz,
        attempts -> Int4,
    }
}

diesel::table! {
    password_resets (token_hash) {
        token_hash -> Bytea,
        user_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> Uuid,
        code_hash -> Bytea,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        spent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sessions (session_id) {
        session_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        ended_reason -> Nullable<Text>,
        device -> Text,
        address -> Text,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        public_key -> Bytea,
        sealed_private_key -> Bytea,
        created_at -> Timestamptz,
        published_at -> Timestamptz,
        signs_from -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    throttles (bucket) {
        bucket -> Bytea,
        failures -> Int4,
        counted_at -> Timestamptz,
        blocked_until -> Timestamptz,
    }
}

diesel::table! {
    totp_factors (user_id) {
        user_id -> Uuid,
        sealed_secret -> Bytea,
        created_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Int8,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Uuid,
        email -> Text,
        email_key -> Text,
        name -> Text,
        locale -> Text,
        time_zone -> Text,
        password_hash -> Text,
        sign_up_key -> Nullable<Bytea>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(api_tokens -> users (user_id));
diesel::joinable!(known_devices -> users (user_id));
diesel::joinable!(mfa_challenges -> users (user_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(recovery_codes -> totp_factors (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(totp_factors -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_tokens,
    audit_events,
    known_devices,
    mfa_challenges,
    password_resets,
    recovery_codes,
    refresh_tokens,
    sessions,
    signing_keys,
    throttles,
    totp_factors,
    users,
);
