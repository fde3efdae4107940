//! Leave that is taken back or ended by somebody else than the person: who may, and what becomes of its days.

use crate::leave::{balance, grant, leave_type};
use crate::leave_requests::{asked, available, end, june};
use crate::support::{Fixture, Reply, employee, send};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde_json::{Value, json};

const DAY: i64 = 480;

/// Somebody of human resources, who may write all leave and decide none.
async fn clerk(f: &Fixture, number: &str) -> EmployeeFact {
    let permissions = [Permission::LeaveRead, Permission::LeaveWrite].into();
    let grants = vec![Grant { role: "clerk".into(), permissions, scope: Scope::Org }];
    let clerk = employee(number, f.world.root.unit_id, f.world.berlin.site_id, grants);
    f.tell_employee(&clerk).await;
    clerk
}

async fn approved(f: &Fixture, of: &str, from: &str, to: &str) -> String {
    let id = asked(f, of, from, to, json!({})).await;
    end(f, &f.world.manager, &id, "approve").await.must(200);
    id
}

async fn ended(f: &Fixture, who: &EmployeeFact, id: &str, from: &str) -> Reply {
    f.post(who, &format!("/leave-requests/{id}/cancel"), &json!({"note": "Ill", "from": from})).await
}

/// What some request has taken of which entry for which day, or has given back.
async fn entries(f: &Fixture, id: &str, kind: &str) -> Vec<(String, String, i64)> {
    let ledger = f.get(&f.world.worker, "/leave-ledger?limit=200").await.must(200);
    let mine = |entry: &&Value| entry["leave_request_id"] == *id && entry["kind"] == *kind;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |entry: &Value| {
        let minutes = entry["minutes"].as_i64().unwrap().abs();
        (text(&entry["effective_on"]), text(&entry["source_id"]), minutes)
    };
    let mut found: Vec<_> = ledger["items"].as_array().unwrap().iter().filter(mine).map(of).collect();
    found.sort_unstable();
    found
}

async fn lock(f: &Fixture, from: &str, to: &str) {
    let period = f.post(&f.world.owner, "/periods", &json!({"from": from, "to": to})).await.must(201);
    let id = period["period_id"].as_str().unwrap();
    let lock = f.world.path(&format!("/periods/{id}/lock"));
    send(f.by(&f.world.owner).post(&lock).header("if-match", "\"1\"")).await.must(200);
    while f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200)["status"] != "locked" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn whoever_falls_ill_on_vacation_has_the_rest_back_and_is_ill_instead() {
    let f = Fixture::that_tells().await;
    let vacation = june(&f, json!({})).await;
    let sick = leave_type(&f, json!({"code": "SICK", "name": "Sick", "from_balance": false})).await;
    // Three grants are drawn on; one of them expires within the vacation, and is not there any more when it is ended.
    grant(&f, &f.world.worker, &vacation, json!({"minutes": 2 * DAY, "expires_on": "2026-06-02"})).await;
    grant(&f, &f.world.worker, &vacation, json!({"minutes": DAY, "expires_on": "2026-06-30"})).await;
    let hr = clerk(&f, "10").await;
    let id = approved(&f, &vacation, "2026-06-01", "2026-06-05").await;
    assert_eq!(available(&f, "2026-06-30").await, 8 * DAY);
    let used = entries(&f, &id, "use").await;

    // Ill since Tuesday; on Thursday it is told.
    f.set_clock("2026-06-04T09:00:00Z");
    let (worker, manager, owner) = (&f.world.worker, &f.world.manager, &f.world.owner);
    end(&f, worker, &id, "cancel").await.refused(409, "leave_begun");
    end(&f, &hr, &id, "cancel").await.refused(409, "leave_begun");
    for who in [worker, manager] {
        ended(&f, who, &id, "2026-06-02").await.refused(403, "forbidden");
    }
    for outside in ["2026-05-31", "2026-06-06"] {
        let bad = ended(&f, &hr, &id, outside).await.bad_fields();
        assert_eq!(bad, [("/from".to_owned(), "date_out_of_range".to_owned())]);
    }
    let after = ended(&f, &hr, &id, "2026-06-02").await.must(200);
    assert_eq!(
        (&after["status"], &after["from"], &after["to"], &after["minutes"]),
        (&json!("approved"), &json!("2026-06-01"), &json!("2026-06-01"), &json!(DAY))
    );
    let said = after["decisions"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&said["verdict"], &said["from"], &said["decided_by"], &said["note"]),
        (&json!("cancelled"), &json!("2026-06-02"), &json!(hr.employee_id), &json!("Ill"))
    );
    assert_eq!(f.get(worker, &format!("/leave-requests/{id}")).await.must(200), after);
    let told = f.told("attendance.leave.decided.v1");
    let last = told.last().unwrap();
    assert_eq!((&last["from"], &last["status"]), (&json!("2026-06-02"), &json!("approved")));
    assert_eq!(last["approver_ids"], json!([manager.employee_id]));

    // Exactly what the days from Tuesday on had taken is there again, from where it came.
    let back = entries(&f, &id, "return").await;
    assert_eq!(back, used.iter().filter(|(day, ..)| day != "2026-06-01").cloned().collect::<Vec<_>>());
    // The second of the two days that were to be taken until Tuesday has expired since.
    assert_eq!(available(&f, "2026-06-30").await, 11 * DAY);

    let body =
        json!({"employee_id": worker.employee_id, "leave_type_id": sick, "from": "2026-06-02", "to": "2026-06-05"});
    let ill = f.post(&hr, "/leave-requests", &body).await.must(201);
    assert_eq!(ill["minutes"], json!(4 * DAY));
    end(&f, owner, ill["leave_request_id"].as_str().unwrap(), "approve").await.must(200);
    let days = f.workdays(worker, "from=2026-06-01&to=2026-06-05").await;
    for (day, of) in days.iter().zip([&vacation, &sick, &sick, &sick, &sick]) {
        assert_eq!(day["leave"]["kinds"], json!([{"leave_type_id": of, "minutes": DAY}]), "{}", day["work_date"]);
    }
    ended(&f, &hr, &id, "2026-06-02").await.bad_fields();

    // Days that are locked stay as they were paid.
    f.set_clock("2026-06-08T09:00:00Z");
    lock(&f, "2026-06-01", "2026-06-07").await;
    ended(&f, &hr, &id, "2026-06-01").await.refused(409, "period_locked");
    assert_eq!(f.get(worker, &format!("/leave-requests/{id}")).await.must(200), after);
    let over_it = approved(&f, &vacation, "2026-06-08", "2026-06-12").await;
    f.set_clock("2026-06-20T09:00:00Z");
    // From its first day on it is all of it.
    let nothing = ended(&f, &hr, &over_it, "2026-06-08").await.must(200);
    assert_eq!((&nothing["status"], &nothing["to"]), (&json!("cancelled"), &json!("2026-06-12")));
    assert_eq!(available(&f, "2026-06-30").await, 11 * DAY);
    ended(&f, &hr, &over_it, "2026-06-08").await.refused(409, "already_decided");
    let days = f.workdays(worker, "from=2026-06-08&to=2026-06-08").await;
    assert_eq!((&days[0]["status"], days[0].get("leave")), (&json!("absent"), None));
}

#[tokio::test]
async fn whoever_may_write_leave_takes_back_what_somebody_else_of_them_entered() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let (mut first, second) = (clerk(&f, "10").await, clerk(&f, "11").await);
    let before = balance(&f, &f.world.worker, "2026-06-30").await;
    let body = |day: &str| json!({"employee_id": f.world.worker.employee_id, "leave_type_id": vacation, "from": day, "to": day});
    let mut ids = Vec::new();
    for day in ["2026-06-01", "2026-06-02", "2026-06-03"] {
        let made = f.post(&first, "/leave-requests", &body(day)).await.must(201);
        ids.push(made["leave_request_id"].as_str().unwrap().to_owned());
        end(&f, &f.world.manager, ids.last().unwrap(), "approve").await.must(200);
    }
    end(&f, &f.world.manager, &ids[0], "cancel").await.refused(403, "forbidden");
    end(&f, &second, &ids[0], "cancel").await.must(200);
    (first.version, first.grants) = (2, vec![]);
    f.tell_employee(&first).await;
    end(&f, &first, &ids[1], "cancel").await.refused(403, "forbidden");
    for id in &ids[1..] {
        end(&f, &f.world.worker, id, "cancel").await.must(200);
    }
    assert_eq!(balance(&f, &f.world.worker, "2026-06-30").await, before);
    let waits = asked(&f, &vacation, "2026-06-04", "2026-06-05", json!({})).await;
    let bad = ended(&f, &second, &waits, "2026-06-05").await.bad_fields();
    assert_eq!(bad, [("/from".to_owned(), "not_approved".to_owned())]);
    end(&f, &second, &waits, "cancel").await.must(200);
}

#[tokio::test]
async fn nobody_ends_their_own_leave() {
    let f = Fixture::start().await;
    let sick = leave_type(&f, json!({"code": "SICK", "from_balance": false})).await;
    let (own, other) = (clerk(&f, "10").await, clerk(&f, "11").await);
    let body = json!({"leave_type_id": sick, "from": "2026-06-01", "to": "2026-06-05"});
    let made = f.post(&own, "/leave-requests", &body).await.must(201);
    let id = made["leave_request_id"].as_str().unwrap();
    end(&f, &f.world.owner, id, "approve").await.must(200);
    f.set_clock("2026-06-03T09:00:00Z");
    ended(&f, &own, id, "2026-06-03").await.refused(403, "own_request");
    ended(&f, &other, id, "2026-06-03").await.must(200);
    ended(&f, &other, id, "2026-06-02").await.must(200);
    let away = f.get(&f.world.owner, "/away?from=2026-06-01&to=2026-06-05").await.must(200);
    assert_eq!((&away["items"][0]["from"], &away["items"][0]["to"]), (&json!("2026-06-01"), &json!("2026-06-01")));
}
