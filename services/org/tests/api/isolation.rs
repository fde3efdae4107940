//! Tenants do not see each other, and the database holds to that by itself.

use crate::support::{Fixture, Seat};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use rollcall_common::server::Service as _;
use rollcall_ids::EmployeeId;
use rollcall_org::App;
use serde_json::json;

const TABLES: [&str; 14] = [
    "orgs",
    "employees",
    "units",
    "sites",
    "assignments",
    "employee_roles",
    "invitations",
    "audit_events",
    "holiday_calendars",
    "holidays",
    "custom_roles",
    "delegations",
    "imports",
    "import_lines",
];

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(conn: &mut PgConnection, table: &str) -> i64 {
    let Count { count } = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}")).get_result(conn).unwrap();
    count
}

fn set(conn: &mut PgConnection, name: &str, value: &str) {
    diesel::sql_query("SELECT set_config($1, $2, false)")
        .bind::<Text, _>(name)
        .bind::<Text, _>(value)
        .execute(conn)
        .unwrap();
}

/// A connection to which the policies apply: the owner's, whom they are forced upon.
async fn owners_connection(f: &Fixture) -> PgConnection {
    for _ in 0..2 {
        let seat = f.found().await;
        let employee_id = f.hire(seat, "7", json!({})).await;
        f.invite(seat, employee_id).await;
        fill(f, seat, employee_id).await;
    }
    PgConnection::establish(&f.org.database_url).unwrap()
}

/// Something in each of the other tables.
async fn fill(f: &Fixture, seat: Seat, employee_id: EmployeeId) {
    let calendar = f.post(seat, "/holiday-calendars", json!({"name": "C"})).await.must(201);
    let holidays = format!("/holiday-calendars/{}/holidays", calendar["holiday_calendar_id"].as_str().unwrap());
    f.post(seat, &holidays, json!({"date": "2026-10-03", "name": "H"})).await.must(201);
    let role = json!({"role": "planner", "name": "P", "scope": "unit", "permissions": ["roster.read"]});
    f.post(seat, "/roles", role).await.must(201);
    let stand_in = json!({"to_employee_id": employee_id, "valid_from": "2026-08-01", "valid_to": "2026-08-02"});
    f.post(seat, "/delegations", stand_in).await.must(201);
    f.import(seat, "number,name,hired_on\n8,Ada,2026-01-05\n").await;
}

#[tokio::test]
async fn a_query_that_names_no_organisation_sees_nothing() {
    let f = Fixture::start().await;
    let mut conn = owners_connection(&f).await;
    for table in TABLES {
        assert!(count(&mut f.database(), table) > 0, "{table} has rows");
        assert_eq!(count(&mut conn, table), 0, "{table}");
    }
}

#[tokio::test]
async fn a_query_that_names_one_sees_that_one_and_writes_into_no_other() {
    let f = Fixture::start().await;
    let mut conn = owners_connection(&f).await;
    let (mine, other) = (f.found().await, f.found().await);
    set(&mut conn, "app.org_id", &mine.org_id.to_string());
    assert_eq!((count(&mut conn, "orgs"), count(&mut conn, "employees")), (1, 1));
    let smuggled = format!(
        "INSERT INTO sites (org_id, site_id, name, time_zone, created_at, updated_at) \
         VALUES ('{}', gen_random_uuid(), 'x', 'UTC', now(), now())",
        other.org_id
    );
    let refused = diesel::sql_query(smuggled).execute(&mut conn).unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    let foreign = format!("UPDATE orgs SET name = 'x' WHERE org_id = '{}'", other.org_id);
    assert_eq!(diesel::sql_query(foreign).execute(&mut conn).unwrap(), 0);
}

#[tokio::test]
async fn a_user_sees_their_own_employments_before_a_tenant_is_chosen_and_changes_none() {
    let f = Fixture::start().await;
    let mut conn = owners_connection(&f).await;
    let mine = f.found().await;
    set(&mut conn, "app.user_id", &mine.user_id.to_string());
    let seen: Vec<i64> = TABLES.iter().map(|table| count(&mut conn, table)).collect();
    assert_eq!(seen, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(diesel::sql_query("UPDATE employees SET name = 'x'").execute(&mut conn).unwrap(), 0);
}

#[tokio::test]
async fn every_table_with_an_organisation_forces_row_level_security() {
    let f = Fixture::start().await;
    let Count { count } = diesel::sql_query(
        "SELECT count(*) AS count FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' \
         WHERE c.relkind = 'r' AND c.relname NOT IN ('outbox', 'idempotency_keys', 'whole_copies') \
         AND c.relrowsecurity AND c.relforcerowsecurity",
    )
    .get_result(&mut f.database())
    .unwrap();
    let all = diesel::sql_query(
        "SELECT count(*) AS count FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' \
         WHERE c.relkind = 'r' AND c.relname NOT IN ('outbox', 'idempotency_keys', 'whole_copies')",
    );
    let all: Count = all.get_result(&mut f.database()).unwrap();
    assert_eq!((count, all.count), (14, 14));
}

#[tokio::test]
async fn the_service_may_add_to_the_record_but_not_change_it() {
    let f = Fixture::start().await;
    for (privilege, expected) in [("SELECT", true), ("INSERT", true), ("UPDATE", false), ("DELETE", false)] {
        #[derive(QueryableByName)]
        struct May {
            #[diesel(sql_type = diesel::sql_types::Bool)]
            may: bool,
        }
        let May { may } = diesel::sql_query("SELECT has_table_privilege('rollcall_org', 'audit_events', $1) AS may")
            .bind::<Text, _>(privilege)
            .get_result(&mut f.database())
            .unwrap();
        assert_eq!(may, expected, "{privilege}");
    }
}

#[tokio::test]
async fn the_migrations_go_down_and_up_again() {
    let f = Fixture::start().await;
    f.found().await;
    let url = f.org.database_url.clone();
    f.org.stop().await;
    let (reverted, applied) = tokio::task::spawn_blocking(move || {
        let reverted = rollcall_common::db::revert_all(&url, App::MIGRATIONS).unwrap();
        (reverted, rollcall_common::db::migrate(&url, App::MIGRATIONS).unwrap().len())
    })
    .await
    .unwrap();
    assert_eq!(reverted, applied);
    assert!(applied >= 9, "those of the mechanism and org's eight: {applied}");
}
