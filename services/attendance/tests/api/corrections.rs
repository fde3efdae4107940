//! `/corrections`.

use crate::support::{Fixture, Reply, World, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text};
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::time::Duration;

/// A worker who came at nine on Monday and forgot to punch when leaving at six; now it is Tuesday morning.
async fn forgetful() -> (Fixture, Value) {
    let service = TestService::with(|settings| {
        set(settings, "events.subscribers.notification", vec!["attendance.".to_owned()]);
        set(settings, "peers.notification.url", "http://127.0.0.1:9");
        set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    });
    let f = Fixture::on(service.await).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    f.set_clock("2026-06-01T07:00:00Z");
    let punch = f.punch(&f.world.worker, "in", &json!({"direction": "in"})).await.must(201);
    f.set_clock("2026-06-02T08:00:00Z");
    (f, punch)
}

fn out_at_six() -> Value {
    json!({
        "work_date": "2026-06-01", "reason": "Forgot",
        "changes": [{"add": {"at": "2026-06-01T18:00:00+02:00", "direction": "out"}}]
    })
}

async fn monday(f: &Fixture) -> Value {
    f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-01").await[0].clone()
}

async fn asked(f: &Fixture, body: &Value) -> String {
    let made = f.post(&f.world.worker, "/corrections", body).await.must(201);
    made["correction_id"].as_str().unwrap().to_owned()
}

async fn end(f: &Fixture, who: &rollcall_org_api::facts::EmployeeFact, id: &str, how: &str) -> Reply {
    f.post(who, &format!("/corrections/{id}/{how}"), &json!({})).await
}

#[tokio::test]
async fn what_is_approved_holds_and_the_punches_stay_as_they_came() {
    let (f, _) = forgetful().await;
    assert_eq!(monday(&f).await["status"], "incomplete");
    let id = asked(&f, &out_at_six()).await;
    assert_eq!(monday(&f).await["status"], "incomplete", "asked for is not approved");
    let approved = end(&f, &f.world.manager, &id, "approve").await;
    assert_eq!(approved.header("etag"), "\"2\"");
    let approved = approved.must(200);
    assert_eq!(
        (&approved["status"], &approved["decided_by"]),
        (&json!("approved"), &json!(f.world.manager.employee_id))
    );
    let day = monday(&f).await;
    assert_eq!((&day["status"], &day["worked_minutes"]), (&json!("present"), &json!(480)));
    assert_eq!(f.get(&f.world.worker, "/punches").await.must(200)["items"].as_array().unwrap().len(), 1);
    let read = f.get(&f.world.worker, &format!("/corrections/{id}")).await.must(200);
    assert_eq!(read, approved);
    let listed = f.get(&f.world.worker, "/corrections?status=approved").await.must(200);
    assert_eq!(listed["items"], json!([approved]));
    assert_eq!(f.get(&f.world.worker, "/corrections?status=pending").await.must(200)["items"], json!([]));
}

#[tokio::test]
async fn a_punch_that_was_none_is_voided_once() {
    let (f, punch) = forgetful().await;
    let void = json!({"work_date": "2026-06-01", "reason": "Not me", "changes": [{"void": punch["punch_id"]}]});
    let id = asked(&f, &void).await;
    end(&f, &f.world.owner, &id, "approve").await.must(200);
    let day = monday(&f).await;
    assert_eq!((&day["status"], &day["punches"]), (&json!("absent"), &json!([])));
    let again = f.post(&f.world.worker, "/corrections", &void).await.bad_fields();
    assert_eq!(again, [("/changes/0/void".to_owned(), "unknown_punch".to_owned())]);
}

#[tokio::test]
async fn a_punch_that_a_correction_added_can_be_voided_by_another() {
    let (f, _) = forgetful().await;
    let id = asked(&f, &out_at_six()).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    let added = monday(&f).await["punches"][1]["punch_id"].clone();
    let void = json!({"work_date": "2026-06-01", "reason": "It was seven", "changes": [
        {"void": added}, {"add": {"at": "2026-06-01T19:00:00+02:00", "direction": "out"}}
    ]});
    let id = asked(&f, &void).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    assert_eq!(monday(&f).await["worked_minutes"], 540);
}

#[tokio::test]
async fn a_correction_that_is_noted_while_a_day_is_read_is_seen_whole_or_not_at_all() {
    let (f, _) = forgetful().await;
    let early = json!({"at": "2026-06-01T12:00:00+02:00", "direction": "out"});
    let early = f.punch(&f.world.worker, "out", &early).await.must(201);
    let mut body = out_at_six();
    body["changes"].as_array_mut().unwrap().push(json!({"void": early["punch_id"]}));
    let id = asked(&f, &body).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    let corrected = monday(&f).await;
    let minutes = |day: &Value| day["worked_minutes"].as_i64().unwrap();
    assert_eq!(minutes(&corrected), 480);

    // A reader waits at the table of punches that do not count; the correction goes from there and from the other table.
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    admin.batch_execute("BEGIN; LOCK TABLE voided_punches IN ACCESS EXCLUSIVE MODE").unwrap();
    let waits = "DO $$ BEGIN ASSERT EXISTS (SELECT FROM pg_locks WHERE NOT granted \
                 AND relation = 'voided_punches'::regclass); END $$";
    let change = async {
        let mut other = PgConnection::establish(&f.service.admin_url).unwrap();
        let reached = async {
            while other.batch_execute(waits).is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
        admin.batch_execute("DELETE FROM added_punches; DELETE FROM voided_punches; COMMIT").unwrap();
    };
    let (read, ()) = tokio::join!(monday(&f), change);
    assert_eq!(minutes(&read), 180, "{read:#}");
    assert_eq!(read, monday(&f).await);
}

#[tokio::test]
async fn nobody_approves_their_own_nor_what_they_asked_for() {
    let (f, _) = forgetful().await;
    let World { owner, manager, worker, .. } = f.world.clone();
    let id = asked(&f, &out_at_six()).await;
    end(&f, &worker, &id, "approve").await.refused(403, "own_request");
    end(&f, &manager, &id, "cancel").await.refused(403, "forbidden");
    let mut of_worker = out_at_six();
    of_worker["employee_id"] = json!(worker.employee_id);
    let by_manager = f.post(&manager, "/corrections", &of_worker).await.must(201);
    let by_manager = by_manager["correction_id"].as_str().unwrap();
    end(&f, &manager, by_manager, "approve").await.refused(403, "own_request");
    end(&f, &owner, by_manager, "reject").await.must(200);
    let own = f.post(&owner, "/corrections", &out_at_six()).await.must(201);
    let own = own["correction_id"].as_str().unwrap();
    end(&f, &manager, own, "approve").await.refused(403, "forbidden");
    end(&f, &worker, own, "approve").await.refused(403, "forbidden");
    end(&f, &owner, own, "cancel").await.must(200);
    f.get(&worker, &format!("/corrections/{own}")).await.refused(403, "forbidden");
    of_worker["employee_id"] = json!(owner.employee_id);
    f.post(&worker, "/corrections", &of_worker).await.refused(403, "forbidden");
}

#[tokio::test]
async fn of_two_endings_exactly_one_wins() {
    let (f, _) = forgetful().await;
    for round in 0..5 {
        let id = asked(&f, &out_at_six()).await;
        let (approved, cancelled) =
            tokio::join!(end(&f, &f.world.manager, &id, "approve"), end(&f, &f.world.worker, &id, "cancel"),);
        let won = [approved.status, cancelled.status].iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "round {round}: {} {}", approved.status, cancelled.status);
        let lost = if approved.status == 200 { cancelled } else { approved };
        lost.refused(409, "already_decided");
        end(&f, &f.world.owner, &id, "reject").await.refused(409, "already_decided");
    }
}

#[tokio::test]
async fn every_bad_field_is_named_and_nothing_is_stored() {
    let (f, _) = forgetful().await;
    let body = json!({"work_date": "2026-06-01", "reason": " ", "changes": [
        {"add": {"at": "2026-06-03T08:00:00Z"}}, {"void": rollcall_ids::PunchId::generate()},
        {"add": {"at": "2026-05-30T08:00:00Z"}},
    ]});
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let found = fields(f.post(&f.world.worker, "/corrections", &body).await.bad_fields());
    assert_eq!(found, ["/reason", "/changes/0/add/at", "/changes/1/void", "/changes/2/add/at"]);
    let unknown =
        json!({"work_date": "2026-06-01", "reason": "R", "changes": [{"void": rollcall_ids::PunchId::generate()}]});
    assert_eq!(fields(f.post(&f.world.worker, "/corrections", &unknown).await.bad_fields()), ["/changes/0/void"]);
    for date in ["2026-06-03", "2024-06-01", "9999-01-01"] {
        let body = json!({"work_date": date, "reason": "R", "changes": []});
        let found = fields(f.post(&f.world.worker, "/corrections", &body).await.bad_fields());
        assert_eq!(found, ["/work_date", "/changes"], "{date}");
    }
    let neither = json!({"work_date": "2026-06-01", "reason": "R", "changes": [{"move": 1}]});
    f.post(&f.world.worker, "/corrections", &neither).await.refused(400, "malformed_input");
    assert_eq!(f.get(&f.world.worker, "/corrections").await.must(200)["items"], json!([]));
}

#[derive(QueryableByName)]
struct Outgoing {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    data: Value,
}

#[tokio::test]
async fn the_manager_and_then_the_one_who_asked_are_told_once() {
    let (f, _) = forgetful().await;
    let request = || f.by(&f.world.worker).post(&f.world.path("/corrections")).header("idempotency-key", "k");
    let made = send(request().json(&out_at_six())).await.must(201);
    assert_eq!(send(request().json(&out_at_six())).await.must(201), made);
    let id = made["correction_id"].as_str().unwrap();
    end(&f, &f.world.manager, id, "approve").await.must(200);
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let told: Vec<Outgoing> =
        diesel::sql_query("SELECT kind, data FROM outbox WHERE kind LIKE '%correction%' ORDER BY position")
            .load(&mut admin)
            .unwrap();
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["attendance.correction.requested.v1", "attendance.correction.decided.v1"]);
    assert_eq!(told[0].data["approver_ids"], json!([f.world.manager.employee_id]));
    assert_eq!(told[0].data["employee_name"], "Employee 3");
    assert_eq!(told[1].data["requested_by"], json!(f.world.worker.employee_id));
    assert_eq!((&told[1].data["status"], &told[1].data["decided_by_name"]), (&json!("approved"), &json!("Employee 2")));
}
