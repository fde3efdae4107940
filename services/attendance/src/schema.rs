// @generated automatically by Diesel CLI.

diesel::table! {
    added_punches (org_id, employee_id, at, punch_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        at -> Timestamptz,
        punch_id -> Uuid,
        direction -> Text,
        correction_id -> Uuid,
    }
}

diesel::table! {
    approval_decisions (org_id, request_id, version) {
        org_id -> Uuid,
        request_id -> Uuid,
        version -> Int8,
        level -> Int2,
        verdict -> Text,
        decided_by -> Uuid,
        on_behalf_of -> Nullable<Uuid>,
        note -> Nullable<Text>,
        at -> Timestamptz,
        from_date -> Nullable<Date>,
    }
}

diesel::table! {
    approvals (org_id, request_id) {
        org_id -> Uuid,
        request_id -> Uuid,
        kind -> Text,
        employee_id -> Uuid,
        with_employee_id -> Nullable<Uuid>,
        requested_by -> Uuid,
        requested_at -> Timestamptz,
        from_date -> Date,
        to_date -> Date,
        minutes -> Nullable<Int4>,
        label -> Nullable<Text>,
        reason -> Nullable<Text>,
        levels -> Int2,
        level -> Int2,
        status -> Text,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        note -> Nullable<Text>,
        version -> Int8,
    }
}

diesel::table! {
    assignments (org_id, assignment_id) {
        org_id -> Uuid,
        assignment_id -> Uuid,
        employee_id -> Uuid,
        unit_id -> Uuid,
        site_id -> Uuid,
        valid_from -> Date,
        valid_to -> Nullable<Date>,
    }
}

diesel::table! {
    audit_events (org_id, audit_event_id) {
        org_id -> Uuid,
        audit_event_id -> Uuid,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        subject_id -> Uuid,
        reason -> Nullable<Text>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    calendar_feeds (org_id, calendar_feed_id) {
        org_id -> Uuid,
        calendar_feed_id -> Uuid,
        employee_id -> Uuid,
        name -> Nullable<Text>,
        secret_hash -> Bytea,
        created_by -> Uuid,
        created_at -> Timestamptz,
        last_read_at -> Nullable<Timestamptz>,
        digest -> Nullable<Bytea>,
        changed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    corrections (org_id, correction_id) {
        org_id -> Uuid,
        correction_id -> Uuid,
        employee_id -> Uuid,
        work_date -> Date,
        changes -> Jsonb,
        reason -> Text,
        requested_by -> Uuid,
        requested_at -> Timestamptz,
        status -> Text,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        note -> Nullable<Text>,
        version -> Int8,
    }
}

diesel::table! {
    delegations (org_id, delegation_id) {
        org_id -> Uuid,
        delegation_id -> Uuid,
        from_employee_id -> Uuid,
        to_employee_id -> Uuid,
        valid_from -> Date,
        valid_to -> Date,
        deleted -> Bool,
        version -> Int8,
    }
}

diesel::table! {
    devices (org_id, device_id) {
        org_id -> Uuid,
        device_id -> Uuid,
        name -> Text,
        kind -> Text,
        site_id -> Uuid,
        allowed_employees -> Nullable<Jsonb>,
        secret_hash -> Bytea,
        disabled -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        created_by -> Uuid,
        last_seen_at -> Nullable<Timestamptz>,
        reported_until -> Timestamptz,
        silent_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    employees (org_id, employee_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        number -> Text,
        user_id -> Nullable<Uuid>,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    fact_changes (org_id, subject) {
        org_id -> Uuid,
        subject -> Uuid,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    frozen_workdays (org_id, employee_id, work_date, period_id, generation) {
        org_id -> Uuid,
        employee_id -> Uuid,
        work_date -> Date,
        generation -> Int8,
        period_id -> Uuid,
        day -> Jsonb,
    }
}

diesel::table! {
    holiday_calendars (org_id, holiday_calendar_id) {
        org_id -> Uuid,
        holiday_calendar_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    leave_accounts (org_id, employee_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        settled_on -> Nullable<Date>,
        settled_with -> Nullable<Text>,
    }
}

diesel::table! {
    leave_entries (org_id, leave_entry_id) {
        org_id -> Uuid,
        leave_entry_id -> Uuid,
        seq -> Int8,
        employee_id -> Uuid,
        leave_type_id -> Uuid,
        kind -> Text,
        minutes -> Int8,
        effective_on -> Date,
        expires_on -> Nullable<Date>,
        source_id -> Nullable<Uuid>,
        leave_request_id -> Nullable<Uuid>,
        leave_policy_id -> Nullable<Uuid>,
        reason_key -> Nullable<Text>,
        note -> Nullable<Text>,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        earned_from -> Nullable<Date>,
        earned_to -> Nullable<Date>,
    }
}

diesel::table! {
    leave_policies (org_id, leave_policy_id) {
        org_id -> Uuid,
        leave_policy_id -> Uuid,
        seq -> Int8,
        leave_type_id -> Uuid,
        body -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
    }
}

diesel::table! {
    leave_requests (org_id, leave_request_id) {
        org_id -> Uuid,
        leave_request_id -> Uuid,
        employee_id -> Uuid,
        leave_type_id -> Uuid,
        from_date -> Date,
        to_date -> Date,
        portion -> Nullable<Text>,
        hours_start -> Nullable<Text>,
        hours_end -> Nullable<Text>,
        reason -> Nullable<Text>,
        taken_from -> Nullable<Timestamp>,
        taken_until -> Nullable<Timestamp>,
        days -> Jsonb,
        status -> Text,
        part -> Nullable<Tstzrange>,
    }
}

diesel::table! {
    leave_types (org_id, leave_type_id) {
        org_id -> Uuid,
        leave_type_id -> Uuid,
        code -> Text,
        body -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
    }
}

diesel::table! {
    leave_warnings (org_id, leave_entry_id) {
        org_id -> Uuid,
        leave_entry_id -> Uuid,
        warned_at -> Timestamptz,
    }
}

diesel::table! {
    missing_punch_looks (org_id) {
        org_id -> Uuid,
        watched_since -> Timestamptz,
        looked_at -> Timestamptz,
        next_look_at -> Timestamptz,
        known_until -> Jsonb,
    }
}

diesel::table! {
    missing_punches (org_id, employee_id, work_date, missing) {
        org_id -> Uuid,
        employee_id -> Uuid,
        work_date -> Date,
        missing -> Text,
        found_at -> Timestamptz,
    }
}

diesel::table! {
    org_settings (org_id) {
        org_id -> Uuid,
        settings -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    orgs (org_id) {
        org_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    periods (org_id, period_id) {
        org_id -> Uuid,
        period_id -> Uuid,
        name -> Text,
        from_date -> Date,
        to_date -> Date,
        status -> Text,
        generation -> Int8,
        frozen_up_to -> Nullable<Uuid>,
        people_done -> Int4,
        people_total -> Int4,
        locked_by -> Nullable<Uuid>,
        locked_at -> Nullable<Timestamptz>,
        warn_on -> Nullable<Date>,
        version -> Int8,
        pending_days -> Int4,
    }
}

diesel::table! {
    punch_rules (org_id, site_id) {
        org_id -> Uuid,
        site_id -> Uuid,
        geofence -> Text,
        networks -> Text,
        remind_after_minutes -> Nullable<Int4>,
        version -> Int8,
        updated_at -> Timestamptz,
        updated_by -> Uuid,
    }
}

diesel::table! {
    punches (org_id, employee_id, at, punch_id) {
        org_id -> Uuid,
        punch_id -> Uuid,
        employee_id -> Uuid,
        at -> Timestamptz,
        direction -> Text,
        source -> Text,
        offline -> Bool,
        site_id -> Nullable<Uuid>,
        latitude -> Nullable<Float8>,
        longitude -> Nullable<Float8>,
        accuracy_m -> Nullable<Float8>,
        note -> Nullable<Text>,
        exceptions -> Jsonb,
        received_at -> Timestamptz,
        recorded_by -> Uuid,
        idempotency_key -> Nullable<Text>,
        fingerprint -> Nullable<Bytea>,
        device_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    roster_entries (org_id, roster_entry_id) {
        org_id -> Uuid,
        roster_entry_id -> Uuid,
        seq -> Int8,
        kind -> Text,
        target_id -> Uuid,
        from_date -> Date,
        to_date -> Date,
        shift_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        created_by -> Uuid,
        rotation_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    roster_versions (org_id) {
        org_id -> Uuid,
        version -> Int8,
    }
}

diesel::table! {
    rotations (org_id, rotation_id) {
        org_id -> Uuid,
        rotation_id -> Uuid,
        name -> Text,
        anchor_date -> Date,
        cycle -> Jsonb,
        created_at -> Timestamptz,
        created_by -> Uuid,
    }
}

diesel::table! {
    shift_versions (org_id, shift_id, version) {
        org_id -> Uuid,
        shift_id -> Uuid,
        version -> Int8,
        name -> Text,
        starts -> Text,
        ends -> Text,
        breaks -> Jsonb,
        policy -> Jsonb,
        valid_from -> Nullable<Date>,
        created_at -> Timestamptz,
        created_by -> Uuid,
    }
}

diesel::table! {
    shifts (org_id, shift_id) {
        org_id -> Uuid,
        shift_id -> Uuid,
        code -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sites (org_id, site_id) {
        org_id -> Uuid,
        site_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    swaps (org_id, swap_id) {
        org_id -> Uuid,
        swap_id -> Uuid,
        date -> Date,
        shift_id -> Uuid,
        shift_version -> Int8,
        with_date -> Date,
        with_shift_id -> Uuid,
        with_shift_version -> Int8,
    }
}

diesel::table! {
    units (org_id, unit_id) {
        org_id -> Uuid,
        unit_id -> Uuid,
        fact -> Jsonb,
        version -> Int8,
    }
}

diesel::table! {
    voided_punches (org_id, employee_id, at, punch_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        at -> Timestamptz,
        punch_id -> Uuid,
        correction_id -> Uuid,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    added_punches,
    approval_decisions,
    approvals,
    assignments,
    audit_events,
    calendar_feeds,
    corrections,
    delegations,
    devices,
    employees,
    fact_changes,
    frozen_workdays,
    holiday_calendars,
    leave_accounts,
    leave_entries,
    leave_policies,
    leave_requests,
    leave_types,
    leave_warnings,
    missing_punch_looks,
    missing_punches,
    org_settings,
    orgs,
    periods,
    punch_rules,
    punches,
    roster_entries,
    roster_versions,
    rotations,
    shift_versions,
    shifts,
    sites,
    swaps,
    units,
    voided_punches,
);
