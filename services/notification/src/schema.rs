// @generated automatically by Diesel CLI.

diesel::table! {
    announcements (org_id, announcement_id) {
        org_id -> Uuid,
        announcement_id -> Uuid,
        title -> Text,
        body -> Text,
        audience -> Jsonb,
        urgent -> Bool,
        recipients -> Int4,
        created_by -> Uuid,
        created_at -> Timestamptz,
        owed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    deferred_events (org_id, event_id) {
        org_id -> Uuid,
        event_id -> Uuid,
        position -> Int8,
        event -> Jsonb,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        created_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    digests (user_id, channel, due_at) {
        user_id -> Uuid,
        channel -> Text,
        due_at -> Timestamptz,
        digest_id -> Uuid,
        notification_ids -> Array<Nullable<Uuid>>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    employee_facts (org_id, employee_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        user_id -> Nullable<Uuid>,
        works -> Bool,
        speaks_for_org -> Bool,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    mail_deliveries (delivery_id) {
        org_id -> Nullable<Uuid>,
        delivery_id -> Uuid,
        event_id -> Uuid,
        recipient -> Text,
        recipient_name -> Text,
        kind -> Text,
        language -> Text,
        subject -> Text,
        text_body -> Nullable<Text>,
        html_body -> Nullable<Text>,
        state -> Text,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        turn_of -> Nullable<Uuid>,
    }
}

diesel::table! {
    notifications (notification_id) {
        notification_id -> Uuid,
        org_id -> Uuid,
        user_id -> Uuid,
        event_id -> Uuid,
        seq -> Int8,
        category -> Text,
        kind -> Text,
        title -> Text,
        body -> Text,
        about -> Jsonb,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    org_facts (org_id) {
        org_id -> Uuid,
        name -> Text,
        time_zone -> Text,
        locale -> Text,
        version -> Int8,
    }
}

diesel::table! {
    owed_messages (notification_id, channel) {
        notification_id -> Uuid,
        channel -> Text,
        org_id -> Uuid,
        user_id -> Uuid,
        category -> Text,
        due_at -> Timestamptz,
        gathered -> Bool,
        next_attempt_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    preferences (user_id) {
        user_id -> Uuid,
        wishes -> Jsonb,
        version -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    restores (restored_at) {
        restored_at -> Timestamptz,
        lost_at -> Timestamptz,
    }
}

diesel::table! {
    short_links (code_hash) {
        code_hash -> Bytea,
        sealed_path -> Bytea,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    site_facts (org_id, site_id) {
        org_id -> Uuid,
        site_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    stream_entries (user_id, seq) {
        user_id -> Uuid,
        seq -> Int8,
        org_id -> Nullable<Uuid>,
        event -> Text,
        data -> Text,
        unread -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    unit_facts (org_id, unit_id) {
        org_id -> Uuid,
        unit_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    user_facts (user_id) {
        user_id -> Uuid,
        locale -> Text,
        fetched_at -> Timestamptz,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        time_zone -> Nullable<Text>,
    }
}

diesel::table! {
    user_streams (user_id) {
        user_id -> Uuid,
        epoch -> Int8,
        last_seq -> Int8,
        unread -> Int8,
    }
}

diesel::table! {
    webhook_deliveries (org_id, delivery_id) {
        org_id -> Uuid,
        delivery_id -> Uuid,
        webhook_id -> Uuid,
        event_id -> Uuid,
        event_type -> Text,
        payload -> Text,
        state -> Text,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        attempted_at -> Nullable<Timestamptz>,
        request -> Nullable<Jsonb>,
        answer -> Nullable<Jsonb>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        era -> Nullable<Int4>,
    }
}

diesel::table! {
    webhook_secrets (org_id, webhook_id, number) {
        org_id -> Uuid,
        webhook_id -> Uuid,
        number -> Int4,
        sealed_secret -> Bytea,
        valid_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhooks (org_id, webhook_id) {
        org_id -> Uuid,
        webhook_id -> Uuid,
        url -> Text,
        description -> Text,
        event_types -> Array<Nullable<Text>>,
        enabled -> Bool,
        off_reason -> Nullable<Text>,
        failing_since -> Nullable<Timestamptz>,
        paused_until -> Nullable<Timestamptz>,
        version -> Int8,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        failures -> Int4,
        last_failed_at -> Nullable<Timestamptz>,
        era -> Int4,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    announcements,
    deferred_events,
    digests,
    employee_facts,
    mail_deliveries,
    notifications,
    org_facts,
    owed_messages,
    preferences,
    restores,
    short_links,
    site_facts,
    stream_entries,
    unit_facts,
    user_facts,
    user_streams,
    webhook_deliveries,
    webhook_secrets,
    webhooks,
);
