//! Policies that are changed, ended and replaced: no date is earned twice, and none is lost.

use crate::leave::{days, entries, grant, leave_type, policy, settle};
use crate::leave_races::{Gate, waiting};
use crate::support::{Fixture, event, unit};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use rollcall_org_api::events::UNIT_CHANGED;
use rollcall_org_api::facts::UnitFact;
use serde_json::{Value, json};

const DAY: i64 = 480;

/// Changes a policy.
async fn change(f: &Fixture, policy: &Value, change: Value) -> Value {
    let mut body = policy.clone();
    let fields = body.as_object_mut().unwrap();
    let (id, version) = (fields.remove("leave_policy_id").unwrap(), fields.remove("version").unwrap());
    fields.extend(change.as_object().unwrap().clone());
    let path = format!("/leave-policies/{}", id.as_str().unwrap());
    f.put_at(&f.world.owner, &path, version.as_i64().unwrap(), &body).await.must(200)
}

async fn given(f: &Fixture) -> Vec<f64> {
    entries(f).await.into_iter().filter(|(kind, _)| kind == "accrual").map(|(_, days)| days).collect()
}

#[tokio::test]
async fn a_policy_that_is_changed_or_replaced_in_a_year_that_was_given_gives_nothing_again() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let first = policy(&f, &vacation, json!({})).await;
    settle(&f, "2026-03-01T09:00:00Z").await;
    assert_eq!(given(&f).await, [30.0]);
    // Another month in which the year starts, and so another year.
    let first = change(&f, &first, json!({"year_starts_month": 3})).await;
    settle(&f, "2026-03-02T09:00:00Z").await;
    let first = change(&f, &first, json!({"year_starts_month": 1, "valid_to": "2026-06-30"})).await;
    let monthly = json!({"accrual": {"kind": "monthly", "minutes": 3 * DAY}, "valid_from": "2026-07-01"});
    let second = policy(&f, &vacation, monthly).await;
    settle(&f, "2026-10-01T09:00:00Z").await;
    // Nor does it when it goes back to before, or beside it for the worker alone.
    change(&f, &second, json!({"valid_from": "2026-01-01"})).await;
    let mine = json!({"eligible": {"kind": "employees", "employee_ids": [f.world.worker.employee_id]}});
    policy(&f, &vacation, mine).await;
    change(&f, &first, json!({"valid_to": "2026-12-31"})).await;
    settle(&f, "2026-12-31T09:00:00Z").await;
    assert_eq!(given(&f).await, [30.0]);
    settle(&f, "2027-01-01T09:00:00Z").await;
    assert_eq!(given(&f).await, [30.0, 30.0], "a list of employees beats everyone");
    let ledger = f.get(&f.world.worker, "/leave-ledger").await.must(200);
    let stretch = |entry: &Value| (entry["earned_from"].clone(), entry["earned_to"].clone());
    assert_eq!(stretch(&ledger["items"][0]), (json!("2027-01-01"), json!("2027-12-31")));
    assert_eq!(stretch(&ledger["items"][1]), (json!("2026-01-01"), json!("2026-12-31")));
}

#[tokio::test]
async fn what_a_policy_leaves_out_the_next_one_gives() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let monthly = json!({"kind": "monthly", "minutes": 3_000});
    let first = policy(&f, &vacation, json!({"accrual": monthly})).await;
    // A stronger one for two weeks of March, by which nothing is earned.
    policy(
        &f,
        &vacation,
        json!({"eligible": {"kind": "sites", "site_ids": [f.world.berlin.site_id]},
        "accrual": {"kind": "none"}, "valid_from": "2026-03-01", "valid_to": "2026-03-14"}),
    )
    .await;
    settle(&f, "2026-04-10T09:00:00Z").await;
    let of = |minutes: i64| f64::from(i32::try_from(minutes).unwrap()) / 480.0;
    assert_eq!(
        given(&f).await,
        [of(3_000), of(3_000), of(3_000 * 17 / 31), of(3_000)],
        "the rest of March is not lost"
    );
    // Ended in April, which is given: the other half of the year is another's.
    change(&f, &first, json!({"valid_to": "2026-04-15"})).await;
    policy(&f, &vacation, json!({"valid_from": "2026-04-16"})).await;
    settle(&f, "2026-04-20T09:00:00Z").await;
    assert_eq!(given(&f).await.len(), 4);
    settle(&f, "2026-05-01T09:00:00Z").await;
    // 245 of the 365 days of the year, as May begins.
    assert_eq!(given(&f).await.last(), Some(&of(30 * DAY - (30 * DAY * 120 * 2 + 365) / 730)));
}

/// What is given by the policy of a unit is given for good: it must not be that of where somebody was as the job began.
#[tokio::test]
async fn a_unit_that_is_moved_while_the_job_is_under_way_earns_where_it_is_by_then() {
    let f = Fixture::start().await;
    let north = unit("North", Some(f.world.root.unit_id));
    f.tell(&[event(f.world.org.org_id, UNIT_CHANGED, 1, &north)]).await;
    let vacation = leave_type(&f, json!({})).await;
    policy(&f, &vacation, json!({"valid_from": "2027-01-01"})).await;
    let of_north = json!({"eligible": {"kind": "units", "unit_ids": [north.unit_id]}, "valid_from": "2027-01-01",
        "accrual": {"kind": "yearly", "minutes": 20 * DAY}});
    policy(&f, &vacation, of_north).await;
    settle(&f, "2026-12-31T09:00:00Z").await;
    f.set_clock("2027-01-01T09:00:00Z");
    let gate = Gate::closed(&f, "leave_accounts");
    let change = async {
        waiting(&f, 1).await;
        let team = UnitFact { parent_id: Some(north.unit_id), version: 2, ..f.world.team.clone() };
        f.tell(&[event(f.world.org.org_id, UNIT_CHANGED, 2, &team)]).await;
        gate.open();
    };
    let app = f.service.app();
    let (settled, ()) = tokio::join!(app.settle_leave(), change);
    settled.unwrap();
    let mut given = Vec::new();
    for who in [&f.world.owner, &f.world.manager, &f.world.worker] {
        let path = format!("/leave-ledger?employee_id={}", who.employee_id);
        let ledger = f.get(&f.world.owner, &path).await.must(200);
        let minutes = |entry: &Value| entry["minutes"].as_i64().unwrap() / DAY;
        given.push(ledger["items"].as_array().unwrap().iter().map(minutes).collect::<Vec<_>>());
    }
    assert_eq!(given, [vec![30], vec![20], vec![20]], "the owner is in no team");
}

#[tokio::test]
async fn who_comes_and_leaves_in_a_year_earns_their_days_of_it() {
    let mut f = Fixture::start().await;
    f.set_clock("2026-02-01T09:00:00Z");
    (f.world.worker.hired_on, f.world.worker.left_on) =
        (jiff::civil::date(2026, 3, 2), Some(jiff::civil::date(2026, 5, 31)));
    f.world.worker.version = 2;
    f.tell_employee(&f.world.worker).await;
    let vacation = leave_type(&f, json!({})).await;
    policy(&f, &vacation, json!({"accrual": {"kind": "yearly", "minutes": 36_500}})).await;
    settle(&f, "2026-03-01T09:00:00Z").await;
    settle(&f, "2026-03-02T09:00:00Z").await;
    // They stay until the end of June.
    (f.world.worker.left_on, f.world.worker.version) = (Some(jiff::civil::date(2026, 6, 30)), 3);
    f.tell_employee(&f.world.worker).await;
    settle(&f, "2026-06-01T09:00:00Z").await;
    let body =
        f.get(&f.world.owner, &format!("/leave-ledger?employee_id={}", f.world.worker.employee_id)).await.must(200);
    let mut minutes: Vec<i64> =
        body["items"].as_array().unwrap().iter().map(|entry| entry["minutes"].as_i64().unwrap()).collect();
    minutes.reverse();
    assert_eq!(minutes, [9_100, 3_000], "a hundred minutes for each day");
}

#[tokio::test]
async fn a_grant_that_stands_for_dates_keeps_policies_away_from_them() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T09:00:00Z");
    let vacation = leave_type(&f, json!({})).await;
    let year = json!({"earned_from": "2026-01-01", "earned_to": "2026-12-31", "minutes": 12 * DAY});
    let made = grant(&f, &f.world.worker, &vacation, year.clone()).await;
    assert_eq!((&made["earned_from"], &made["earned_to"]), (&json!("2026-01-01"), &json!("2026-12-31")));
    policy(&f, &vacation, json!({})).await;
    settle(&f, "2026-06-02T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2026-06-02").await, 12);
    assert_eq!(days(&f, &f.world.worker, "2027-01-01").await, 42);
    let again = |change: Value| {
        let mut body = json!({"employee_id": f.world.worker.employee_id, "leave_type_id": vacation, "kind": "grant",
            "minutes": 60, "note": "N"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    f.post(&f.world.owner, "/leave-ledger", &again(year)).await.refused(409, "leave_earned_already");
    for (change, field) in [
        (json!({"earned_from": "2027-01-01"}), "/earned_to"),
        (json!({"earned_from": "2027-01-02", "earned_to": "2027-01-01"}), "/earned_to"),
        (json!({"earned_from": "2027-01-01", "earned_to": "2047-01-01"}), "/earned_to"),
        (json!({"kind": "adjust", "earned_from": "2027-01-01", "earned_to": "2027-01-01"}), "/earned_from"),
    ] {
        let found = f.post(&f.world.owner, "/leave-ledger", &again(change)).await.bad_fields();
        assert_eq!(found.iter().map(|(pointer, _)| pointer).collect::<Vec<_>>(), [field]);
    }
}

#[derive(QueryableByName)]
struct Stretch {
    #[diesel(sql_type = Text)]
    stretch: String,
}

/// What the version before has entered names its dates after the migration, also while that version still runs.
#[tokio::test]
async fn entries_of_the_version_before_name_their_dates_and_are_not_given_again() {
    let f = Fixture::start().await;
    f.set_clock("2026-08-01T09:00:00Z");
    let vacation = leave_type(&f, json!({})).await;
    let monthly = json!({"kind": "monthly", "minutes": 2 * DAY});
    // A year that was given and then replaced from July on by months, of which July was given: what was wrong.
    let yearly = policy(&f, &vacation, json!({"valid_to": "2026-06-30"})).await;
    let monthly = policy(&f, &vacation, json!({"accrual": monthly, "valid_from": "2026-07-01"})).await;
    let (org, who) = (f.world.org.org_id, f.world.worker.employee_id);
    let insert = |policy: &Value, start: &str, on: &str, minutes: i64| {
        let policy = policy["leave_policy_id"].as_str().unwrap();
        format!(
            "INSERT INTO leave_entries (org_id, leave_entry_id, employee_id, leave_type_id, kind, minutes, effective_on, \
             leave_policy_id, reason_key, created_at) VALUES ('{org}', gen_random_uuid(), '{who}', '{vacation}', \
             'accrual', {minutes}, '{on}', '{policy}', 'accrual:{policy}:{start}', now());"
        )
    };
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let migration = |way: &str| {
        let path = format!("{}/migrations/2026-11-29-000040_leave_earned_once/{way}.sql", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    // As it is done: by the owner, who is held by the policies of his tables.
    let mut owner = PgConnection::establish(&f.service.database_url).unwrap();
    owner.batch_execute(&migration("down")).unwrap();
    admin
        .batch_execute(&format!("INSERT INTO leave_accounts (org_id, employee_id) VALUES ('{org}', '{who}')"))
        .unwrap();
    admin.batch_execute(&insert(&yearly, "2026-01-01", "2026-01-01", 30 * DAY)).unwrap();
    admin.batch_execute(&insert(&monthly, "2026-07-01", "2026-07-01", 2 * DAY)).unwrap();
    owner.batch_execute(&migration("up")).unwrap();
    let stretches = |admin: &mut PgConnection| -> Vec<String> {
        let query = "SELECT earned_from || ' ' || earned_to AS stretch FROM leave_entries ORDER BY earned_from";
        diesel::sql_query(query).load::<Stretch>(admin).unwrap().into_iter().map(|one| one.stretch).collect()
    };
    assert_eq!(stretches(&mut admin), ["2026-01-01 2026-06-30", "2026-07-01 2026-07-31"]);
    // The version before gives August, and would give July again by another policy.
    admin.batch_execute(&insert(&monthly, "2026-08-01", "2026-08-01", 2 * DAY)).unwrap();
    let error = admin.batch_execute(&insert(&yearly, "2026-07-01", "2026-07-15", DAY)).unwrap_err().to_string();
    assert!(error.contains("leave_entries_earned_once"), "{error}");
    assert_eq!(stretches(&mut admin)[2], "2026-08-01 2026-08-31");
    settle(&f, "2026-08-02T09:00:00Z").await;
    assert_eq!(given(&f).await, [30.0, 2.0, 2.0], "all of it was given before");
    settle(&f, "2026-09-01T09:00:00Z").await;
    assert_eq!(given(&f).await, [30.0, 2.0, 2.0, 2.0]);
}
