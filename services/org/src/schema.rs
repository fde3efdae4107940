// @generated automatically by Diesel CLI.

diesel::table! {
    assignments (org_id, assignment_id) {
        org_id -> Uuid,
        assignment_id -> Uuid,
        employee_id -> Uuid,
        unit_id -> Uuid,
        site_id -> Uuid,
        manager_id -> Nullable<Uuid>,
        position -> Nullable<Text>,
        employment_type -> Text,
        valid_from -> Date,
        valid_to -> Nullable<Date>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_events (org_id, sequence) {
        org_id -> Uuid,
        sequence -> Int8,
        at -> Timestamptz,
        actor_user_id -> Uuid,
        actor_employee_id -> Nullable<Uuid>,
        address -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Uuid,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    custom_roles (org_id, role) {
        org_id -> Uuid,
        role -> Text,
        name -> Text,
        scope -> Text,
        permissions -> Array<Nullable<Text>>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
        reason -> Nullable<Text>,
        version -> Int8,
        created_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    employee_roles (org_id, employee_id, role) {
        org_id -> Uuid,
        employee_id -> Uuid,
        role -> Text,
        given_at -> Timestamptz,
    }
}

diesel::table! {
    employees (org_id, employee_id) {
        org_id -> Uuid,
        employee_id -> Uuid,
        number -> Text,
        name -> Text,
        email -> Nullable<Text>,
        user_id -> Nullable<Uuid>,
        hired_on -> Date,
        left_on -> Nullable<Date>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    holiday_calendars (org_id, holiday_calendar_id) {
        org_id -> Uuid,
        holiday_calendar_id -> Uuid,
        name -> Text,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    holidays (org_id, holiday_calendar_id, date) {
        org_id -> Uuid,
        holiday_calendar_id -> Uuid,
        date -> Date,
        name -> Text,
        portion -> Text,
    }
}

diesel::table! {
    import_lines (org_id, import_id, line) {
        org_id -> Uuid,
        import_id -> Uuid,
        line -> Int4,
        verdict -> Text,
        errors -> Jsonb,
    }
}

diesel::table! {
    imports (org_id, import_id) {
        org_id -> Uuid,
        import_id -> Uuid,
        status -> Text,
        source -> Nullable<Text>,
        mapping -> Jsonb,
        actor -> Jsonb,
        lines_total -> Int4,
        lines_done -> Int4,
        created -> Int4,
        changed -> Int4,
        unchanged -> Int4,
        rejected -> Int4,
        claimed_until -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    invitations (org_id, invitation_id) {
        org_id -> Uuid,
        invitation_id -> Uuid,
        employee_id -> Uuid,
        email -> Text,
        token_sha256 -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        accepted_by -> Nullable<Uuid>,
        replaced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    orgs (org_id) {
        org_id -> Uuid,
        name -> Text,
        time_zone -> Text,
        locale -> Text,
        country -> Nullable<Text>,
        week_start -> Text,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sites (org_id, site_id) {
        org_id -> Uuid,
        site_id -> Uuid,
        name -> Text,
        time_zone -> Text,
        latitude -> Nullable<Float8>,
        longitude -> Nullable<Float8>,
        radius_m -> Nullable<Int4>,
        allowed_networks -> Array<Nullable<Text>>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
        holiday_calendar_id -> Nullable<Uuid>,
        earlier_zones -> Jsonb,
    }
}

diesel::table! {
    units (org_id, unit_id) {
        org_id -> Uuid,
        unit_id -> Uuid,
        name -> Text,
        code -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        head_employee_id -> Nullable<Uuid>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(assignments -> orgs (org_id));
diesel::joinable!(audit_events -> orgs (org_id));
diesel::joinable!(custom_roles -> orgs (org_id));
diesel::joinable!(delegations -> orgs (org_id));
diesel::joinable!(employee_roles -> orgs (org_id));
diesel::joinable!(employees -> orgs (org_id));
diesel::joinable!(holiday_calendars -> orgs (org_id));
diesel::joinable!(holidays -> orgs (org_id));
diesel::joinable!(import_lines -> orgs (org_id));
diesel::joinable!(imports -> orgs (org_id));
diesel::joinable!(invitations -> orgs (org_id));
diesel::joinable!(sites -> orgs (org_id));
diesel::joinable!(units -> orgs (org_id));

diesel::allow_tables_to_appear_in_same_query!(
    assignments,
    audit_events,
    custom_roles,
    delegations,
    employee_roles,
    employees,
    holiday_calendars,
    holidays,
    import_lines,
    imports,
    invitations,
    orgs,
    sites,
    units,
);
