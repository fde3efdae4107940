//! Kinds of leave, policies, the ledger and balances, and what time does to them.

use crate::support::{Fixture, send};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};

const DAY: i64 = 480;

/// A service that tells notification what happens.
pub(crate) async fn telling() -> Fixture {
    let service = TestService::with(|settings| {
        set(settings, "events.subscribers.notification", vec!["attendance.".to_owned()]);
        set(settings, "peers.notification.url", "http://127.0.0.1:9");
        set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    });
    Fixture::on(service.await).await
}

/// A kind of leave.
pub(crate) async fn leave_type(f: &Fixture, change: Value) -> String {
    let mut body = json!({"code": "VACATION", "name": "Vacation", "unit": "hour"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let made = f.post(&f.world.owner, "/leave-types", &body).await.must(201);
    made["leave_type_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn policy(f: &Fixture, of: &str, change: Value) -> Value {
    let mut body = json!({"leave_type_id": of, "name": "P", "eligible": {"kind": "everyone"},
        "accrual": {"kind": "yearly", "minutes": 30 * DAY}, "valid_from": "2026-01-01"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    f.post(&f.world.owner, "/leave-policies", &body).await.must(201)
}

/// For the table of routes.
pub(crate) async fn vacation_with_policy(f: &Fixture) -> (String, String) {
    let vacation = leave_type(f, json!({})).await;
    let policy = policy(f, &vacation, json!({})).await;
    (vacation, policy["leave_policy_id"].as_str().unwrap().to_owned())
}

pub(crate) async fn grant(f: &Fixture, who: &EmployeeFact, of: &str, change: Value) -> Value {
    let mut body = json!({"employee_id": who.employee_id, "leave_type_id": of, "kind": "grant", "minutes": 10 * DAY,
        "note": "By contract"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    f.post(&f.world.owner, "/leave-ledger", &body).await.must(201)
}

pub(crate) async fn balance(f: &Fixture, who: &EmployeeFact, as_of: &str) -> Value {
    f.get(who, &format!("/leave-balances?as_of={as_of}")).await.must(200)["items"][0].clone()
}

pub(crate) async fn days(f: &Fixture, who: &EmployeeFact, as_of: &str) -> i64 {
    let minutes = balance(f, who, as_of).await["balance_minutes"].as_i64().unwrap();
    assert_eq!(minutes % DAY, 0, "whole days: {minutes}");
    minutes / DAY
}

/// Kind and days of every entry of the worker, the oldest first.
pub(crate) async fn entries(f: &Fixture) -> Vec<(String, f64)> {
    let body = f.get(&f.world.worker, "/leave-ledger?limit=200").await.must(200);
    let one = |entry: &Value| (entry["kind"].as_str().unwrap().to_owned(), entry["minutes"].as_f64().unwrap() / 480.0);
    body["items"].as_array().unwrap().iter().rev().map(one).collect()
}

pub(crate) async fn settle(f: &Fixture, at: &str) {
    f.set_clock(at);
    f.service.app().settle_leave().await.unwrap();
}

#[derive(QueryableByName)]
pub(crate) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(crate) count: i64,
}

/// How many events of this kind were told.
pub(crate) fn told(f: &Fixture, kind: &str) -> i64 {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let query = diesel::sql_query("SELECT count(*) AS count FROM outbox WHERE kind = $1");
    query.bind::<Text, _>(kind).get_result::<Count>(&mut admin).unwrap().count
}

#[tokio::test]
async fn kinds_of_leave_and_policies_are_defined_and_changed_against_their_version() {
    let f = Fixture::start().await;
    let (vacation, policy) = vacation_with_policy(&f).await;
    let again = json!({"code": "VACATION", "name": "Other", "unit": "day"});
    f.post(&f.world.owner, "/leave-types", &again).await.refused(409, "leave_type_code_taken");
    let path = f.world.path(&format!("/leave-types/{vacation}"));
    let change = json!({"code": "VACATION", "name": "Annual leave", "unit": "day", "archived": true});
    send(f.by(&f.world.owner).put(&path).json(&change)).await.refused(428, "if_match_required");
    let changed = send(f.by(&f.world.owner).put(&path).header("if-match", "\"1\"").json(&change)).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    send(f.by(&f.world.owner).put(&path).header("if-match", "\"1\"").json(&change))
        .await
        .refused(412, "version_mismatch");
    let other_code = json!({"code": "OTHER", "name": "", "unit": "day"});
    let refused = send(f.by(&f.world.owner).put(&path).header("if-match", "\"2\"").json(&other_code)).await;
    let wrong = [("/code", "immutable"), ("/name", "length")];
    assert_eq!(refused.bad_fields(), wrong.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let read = f.get(&f.world.worker, &format!("/leave-types/{vacation}")).await.must(200);
    assert_eq!(
        (&read["name"], &read["paid"], &read["approval_levels"]),
        (&json!("Annual leave"), &json!(true), &json!(1))
    );
    for (who, status) in [(&f.world.worker, 403), (&f.world.manager, 403), (&f.world.owner, 200)] {
        assert_eq!(f.get(who, "/leave-policies").await.status, status, "{} reads policies", who.number);
        let answer = f.get(who, &format!("/leave-policies/{policy}")).await;
        assert_eq!(answer.status, status, "{} reads a policy", who.number);
    }
    f.post(&f.world.manager, "/leave-types", &again).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_balance_is_the_sum_of_what_was_entered_and_is_read_by_those_in_scope() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T09:00:00Z");
    let vacation = leave_type(&f, json!({})).await;
    leave_type(&f, json!({"code": "SICK", "name": "Sick", "from_balance": false})).await;
    let worker = f.world.worker.clone();
    grant(&f, &worker, &vacation, json!({"expires_on": "2026-09-30"})).await;
    grant(&f, &worker, &vacation, json!({"effective_on": "2026-07-01", "minutes": DAY})).await;
    grant(&f, &worker, &vacation, json!({"kind": "adjust", "minutes": -2 * DAY})).await;
    let all = f.get(&worker, "/leave-balances").await.must(200);
    assert_eq!((&all["as_of"], all["items"].as_array().unwrap().len()), (&json!("2026-06-01"), 1), "{all:#}");
    let (june, july) = (balance(&f, &worker, "2026-06-30").await, balance(&f, &worker, "2026-07-01").await);
    assert_eq!((&june["balance_minutes"], &july["balance_minutes"]), (&json!(8 * DAY), &json!(9 * DAY)));
    assert_eq!((&june["next_expiry_on"], &june["next_expiry_minutes"]), (&json!("2026-09-30"), &json!(8 * DAY)));
    let october = balance(&f, &worker, "2026-10-01").await;
    assert_eq!(
        october["available_minutes"],
        json!(DAY),
        "what expires is not to be had, though nobody has booked it yet"
    );
    let whose = |who: &EmployeeFact| format!("/leave-balances?employee_id={}", who.employee_id);
    for (who, of, status) in
        [(&f.world.manager, &worker, 200), (&worker, &f.world.manager, 403), (&f.world.manager, &f.world.owner, 403)]
    {
        assert_eq!(f.get(who, &whose(of)).await.status, status, "{} reads of {}", who.number, of.number);
        let ledger = whose(of).replace("balances", "ledger");
        assert_eq!(f.get(who, &ledger).await.status, status, "{} reads the ledger of {}", who.number, of.number);
    }
    let mine = json!({"employee_id": worker.employee_id, "leave_type_id": vacation, "kind": "grant", "minutes": 1, "note": "N"});
    f.post(&f.world.manager, "/leave-ledger", &mine).await.refused(403, "forbidden");
}

#[tokio::test]
async fn no_more_is_taken_away_than_there_is_unless_debt_is_allowed() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let flexible = leave_type(&f, json!({"code": "FLEX", "name": "Flexible", "allows_debt": true})).await;
    let worker = f.world.worker.clone();
    grant(&f, &worker, &vacation, json!({"minutes": DAY})).await;
    let less = |of: &str, minutes: i64| json!({"employee_id": worker.employee_id, "leave_type_id": of, "kind": "adjust", "minutes": -minutes, "note": "N"});
    let refused = f.post(&f.world.owner, "/leave-ledger", &less(&vacation, DAY + 1)).await.bad_fields();
    assert_eq!(refused, [("/minutes".to_owned(), "above_balance".to_owned())]);
    f.post(&f.world.owner, "/leave-ledger", &less(&vacation, DAY)).await.must(201);
    f.post(&f.world.owner, "/leave-ledger", &less(&flexible, DAY)).await.must(201);
    let of = |balances: &Value, id: &str| {
        let items = balances["items"].as_array().unwrap();
        items.iter().find(|one| one["leave_type_id"] == id).unwrap()["available_minutes"].as_i64().unwrap()
    };
    let balances = f.get(&worker, "/leave-balances").await.must(200);
    assert_eq!((of(&balances, &vacation), of(&balances, &flexible)), (0, -DAY));
    grant(&f, &worker, &flexible, json!({"minutes": 3 * DAY})).await;
    let balances = f.get(&worker, "/leave-balances").await.must(200);
    assert_eq!(of(&balances, &flexible), 2 * DAY, "the debt is paid");
}

#[tokio::test]
async fn years_are_given_carried_over_within_the_limit_and_expire_each_once() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let rule = json!({"carry_over": {"limit_minutes": 10 * DAY, "expires_after_months": 3}});
    policy(&f, &vacation, rule).await;
    settle(&f, "2026-06-01T09:00:00Z").await;
    assert_eq!(entries(&f).await, [("accrual".to_owned(), 30.0)]);
    settle(&f, "2026-06-01T10:00:00Z").await;
    settle(&f, "2026-06-02T10:00:00Z").await;
    assert_eq!(entries(&f).await.len(), 1);
    let worker = f.world.worker.clone();
    grant(&f, &worker, &vacation, json!({"kind": "adjust", "minutes": -15 * DAY})).await;
    // The new year begins at midnight in Berlin.
    settle(&f, "2026-12-31T22:59:00Z").await;
    assert_eq!(days(&f, &worker, "2026-12-31").await, 15);
    settle(&f, "2026-12-31T23:01:00Z").await;
    let expected = [
        ("accrual", 30.0),
        ("adjust", -15.0),
        ("carry_over", 10.0),
        ("carry_over", -10.0),
        ("expiry", -5.0),
        ("accrual", 30.0),
    ];
    assert_eq!(entries(&f).await, expected.map(|(kind, days)| (kind.to_owned(), days)));
    assert_eq!(days(&f, &worker, "2027-01-01").await, 40);
    let eight = json!({"kind": "adjust", "minutes": -8 * DAY, "effective_on": "2027-02-01"});
    grant(&f, &worker, &vacation, eight).await;
    settle(&f, "2027-03-31T09:00:00Z").await;
    assert_eq!(days(&f, &worker, "2027-03-31").await, 32);
    settle(&f, "2027-04-01T09:00:00Z").await;
    assert_eq!(days(&f, &worker, "2027-04-01").await, 30, "two expire");
    assert_eq!(entries(&f).await.last().unwrap(), &("expiry".to_owned(), -2.0));
}

#[tokio::test]
async fn what_was_due_while_the_service_was_down_is_given_later_in_its_order_and_capped() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let monthly = json!({"accrual": {"kind": "monthly", "minutes": 2 * DAY}, "cap_minutes": 5 * DAY});
    policy(&f, &vacation, monthly).await;
    settle(&f, "2026-04-10T09:00:00Z").await;
    let given: Vec<f64> = entries(&f).await.into_iter().map(|(_, days)| days).collect();
    assert_eq!(given, [2.0, 2.0, 1.0, 0.0]);
    // Room that comes later is not filled for months that are over.
    grant(&f, &f.world.worker, &vacation, json!({"kind": "adjust", "minutes": -2 * DAY})).await;
    settle(&f, "2026-04-11T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2026-04-30").await, 3);
    settle(&f, "2026-05-01T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2026-05-01").await, 5);
}

#[tokio::test]
async fn worked_hours_are_earned_some_days_after_their_month() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let rule = json!({"kind": "worked_hours", "minutes": 1, "per_minutes": 16});
    policy(&f, &vacation, json!({"accrual": rule, "valid_from": "2026-06-01"})).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    for day in ["2026-06-01", "2026-06-02"] {
        for (time, key) in [("09:00", "in"), ("18:00", "out")] {
            f.set_clock(&format!("{day}T{time}:00+02:00"));
            f.punch(&f.world.worker, &format!("{day}{key}"), &json!({})).await.must(201);
        }
    }
    settle(&f, "2026-07-05T09:00:00Z").await;
    assert_eq!(entries(&f).await, []);
    settle(&f, "2026-07-06T09:00:00Z").await;
    assert_eq!(entries(&f).await, [("accrual".to_owned(), 60.0 / 480.0)], "960 minutes worked");
}

#[tokio::test]
async fn worked_hours_are_not_earned_before_every_device_has_told_what_it_kept() {
    let f = Fixture::on(TestService::with(|settings| set(settings, "punches.offline_hours", 240)).await).await;
    let vacation = leave_type(&f, json!({})).await;
    let rule = json!({"kind": "worked_hours", "minutes": 1, "per_minutes": 16});
    policy(&f, &vacation, json!({"accrual": rule, "valid_from": "2026-06-01"})).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-01").await;
    let door = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    let door = f.post(&f.world.owner, "/devices", &door).await.must(201);
    let send_all = async |at: &str, punches: &[(&str, &str)]| {
        f.set_clock(at);
        let punch = |(at, direction): &(&str, &str)| json!({"idempotency_key": at, "employee_id": f.world.worker.employee_id, "at": at, "direction": direction});
        let device = f.service.with_token(door["secret"].as_str().unwrap());
        let batch = json!({"punches": punches.iter().map(punch).collect::<Vec<_>>()});
        let sent = send(device.post(&f.world.path("/punches/batch")).json(&batch)).await.must(200);
        assert!(sent["items"].as_array().unwrap().iter().all(|item| item["verdict"] == "created"), "{sent:#}");
        send(device.post(&f.world.path("/devices/current/heartbeat"))).await.must(200);
    };
    let first = [("2026-06-01T07:00:00Z", "in"), ("2026-06-01T16:00:00Z", "out")];
    send_all("2026-06-02T09:00:00Z", &first).await;
    // The only day that was planned is judged; on the others somebody may have come.
    for day in ["2026-07-06T09:00:00Z", "2026-07-07T09:00:00Z"] {
        settle(&f, day).await;
        assert_eq!(entries(&f).await, [], "{day}");
    }
    // 160 minutes of the last evening were kept until now.
    let last = [("2026-06-30T18:00:00Z", "in"), ("2026-06-30T20:40:00Z", "out")];
    send_all("2026-07-07T17:00:00Z", &last).await;
    settle(&f, "2026-07-08T09:00:00Z").await;
    assert_eq!(entries(&f).await, [("accrual".to_owned(), 40.0 / 480.0)]);
    settle(&f, "2026-07-09T09:00:00Z").await;
    assert_eq!(entries(&f).await.len(), 1, "once");
}

#[tokio::test]
async fn two_instances_that_settle_at_once_do_it_once() {
    let f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    policy(&f, &vacation, json!({"carry_over": {}})).await;
    f.set_clock("2027-01-02T09:00:00Z");
    let app = f.service.app();
    let (a, b, c) = tokio::join!(app.settle_leave(), app.settle_leave(), app.settle_leave());
    a.and(b).and(c).unwrap();
    let once = [("accrual", 30.0), ("carry_over", 30.0), ("carry_over", -30.0), ("accrual", 30.0)];
    assert_eq!(entries(&f).await, once.map(|(kind, days)| (kind.to_owned(), days)));
    // Were the account not held, the key of each entry would still be there, and the dates that it is earned for.
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    for (key, what, constraint) in [
        ("reason_key", "reason_key IS NOT NULL", "leave_entries_reason_key"),
        ("NULL", "earned_from IS NOT NULL", "leave_entries_earned_once"),
    ] {
        let twice = format!(
            "INSERT INTO leave_entries (org_id, leave_entry_id, employee_id, leave_type_id, kind, minutes, effective_on, \
             leave_policy_id, reason_key, created_at, earned_from, earned_to) SELECT org_id, gen_random_uuid(), \
             employee_id, leave_type_id, kind, minutes, effective_on, leave_policy_id, {key}, created_at, earned_from, \
             earned_to FROM leave_entries WHERE {what}"
        );
        let error = diesel::sql_query(twice).execute(&mut admin).unwrap_err().to_string();
        assert!(error.contains(constraint), "{error}");
    }
}

#[tokio::test]
async fn of_leave_that_expires_somebody_is_told_once_a_month_before() {
    let f = telling().await;
    f.set_clock("2026-06-01T09:00:00Z");
    let vacation = leave_type(&f, json!({})).await;
    grant(&f, &f.world.worker, &vacation, json!({"expires_on": "2026-09-30"})).await;
    settle(&f, "2026-08-30T09:00:00Z").await;
    assert_eq!(told(&f, "attendance.leave.expiring.v1"), 0);
    settle(&f, "2026-08-31T09:00:00Z").await;
    settle(&f, "2026-09-01T09:00:00Z").await;
    assert_eq!(told(&f, "attendance.leave.expiring.v1"), 1);
}

#[tokio::test]
async fn an_organisation_has_so_many_kinds_of_leave_and_policies_and_no_more() {
    let f = Fixture::start().await;
    let (vacation, _) = vacation_with_policy(&f).await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    for copies in [
        "INSERT INTO leave_types (org_id, leave_type_id, code, body, version, created_at, changed_at, changed_by) \
         SELECT org_id, gen_random_uuid(), 'T' || n, body, 1, created_at, changed_at, changed_by \
         FROM leave_types, generate_series(1, 98) n",
        "INSERT INTO leave_policies (org_id, leave_policy_id, leave_type_id, body, version, created_at, changed_at, \
         changed_by) SELECT org_id, gen_random_uuid(), leave_type_id, body, 1, created_at, changed_at, changed_by \
         FROM leave_policies, generate_series(1, 198)",
    ] {
        diesel::sql_query(copies).execute(&mut admin).unwrap();
    }
    let policy = json!({"leave_type_id": vacation, "name": "P", "eligible": {"kind": "everyone"},
        "accrual": {"kind": "none"}, "valid_from": "2026-01-01"});
    let of_type = |code: &str| json!({"code": code, "name": "N", "unit": "day"});
    for (path, [one, other]) in
        [("/leave-types", [of_type("A"), of_type("B")]), ("/leave-policies", [policy.clone(), policy])]
    {
        // There is room for one.
        let (one, other) = tokio::join!(f.post(&f.world.owner, path, &one), f.post(&f.world.owner, path, &other));
        let (made, refused) = if one.status == 201 { (one, other) } else { (other, one) };
        made.must(201);
        assert_eq!(refused.bad_fields(), [(String::new(), "too_many".to_owned())], "{path}");
    }
}
