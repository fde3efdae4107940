//! Tenants do not see each other, and the database holds to that by itself; facts are not edited.

use crate::support::{Fixture, World, send};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use rollcall_attendance::App;
use rollcall_common::db;
use rollcall_common::server::{Drain, Service as _};
use serde_json::json;

const TABLES: &[&str] = &[
    "orgs",
    "units",
    "sites",
    "holiday_calendars",
    "employees",
    "assignments",
    "fact_changes",
    "shifts",
    "shift_versions",
    "rotations",
    "roster_entries",
    "roster_versions",
    "punches",
    "corrections",
    "added_punches",
    "voided_punches",
    "punch_rules",
    "devices",
    "missing_punches",
    "missing_punch_looks",
    "approvals",
    "approval_decisions",
    "swaps",
    "calendar_feeds",
    "delegations",
    "org_settings",
    "audit_events",
    "periods",
    "frozen_workdays",
    "leave_types",
    "leave_policies",
    "leave_accounts",
    "leave_entries",
    "leave_warnings",
    "leave_requests",
];

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(conn: &mut PgConnection, table: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}"));
    query.get_result::<Count>(conn).unwrap().count
}

/// Two organisations with a row in every table each.
async fn two_orgs() -> Fixture {
    let mut f = Fixture::start().await;
    let first = f.world.clone();
    let second = World::new();
    f.tell_all(&second).await;
    let other = second.clone();
    for world in [second, first] {
        f.world = world;
        let period = json!({"from": "2026-01-01", "to": "2026-01-31"});
        let period = f.post(&f.world.owner, "/periods", &period).await.must(201);
        let lock = f.world.path(&format!("/periods/{}/lock", period["period_id"].as_str().unwrap()));
        send(f.by(&f.world.owner).post(&lock).header("if-match", "\"1\"")).await.must(200);
        let path = f.world.path("/settings");
        send(f.by(&f.world.owner).put(&path).header("if-match", "\"0\"").json(&json!({}))).await.must(200);
        f.tell(&[f.world.delegation(&f.world.owner, &f.world.worker, "2026-01-01", "2026-01-31")]).await;
        let shift = f.day_shift().await;
        f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
        crate::swaps::any(&f).await;
        f.post(&f.world.worker, "/calendar-feeds", &json!({})).await.must(201);
        let rotation = json!({"name": "R", "anchor_date": "2026-06-01", "cycle": [shift]});
        f.post(&f.world.owner, "/rotations", &rotation).await.must(201);
        let site_id = f.world.berlin.site_id;
        f.put_at(&f.world.owner, &format!("/sites/{site_id}/punch-rules"), 0, &json!({})).await.must(200);
        let punch = f.punch(&f.world.worker, "k", &json!({})).await.must(201);
        let changes = json!([{"void": punch["punch_id"]}, {"add": {"at": "2026-06-01T08:00:00Z"}}]);
        let body = json!({"work_date": "2026-06-01", "reason": "R", "changes": changes});
        let asked = f.post(&f.world.worker, "/corrections", &body).await.must(201);
        let approve = format!("/corrections/{}/approve", asked["correction_id"].as_str().unwrap());
        f.post(&f.world.manager, &approve, &json!({})).await.must(200);
        let vacation = json!({"code": "V", "name": "V", "unit": "day"});
        let vacation = f.post(&f.world.owner, "/leave-types", &vacation).await.must(201);
        let (id, from) = (&vacation["leave_type_id"], "2026-01-01");
        let away = json!({"leave_type_id": id, "from": "2026-07-05", "to": "2026-07-05"});
        f.post(&f.world.worker, "/leave-requests", &away).await.must(201);
        let policy = json!({"leave_type_id": id, "name": "P", "eligible": {"kind": "everyone"},
            "accrual": {"kind": "yearly", "minutes": 480}, "carry_over": {"limit_minutes": 240}, "valid_from": from});
        f.post(&f.world.owner, "/leave-policies", &policy).await.must(201);
    }
    // Nobody else of either team comes before the window closes. What there is of devices comes after it: days wait for
    // them.
    let look = async || f.service.app().look_for_missing_punches(&Drain::default()).await.unwrap();
    look().await;
    let start = f.service.clock.now();
    f.service.clock.advance(jiff::SignedDuration::from_hours(24));
    assert!(look().await >= 2);
    f.service.clock.set(start);
    let worlds = [f.world.clone(), other];
    for world in worlds {
        let device = json!({"name": "Door", "kind": "kiosk", "site_id": world.berlin.site_id});
        let path = world.path("/devices");
        crate::support::send(f.by(&world.owner).post(&path).json(&device)).await.must(201);
    }
    // In the month before the year ends, so that somebody is told.
    f.set_clock("2026-12-10T09:00:00Z");
    f.service.app().settle_leave().await.unwrap();
    f
}

#[tokio::test]
async fn a_query_sees_the_organisation_it_has_proven_and_no_other() {
    let f = two_orgs().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let mut owner = PgConnection::establish(&f.service.database_url).unwrap();
    for table in TABLES {
        assert!(count(&mut admin, table) >= 2, "{table} has rows of both");
        assert_eq!(count(&mut owner, table), 0, "{table}: nothing is proven");
    }
    diesel::sql_query("SELECT set_config('app.org_id', $1, false)")
        .bind::<Text, _>(f.world.org.org_id.to_string())
        .execute(&mut owner)
        .unwrap();
    for table in TABLES {
        let mine = count(&mut owner, &format!("{table} WHERE org_id = '{}'", f.world.org.org_id));
        assert!(mine > 0, "{table}: one's own");
        assert_eq!(count(&mut owner, table), mine, "{table}: and no other's");
    }
    let smuggled = "INSERT INTO shifts (org_id, shift_id, code, created_at) \
                    VALUES (gen_random_uuid(), gen_random_uuid(), 'X', now())";
    let error = diesel::sql_query(smuggled).execute(&mut owner).unwrap_err().to_string();
    assert!(error.contains("row-level security"), "{error}");
}

#[tokio::test]
async fn the_writer_writes_for_the_organisations_it_has_proof_of_and_no_other() {
    let f = two_orgs().await;
    let mut owner = PgConnection::establish(&f.service.database_url).unwrap();
    let mine = f.world.org.org_id.to_string();
    let set = "SELECT set_config('app.org_ids', $1, false)";
    diesel::sql_query(set).bind::<Text, _>(&mine).execute(&mut owner).unwrap();
    assert_eq!(count(&mut owner, "punches"), 1, "one's own");
    assert_eq!(count(&mut owner, "shifts"), 0, "and of nothing but punches");
    let add = |org: &str| {
        format!(
            "INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, exceptions, \
             received_at, recorded_by) VALUES ('{org}', gen_random_uuid(), gen_random_uuid(), now(), 'in', 'web', \
             false, '[]', now(), gen_random_uuid())"
        )
    };
    diesel::sql_query(add(&mine)).execute(&mut owner).unwrap();
    let other = add("0193a6f0-7c1e-7000-8000-000000000003");
    let error = diesel::sql_query(other).execute(&mut owner).unwrap_err().to_string();
    assert!(error.contains("row-level security"), "{error}");
}

#[tokio::test]
async fn the_role_that_serves_cannot_edit_facts() {
    let f = two_orgs().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    diesel::sql_query("SET ROLE rollcall_attendance").execute(&mut admin).unwrap();
    for table in [
        "punches",
        "rotations",
        "roster_entries",
        "shift_versions",
        "shifts",
        "added_punches",
        "voided_punches",
        "approval_decisions",
        "swaps",
        "audit_events",
        "frozen_workdays",
        "leave_entries",
        "leave_warnings",
    ] {
        for statement in [format!("UPDATE {table} SET org_id = org_id"), format!("DELETE FROM {table}")] {
            let error = diesel::sql_query(&statement).execute(&mut admin).unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{statement}: {error}");
        }
    }
}

#[tokio::test]
async fn migrations_go_up_down_and_up_again() {
    let f = Fixture::start().await;
    let url = f.service.database_url.clone();
    f.service.stop().await;
    let steps = tokio::task::spawn_blocking(move || {
        let down = db::revert_all(&url, App::MIGRATIONS).unwrap();
        let up = db::migrate(&url, App::MIGRATIONS).unwrap();
        (down, up.len(), db::pending(&url, App::MIGRATIONS).unwrap())
    });
    let (down, up, pending) = steps.await.unwrap();
    assert_eq!((down, pending), (up, vec![]));
}

/// Of tens of thousands of punches each would be asked anew which organisation the transaction is of.
#[tokio::test]
async fn the_policies_of_punches_ask_for_the_organisation_once_a_statement() {
    let f = Fixture::start().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let mut policies = |condition: &str| {
        let query = format!("SELECT count(*) AS count FROM pg_policies WHERE tablename = 'punches' AND {condition}");
        diesel::sql_query(query).get_result::<Count>(&mut admin).unwrap().count
    };
    let all = policies("true");
    let once = policies("concat(qual, with_check) LIKE '%( SELECT %' AND qual IS DISTINCT FROM 'true'");
    let per_row = policies("concat(qual, with_check) LIKE '%= (NULLIF%'");
    assert_eq!((all, once, per_row), (3, 3, 0));
}
