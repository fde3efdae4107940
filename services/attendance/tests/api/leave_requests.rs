//! `/leave-requests`: what is asked for, what it costs, and what of it is in the workdays; and who is away.

use crate::leave::{balance, grant, leave_type, telling, told};
use crate::support::{Fixture, Reply, event, send};
use jiff::civil::date;
use rollcall_org_api::events::{HOLIDAY_CALENDAR_CHANGED, SITE_CHANGED};
use rollcall_org_api::facts::{EmployeeFact, HolidayPortion};
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde_json::{Value, json};

const DAY: i64 = 480;

/// The team works on weekdays in June, 09:00–18:00 with a break; it is the first of May. The worker has ten days of
/// vacation of the kind that is answered.
pub(crate) async fn june(f: &Fixture, kind: Value) -> String {
    f.set_clock("2026-05-01T09:00:00Z");
    let shift = f.day_shift().await;
    for monday in [1, 8, 15, 22] {
        f.plan_team(&shift, &format!("2026-06-{monday:02}"), &format!("2026-06-{:02}", monday + 4)).await;
    }
    let vacation = leave_type(f, kind).await;
    grant(f, &f.world.worker, &vacation, json!({})).await;
    vacation
}

pub(crate) async fn ask(f: &Fixture, of: &str, from: &str, to: &str, change: Value) -> Reply {
    let mut body = json!({"leave_type_id": of, "from": from, "to": to});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    f.post(&f.world.worker, "/leave-requests", &body).await
}

pub(crate) async fn asked(f: &Fixture, of: &str, from: &str, to: &str, change: Value) -> String {
    let made = ask(f, of, from, to, change).await.must(201);
    made["leave_request_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn end(f: &Fixture, who: &EmployeeFact, id: &str, how: &str) -> Reply {
    f.post(who, &format!("/leave-requests/{id}/{how}"), &json!({})).await
}

pub(crate) async fn available(f: &Fixture, on: &str) -> i64 {
    balance(f, &f.world.worker, on).await["available_minutes"].as_i64().unwrap()
}

pub(crate) async fn statuses(f: &Fixture, query: &str) -> Vec<Value> {
    f.workdays(&f.world.worker, query).await.iter().map(|day| day["status"].clone()).collect()
}

#[tokio::test]
async fn approved_leave_is_in_the_workdays_at_once_and_rest_days_and_holidays_cost_nothing() {
    let mut f = telling().await;
    f.world.holidays = crate::support::calendar(&[(date(2026, 6, 4), HolidayPortion::Full, "Corpus Christi")]);
    let mut site = f.world.berlin.clone();
    (site.holiday_calendar_id, site.version) = (Some(f.world.holidays.holiday_calendar_id), 2);
    let org_id = f.world.org.org_id;
    let holidays = event(org_id, HOLIDAY_CALENDAR_CHANGED, 1, &f.world.holidays);
    f.tell(&[holidays, event(org_id, SITE_CHANGED, 2, &site)]).await;
    let vacation = june(&f, json!({})).await;
    let made = ask(&f, &vacation, "2026-06-03", "2026-06-08", json!({"reason": "The sea"})).await.must(201);
    assert_eq!((&made["minutes"], &made["status"]), (&json!(3 * DAY), &json!("pending")));
    assert_eq!(balance(&f, &f.world.worker, "2026-06-01").await["pending_minutes"], json!(3 * DAY));
    let id = made["leave_request_id"].as_str().unwrap();
    let days = "from=2026-06-03&to=2026-06-09";
    assert_eq!(statuses(&f, days).await[0], "pending", "asked for is not approved");
    let approved = end(&f, &f.world.manager, id, "approve").await.must(200);
    let costs: Vec<i64> =
        approved["days"].as_array().unwrap().iter().map(|day| day["minutes"].as_i64().unwrap()).collect();
    assert_eq!(costs, [DAY, 0, DAY, 0, 0, DAY], "Thursday is a holiday, then comes a weekend");
    let away = ["on_leave"; 6].map(Value::from);
    assert_eq!(statuses(&f, days).await, [&away[..], &["pending".into()]].concat());
    assert_eq!(available(&f, "2026-06-30").await, 7 * DAY);
    let after = balance(&f, &f.world.worker, "2026-06-03").await;
    assert_eq!((&after["balance_minutes"], &after["pending_minutes"]), (&json!(9 * DAY), &json!(0)), "day by day");
    assert_eq!((told(&f, "attendance.leave.requested.v1"), told(&f, "attendance.leave.decided.v1")), (1, 1));
    // The cost is frozen: another plan changes nothing of it.
    let off = json!({"entries": [{"unit_id": f.world.team.unit_id, "from": "2026-06-03", "to": "2026-06-08", "shift_id": null}]});
    f.put(&f.world.owner, "/roster", &off).await.must(200);
    let read = f.get(&f.world.worker, &format!("/leave-requests/{id}")).await.must(200);
    assert_eq!((&read["minutes"], available(&f, "2026-06-30").await), (&json!(3 * DAY), 7 * DAY));
}

#[tokio::test]
async fn half_days_and_hours_cost_and_free_what_they_say() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let two_hours = json!({"hours": {"start": "09:00", "end": "11:00"}});
    for (day, piece, minutes) in [
        ("2026-06-01", json!({"portion": "am"}), 180),
        ("2026-06-02", json!({"portion": "pm"}), 300),
        ("2026-06-03", two_hours, 120),
    ] {
        let made = ask(&f, &vacation, day, day, piece).await.must(201);
        assert_eq!(made["minutes"], json!(minutes));
        end(&f, &f.world.manager, made["leave_request_id"].as_str().unwrap(), "approve").await.must(200);
    }
    assert_eq!(available(&f, "2026-06-30").await, 10 * DAY - 600);
    for (key, at) in [
        ("1", "01T13:10"),
        ("2", "01T18:00"),
        ("3", "02T09:00"),
        ("4", "02T12:00"),
        ("5", "03T11:05"),
        ("6", "03T18:00"),
    ] {
        let at = format!("2026-06-{at}:00+02:00");
        f.set_clock(&at);
        f.punch(&f.world.worker, key, &json!({})).await.must(201);
    }
    f.set_clock("2026-06-05T09:00:00Z");
    let days = f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-03").await;
    let of = |day: &Value| (day["status"].clone(), day["late_minutes"].clone(), day["early_leave_minutes"].clone());
    assert_eq!(of(&days[0]), (json!("half_day"), json!(10), json!(0)), "late for the afternoon");
    assert_eq!(of(&days[1]), (json!("half_day"), json!(0), json!(0)));
    assert_eq!(of(&days[2]), (json!("late"), json!(5), json!(0)), "late for what is left");
    let kinds = json!([{"leave_type_id": vacation, "minutes": 120}]);
    assert_eq!(days[2]["leave"], json!({"hours": [{"start": "09:00", "end": "11:00"}], "kinds": kinds}));
}

#[tokio::test]
async fn nobody_is_away_twice_but_two_halves_and_what_was_rejected_do_not_meet() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let first = asked(&f, &vacation, "2026-06-01", "2026-06-03", json!({})).await;
    for (from, to, piece) in [
        ("2026-06-03", "2026-06-03", json!({})),
        ("2026-05-30", "2026-06-10", json!({})),
        ("2026-06-02", "2026-06-02", json!({"portion": "am"})),
        ("2026-06-02", "2026-06-02", json!({"hours": {"start": "09:00", "end": "10:00"}})),
    ] {
        ask(&f, &vacation, from, to, piece).await.refused(409, "leave_overlaps");
    }
    end(&f, &f.world.manager, &first, "reject").await.must(200);
    asked(&f, &vacation, "2026-06-02", "2026-06-02", json!({"portion": "am"})).await;
    ask(&f, &vacation, "2026-06-02", "2026-06-02", json!({"portion": "am"})).await.refused(409, "leave_overlaps");
    asked(&f, &vacation, "2026-06-02", "2026-06-02", json!({"portion": "pm"})).await;
    let hours = |start: &str, end: &str| json!({"hours": {"start": start, "end": end}});
    asked(&f, &vacation, "2026-06-04", "2026-06-04", hours("09:00", "10:00")).await;
    asked(&f, &vacation, "2026-06-04", "2026-06-04", hours("10:00", "11:00")).await;
    ask(&f, &vacation, "2026-06-04", "2026-06-04", hours("10:59", "12:00")).await.refused(409, "leave_overlaps");
    let (a, b) = tokio::join!(
        ask(&f, &vacation, "2026-06-08", "2026-06-09", json!({})),
        ask(&f, &vacation, "2026-06-09", "2026-06-10", json!({}))
    );
    let mut both = [a.status, b.status];
    both.sort_unstable();
    assert_eq!(both, [201, 409], "of two at once one");
}

#[tokio::test]
async fn more_than_the_balance_is_refused_unless_debt_is_allowed() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let flexible = leave_type(&f, json!({"code": "FLEX", "allows_debt": true})).await;
    let sick = leave_type(&f, json!({"code": "SICK", "from_balance": false})).await;
    let refused = ask(&f, &vacation, "2026-06-01", "2026-06-15", json!({})).await.bad_fields();
    assert_eq!(refused, [(String::new(), "above_balance".to_owned())]);
    for of in [&flexible, &sick] {
        let id = asked(&f, of, "2026-06-01", "2026-06-02", json!({})).await;
        end(&f, &f.world.manager, &id, "approve").await.must(200);
        if of == &flexible {
            let all = f.get(&f.world.worker, "/leave-balances").await.must(200);
            let owed = all["items"].as_array().unwrap().iter().find(|one| one["leave_type_id"] == **of).unwrap();
            assert_eq!(owed["available_minutes"], json!(-2 * DAY));
            end(&f, &f.world.worker, &id, "cancel").await.must(200);
        }
    }
}

#[tokio::test]
async fn cancelling_gives_exactly_what_was_used_back_to_where_it_came_from() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    // Two days that expire in the middle of the leave, so that three grants are drawn on.
    grant(&f, &f.world.worker, &vacation, json!({"minutes": 2 * DAY, "expires_on": "2026-06-02"})).await;
    grant(&f, &f.world.worker, &vacation, json!({"minutes": DAY, "expires_on": "2026-06-30"})).await;
    let before = balance(&f, &f.world.worker, "2026-06-01").await;
    let id = asked(&f, &vacation, "2026-06-02", "2026-06-05", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    let ledger = f.get(&f.world.worker, "/leave-ledger?limit=200").await.must(200);
    let uses: Vec<&Value> = ledger["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "use").collect();
    let sources: std::collections::HashSet<_> = uses.iter().map(|entry| entry["source_id"].as_str().unwrap()).collect();
    assert_eq!((uses.len(), sources.len()), (4, 3));
    end(&f, &f.world.manager, &id, "cancel").await.refused(403, "forbidden");
    end(&f, &f.world.worker, &id, "cancel").await.must(200);
    assert_eq!(balance(&f, &f.world.worker, "2026-06-01").await, before);
    assert_eq!(statuses(&f, "from=2026-06-02&to=2026-06-02").await, ["pending"]);
    end(&f, &f.world.worker, &id, "cancel").await.refused(409, "already_decided");
    let again = asked(&f, &vacation, "2026-06-02", "2026-06-02", json!({})).await;
    end(&f, &f.world.manager, &again, "approve").await.must(200);
    f.set_clock("2026-06-03T09:00:00Z");
    end(&f, &f.world.worker, &again, "cancel").await.refused(409, "leave_begun");
}

#[tokio::test]
async fn two_levels_are_two_people() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({"approval_levels": 2})).await;
    let id = asked(&f, &vacation, "2026-06-01", "2026-06-01", json!({})).await;
    end(&f, &f.world.worker, &id, "approve").await.refused(403, "own_request");
    let first = end(&f, &f.world.manager, &id, "approve").await.must(200);
    assert_eq!((&first["status"], &first["level"]), (&json!("pending"), &json!(2)));
    assert_eq!(available(&f, "2026-06-30").await, 10 * DAY);
    end(&f, &f.world.manager, &id, "approve").await.refused(403, "forbidden");
    let last = end(&f, &f.world.owner, &id, "approve").await.must(200);
    assert_eq!(last["status"], "approved");
    assert_eq!(available(&f, "2026-06-30").await, 9 * DAY);
}

#[tokio::test]
async fn half_a_day_ends_where_the_plan_breaks_and_nothing_beside_it_is_free() {
    let f = Fixture::start().await;
    f.set_clock("2026-05-01T09:00:00Z");
    let late = json!({"code": "LATE", "name": "Late", "start": "14:00", "end": "22:00"});
    let night = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00"});
    for (shift, day) in [(late, "2026-06-01"), (night, "2026-06-02")] {
        let made = f.post(&f.world.owner, "/shifts", &shift).await.must(201);
        f.plan_team(made["shift_id"].as_str().unwrap(), day, day).await;
    }
    let vacation = leave_type(&f, json!({})).await;
    grant(&f, &f.world.worker, &vacation, json!({})).await;
    let hours = |start: &str, end: &str| json!({"hours": {"start": start, "end": end}});
    let manager = f.world.manager.clone();
    // The morning of the late shift is until six.
    let morning = asked(&f, &vacation, "2026-06-01", "2026-06-01", json!({"portion": "am"})).await;
    for day in ["pending", "approved"] {
        ask(&f, &vacation, "2026-06-01", "2026-06-01", hours("14:00", "16:00")).await.refused(409, "leave_overlaps");
        if day == "pending" {
            end(&f, &manager, &morning, "approve").await.must(200);
        }
    }
    let beside = ask(&f, &vacation, "2026-06-01", "2026-06-01", hours("18:00", "20:00")).await.must(201);
    assert_eq!(beside["minutes"], json!(120));
    ask(&f, &vacation, "2026-06-01", "2026-06-01", json!({"portion": "pm"})).await.refused(409, "leave_overlaps");
    end(&f, &f.world.worker, beside["leave_request_id"].as_str().unwrap(), "cancel").await.must(200);
    asked(&f, &vacation, "2026-06-01", "2026-06-01", json!({"portion": "pm"})).await;
    // The end of a night is of the date that it begins on: not of the next one, and not free beside the whole night.
    asked(&f, &vacation, "2026-06-03", "2026-06-03", json!({})).await;
    let end_of_night = asked(&f, &vacation, "2026-06-02", "2026-06-02", hours("04:00", "06:00")).await;
    ask(&f, &vacation, "2026-06-02", "2026-06-02", json!({})).await.refused(409, "leave_overlaps");
    end(&f, &f.world.worker, &end_of_night, "cancel").await.must(200);
    asked(&f, &vacation, "2026-06-02", "2026-06-02", json!({})).await;
    ask(&f, &vacation, "2026-06-02", "2026-06-02", hours("04:00", "06:00")).await.refused(409, "leave_overlaps");
}

#[tokio::test]
async fn a_plan_that_changes_before_the_approval_decides_what_meets() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let hours = json!({"hours": {"start": "14:00", "end": "16:00"}});
    let morning = asked(&f, &vacation, "2026-06-01", "2026-06-01", json!({"portion": "am"})).await;
    let afternoon = asked(&f, &vacation, "2026-06-01", "2026-06-01", hours).await;
    end(&f, &f.world.manager, &morning, "approve").await.must(200);
    let late = json!({"code": "LATE", "name": "Late", "start": "14:00", "end": "22:00"});
    let late = f.post(&f.world.owner, "/shifts", &late).await.must(201);
    f.plan_team(late["shift_id"].as_str().unwrap(), "2026-06-01", "2026-06-01").await;
    // Beside a morning until six these hours would cost nothing.
    end(&f, &f.world.manager, &afternoon, "approve").await.refused(409, "leave_overlaps");
    end(&f, &f.world.worker, &morning, "cancel").await.must(200);
    let approved = end(&f, &f.world.manager, &afternoon, "approve").await.must(200);
    assert_eq!(approved["minutes"], json!(120));
}

#[tokio::test]
async fn whoever_is_not_employed_on_a_day_pays_nothing_for_it() {
    let mut f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    (f.world.worker.left_on, f.world.worker.version) = (Some(date(2026, 6, 2)), 2);
    f.tell_employee(&f.world.worker).await;
    let made = ask(&f, &vacation, "2026-06-01", "2026-06-05", json!({})).await.must(201);
    assert_eq!(made["minutes"], json!(2 * DAY));
}

#[tokio::test]
async fn who_is_away_is_seen_within_the_scope_and_why_only_with_the_right() {
    let mut f = Fixture::start().await;
    let vacation = june(&f, json!({"name": "Parental leave"})).await;
    let id = asked(&f, &vacation, "2026-06-01", "2026-06-03", json!({})).await;
    let away = |suffix: &str| format!("/away?from=2026-06-03&to=2026-06-30{suffix}");
    assert_eq!(f.get(&f.world.manager, &away("")).await.must(200)["items"], json!([]), "not yet approved");
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    let seen = f.get(&f.world.manager, &away("")).await.must(200);
    let one = &seen["items"][0];
    assert_eq!(
        (&one["from"], &one["to"], &one["portion"]),
        (&json!("2026-06-01"), &json!("2026-06-03"), &json!("full"))
    );
    assert_eq!(
        (&one["employee_id"], &one["leave_type_name"]),
        (&json!(f.world.worker.employee_id), &json!("Parental leave"))
    );
    let of_unit = away(&format!("&unit_id={}", f.world.team.unit_id));
    assert_eq!(f.get(&f.world.owner, &of_unit).await.must(200)["items"].as_array().unwrap().len(), 1);
    let of_site = away(&format!("&site_id={}", f.world.berlin.site_id));
    assert_eq!(f.get(&f.world.owner, &of_site).await.must(200)["items"].as_array().unwrap().len(), 1);
    // A planner of the team, who is not to know why somebody is away.
    let scope = Scope::Unit { unit_id: Some(f.world.team.unit_id) };
    f.world.manager.grants =
        vec![Grant { role: "planner".into(), permissions: [Permission::RosterRead].into(), scope }];
    f.world.manager.version += 1;
    f.tell_employee(&f.world.manager.clone()).await;
    let seen = f.get(&f.world.manager, &away("")).await.must(200);
    let one = seen["items"][0].as_object().unwrap();
    assert_eq!(one["employee_id"], json!(f.world.worker.employee_id));
    assert!(!one.keys().any(|key| key.starts_with("leave_type")), "{one:?}");
    f.world.manager.grants.clear();
    f.world.manager.version += 1;
    f.tell_employee(&f.world.manager.clone()).await;
    f.get(&f.world.manager, &away("")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn days_sums_and_exports_tell_leave_by_kind_to_those_who_may_know() {
    let mut f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let sick = leave_type(&f, json!({"code": "SICK", "name": "Sick", "from_balance": false, "paid": false})).await;
    for (of, day, piece) in [
        (&vacation, "2026-06-01", json!({})),
        (&vacation, "2026-06-02", json!({"portion": "am"})),
        (&sick, "2026-06-02", json!({"hours": {"start": "16:00", "end": "18:00"}})),
        (&sick, "2026-06-30", json!({})),
    ] {
        let id = asked(&f, of, day, day, piece).await;
        end(&f, &f.world.manager, &id, "approve").await.must(200);
    }
    let kinds = json!([{"leave_type_id": vacation, "minutes": 180}, {"leave_type_id": sick, "minutes": 120}]);
    let both = |day: &Value| {
        let mut kinds = day["leave"]["kinds"].as_array().unwrap().clone();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind["minutes"].as_i64()));
        Value::from(kinds)
    };
    assert_eq!(both(&f.workdays(&f.world.worker, "from=2026-06-02&to=2026-06-02").await[0]), kinds);
    let body = json!({"from": "2026-06-01", "to": "2026-06-07"});
    let period = f.post(&f.world.owner, "/periods", &body).await.must(201);
    let period = period["period_id"].as_str().unwrap();
    f.set_clock("2026-06-08T09:00:00Z");
    let sums = format!("/summaries?period={period}");
    for locked in [false, true] {
        let all = f.get(&f.world.owner, &sums).await.must(200);
        let of_worker = all["items"].as_array().unwrap().iter().find(|one| one["number"] == "3").unwrap();
        assert_eq!((&of_worker["frozen"], &of_worker["totals"]["leave_minutes"]), (&json!(locked), &json!(780)));
        let expected = json!([
            {"leave_type_id": sick, "code": "SICK", "name": "Sick", "paid": false, "minutes": 120},
            {"leave_type_id": vacation, "code": "VACATION", "name": "Vacation", "paid": true, "minutes": 660},
        ]);
        assert_eq!(of_worker["leave"], expected);
        if !locked {
            let lock = f.world.path(&format!("/periods/{period}/lock"));
            send(f.by(&f.world.owner).post(&lock).header("if-match", "\"1\"")).await.must(200);
            let mut status = Value::Null;
            while status != "locked" {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                status = f.get(&f.world.owner, &format!("/periods/{period}")).await.must(200)["status"].clone();
            }
        }
    }
    let profile = json!({"name": "Leave", "columns": [{"field": "number"}, {"field": "work_date"}, {"field": "leave_types"},
        {"field": "leave_minutes"}]});
    let settings = send(
        f.by(&f.world.owner)
            .put(&f.world.path("/settings"))
            .header("if-match", "\"0\"")
            .json(&json!({"export_profiles": [profile]})),
    );
    settings.await.must(200);
    let export = json!({"format": "csv", "from": "2026-06-02", "to": "2026-06-02", "profile": "Leave"});
    let file =
        f.by(&f.world.owner).post(&f.world.path("/exports")).json(&export).send().await.unwrap().text().await.unwrap();
    assert!(file.ends_with("3,2026-06-02,SICK VACATION,300\r\n"), "{file}");
    // Whoever reads attendance and not leave sees that somebody is on leave, and not why.
    let scope = Scope::Unit { unit_id: Some(f.world.team.unit_id) };
    let permissions = [Permission::AttendanceRead, Permission::PeriodsRead].into();
    f.world.manager.grants = vec![Grant { role: "clerk".into(), permissions, scope }];
    f.world.manager.version += 1;
    f.tell_employee(&f.world.manager.clone()).await;
    let query = format!("employee_id={}&from=2026-06-02&to=2026-06-02", f.world.worker.employee_id);
    let day = &f.workdays(&f.world.manager, &query).await[0];
    assert_eq!((&day["leave"]["portion"], day["leave"].get("kinds")), (&json!("am"), None));
    let seen = f.get(&f.world.manager, &sums).await.must(200);
    let of_worker = seen["items"].as_array().unwrap().iter().find(|one| one["number"] == "3").unwrap();
    assert_eq!((&of_worker["leave"], &of_worker["totals"]["leave_minutes"]), (&json!([]), &json!(780)));
    // Nothing has come too late.
    let adjusted = f.get(&f.world.owner, &format!("/periods/{period}/adjustments")).await.must(200);
    assert_eq!(adjusted["items"], json!([]));
}

#[tokio::test]
async fn sums_count_the_half_days_that_cost_something() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    // From Monday to the Sunday after next: ten days of work, two weekends.
    for (from, to, piece) in
        [("2026-06-01", "2026-06-14", json!({})), ("2026-06-27", "2026-06-27", json!({"portion": "pm"}))]
    {
        let id = asked(&f, &vacation, from, to, piece).await;
        end(&f, &f.world.manager, &id, "approve").await.must(200);
    }
    let body = json!({"from": "2026-06-01", "to": "2026-06-30"});
    let period = f.post(&f.world.owner, "/periods", &body).await.must(201);
    let sums = format!("/summaries?period={}", period["period_id"].as_str().unwrap());
    let all = f.get(&f.world.owner, &sums).await.must(200);
    let of_worker = all["items"].as_array().unwrap().iter().find(|one| one["number"] == "3").unwrap();
    let totals = &of_worker["totals"];
    assert_eq!((&totals["leave_half_days"], &totals["leave_minutes"]), (&json!(20), &json!(10 * DAY)));
}

#[tokio::test]
async fn whoever_may_only_read_asks_for_no_leave_not_even_their_own() {
    let mut f = telling().await;
    let vacation = june(&f, json!({})).await;
    let reads = [Permission::AttendanceRead, Permission::LeaveRead, Permission::RosterRead];
    let auditor = Grant { role: "auditor".into(), permissions: reads.into_iter().collect(), scope: Scope::Org };
    f.world.worker.grants = vec![auditor];
    f.world.worker.version = 2;
    f.tell_employee(&f.world.worker).await;
    ask(&f, &vacation, "2026-06-03", "2026-06-03", json!({})).await.refused(403, "forbidden");
    assert_eq!(f.get(&f.world.worker, "/leave-requests").await.must(200)["items"], json!([]));
}
