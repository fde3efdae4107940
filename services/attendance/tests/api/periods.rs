//! `/periods`: locking keeps what days are; what comes later is an adjustment and never lost.

use crate::leave::{grant, leave_type};
use crate::support::{Fixture, Reply, World, employee, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Jsonb, Nullable, Text, Uuid as DbUuid};
use rollcall_ids::{EmployeeId, PeriodId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::time::Duration;

const MONDAY: &str = "from=2026-06-01&to=2026-06-01";
/// As long as it takes.
const PATIENCE: i64 = 60_000;

/// A worker who worked nine to six on Monday the first of June; a period of that week; now it is the week after.
async fn a_week() -> (Fixture, String) {
    a_week_with(PATIENCE).await
}

/// The same, where the service waits for others in the database for so many milliseconds.
async fn a_week_with(patience: i64) -> (Fixture, String) {
    let service = TestService::with(|settings| {
        set(settings, "database.lock_timeout_ms", patience);
        set(settings, "database.statement_timeout_ms", PATIENCE);
        set(settings, "events.subscribers.notification", vec!["attendance.period.".to_owned()]);
        set(settings, "peers.notification.url", "http://127.0.0.1:9");
        set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    });
    let f = Fixture::on(service.await).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    for (key, at) in [("in", "2026-06-01T07:00:00Z"), ("out", "2026-06-01T16:00:00Z")] {
        f.set_clock(at);
        f.punch(&f.world.worker, key, &json!({"direction": key})).await.must(201);
    }
    f.set_clock("2026-06-03T08:00:00Z");
    let body = json!({"from": "2026-06-01", "to": "2026-06-07"});
    let period = f.post(&f.world.owner, "/periods", &body).await.must(201);
    f.set_clock("2026-06-08T08:00:00Z");
    (f, period["period_id"].as_str().unwrap().to_owned())
}

async fn act(f: &Fixture, who: &EmployeeFact, id: &str, how: &str, version: i64) -> Reply {
    let request = f.by(who).post(&f.world.path(&format!("/periods/{id}/{how}")));
    let request = request.header("if-match", format!("\"{version}\""));
    send(if how == "reopen" { request.json(&json!({"reason": "A punch was missing"})) } else { request }).await
}

/// Locks a period and waits until all is frozen.
pub(crate) async fn lock(f: &Fixture, id: &str, version: i64) -> Value {
    act(f, &f.world.owner, id, "lock", version).await.must(200);
    locked(f, id).await
}

async fn locked(f: &Fixture, id: &str) -> Value {
    let all = async {
        loop {
            let period = f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200);
            if period["status"] == "locked" {
                return period;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.unwrap()
}

async fn import(f: &Fixture, who: &EmployeeFact, at: &str, key: &str) -> Reply {
    let body = json!({"employee_id": who.employee_id, "at": at, "source": "import"});
    f.punch(&f.world.owner, key, &body).await
}

async fn monday(f: &Fixture) -> Value {
    f.workdays(&f.world.worker, MONDAY).await[0].clone()
}

async fn adjustments(f: &Fixture, id: &str) -> Vec<Value> {
    let page = f.get(&f.world.owner, &format!("/periods/{id}/adjustments?limit=200")).await.must(200);
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_comes_after_the_lock_changes_nothing_and_is_an_adjustment() {
    let (f, id) = a_week().await;
    let open = monday(&f).await;
    assert_eq!((&open["frozen"], &open["worked_minutes"]), (&json!(false), &json!(480)));
    assert_eq!(adjustments(&f, &id).await, [] as [Value; 0]);
    let locked = lock(&f, &id, 1).await;
    assert_eq!((&locked["people_done"], &locked["people_total"]), (&json!(3), &json!(3)));
    let frozen = monday(&f).await;
    let mut expected = open.clone();
    (expected["frozen"], expected["version"]) = (json!(true), json!(1));
    assert_eq!(frozen, expected);
    assert_eq!(adjustments(&f, &id).await, [] as [Value; 0]);

    let late = import(&f, &f.world.worker, "2026-06-01T18:00:00Z", "late").await.must(201);
    assert_eq!(monday(&f).await, frozen, "nothing changes");
    let found = adjustments(&f, &id).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["frozen"], frozen);
    assert_eq!(found[0]["punches_added"], json!([late["punch_id"]]));
    assert_ne!(found[0]["current"]["punches"], frozen["punches"]);
    let punches =
        f.get(&f.world.owner, &format!("/punches?employee_id={}", f.world.worker.employee_id)).await.must(200);
    assert_eq!(punches["items"].as_array().unwrap().len(), 3, "it is stored");
    let after = f.workdays(&f.world.worker, "from=2026-06-07&to=2026-06-08").await;
    assert_eq!((&after[0]["frozen"], &after[1]["frozen"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn reopening_takes_a_reason_is_recorded_and_computes_anew() {
    let (f, id) = a_week().await;
    let World { owner, worker, manager, .. } = f.world.clone();
    let locked = lock(&f, &id, 1).await;
    import(&f, &worker, "2026-06-02T07:00:00Z", "in-2").await.must(201);
    import(&f, &worker, "2026-06-02T16:00:00Z", "out-2").await.must(201);
    let version = locked["version"].as_i64().unwrap();
    act(&f, &manager, &id, "reopen", version).await.refused(403, "forbidden");
    let path = f.world.path(&format!("/periods/{id}/reopen"));
    let reasonless = send(f.by(&owner).post(&path).header("if-match", "\"3\"").json(&json!({"reason": " "}))).await;
    assert_eq!(reasonless.bad_fields(), [("/reason".to_owned(), "length".to_owned())]);
    act(&f, &owner, &id, "reopen", version).await.must(200);
    let tuesday = "from=2026-06-02&to=2026-06-02";
    assert_eq!(f.workdays(&worker, tuesday).await[0]["worked_minutes"], 480);
    let again = lock(&f, &id, version + 1).await;
    let day = f.workdays(&worker, tuesday).await[0].clone();
    assert_eq!((&day["worked_minutes"], &day["frozen"], &day["version"]), (&json!(480), &json!(true), &json!(2)));
    let version = again["version"].as_i64().unwrap();
    act(&f, &owner, &id, "close", version).await.must(200);
    act(&f, &owner, &id, "reopen", version + 1).await.refused(409, "period_state");
    let record = f.get(&owner, &format!("/audit-events?subject_id={id}")).await.must(200);
    let actions: Vec<_> = record["items"].as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
    let expected = ["closed", "locked", "locking", "reopened", "locked", "locking", "created"];
    assert_eq!(actions, expected.map(|what| json!(format!("period.{what}"))));
    assert_eq!(record["items"][3]["reason"], "A punch was missing");
    assert_eq!(record["items"][3]["before"]["status"], "locked");
}

/// Somebody who is about to keep a person's day for the lock, and does not: a lock that has read the days of those beside
/// that person waits before they are kept.
struct Held(PgConnection);

impl Held {
    fn day_of(f: &Fixture, period_id: &str, employee_id: EmployeeId) -> Self {
        let mut conn = PgConnection::establish(&f.service.admin_url).unwrap();
        // Without the foreign key, which would hold the period itself.
        conn.batch_execute("BEGIN; SET LOCAL session_replication_role = replica").unwrap();
        let row = "INSERT INTO frozen_workdays (org_id, employee_id, work_date, generation, period_id, day) \
                   SELECT org_id, $1, from_date, 1, period_id, '{}' FROM periods WHERE period_id = $2";
        let row = diesel::sql_query(row).bind::<DbUuid, _>(employee_id);
        row.bind::<DbUuid, _>(period_id.parse::<PeriodId>().unwrap()).execute(&mut conn).unwrap();
        Self(conn)
    }

    fn let_go(mut self) {
        self.0.batch_execute("ROLLBACK").unwrap();
    }
}

/// Waits until this holds, in the database; if it never does, the test fails by its time.
async fn until(f: &Fixture, holds: &str) {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let asserted = format!("DO $$ BEGIN ASSERT ({holds}); END $$");
    let reached = async {
        while admin.batch_execute(&asserted).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reached).await.unwrap();
}

/// So many wait for what somebody holds.
async fn waiting(f: &Fixture, expected: usize) {
    let holds = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(f, &format!("({holds}) = {expected}")).await;
}

/// Sixty more people; with the three that there are, all of them in the order in which a lock takes them, fifty at a time.
async fn sixty_three(f: &Fixture) -> Vec<EmployeeFact> {
    let mut people = vec![f.world.owner.clone(), f.world.manager.clone(), f.world.worker.clone()];
    for n in 0..60 {
        let person = employee(&format!("1{n:02}"), f.world.team.unit_id, f.world.berlin.site_id, vec![]);
        f.tell_employee(&person).await;
        people.push(person);
    }
    people.sort_by_key(|person| person.employee_id);
    people
}

/// Tuesday of a person, and how many punches came too late for it.
async fn tuesday_of(f: &Fixture, person: &EmployeeFact, adjustments: &[Value]) -> (Value, usize) {
    let query = format!("employee_id={}&from=2026-06-02&to=2026-06-02", person.employee_id);
    let day = f.workdays(&f.world.owner, &query).await[0].clone();
    let theirs = adjustments.iter().filter(|one| one["employee_id"] == json!(person.employee_id));
    (day, theirs.map(|one| one["punches_added"].as_array().unwrap().len()).sum())
}

/// Asks for a correction that adds the coming and the going of a Tuesday, and has it approved.
async fn correct_tuesday(f: &Fixture, who: &EmployeeFact) {
    let add = |at: &str, direction: &str| json!({"add": {"at": at, "direction": direction}});
    let changes = [add("2026-06-02T09:00:00+02:00", "in"), add("2026-06-02T18:00:00+02:00", "out")];
    let body = json!({"work_date": "2026-06-02", "reason": "Forgot", "changes": changes});
    let made = f.post(who, "/corrections", &body).await.must(201);
    let id = made["correction_id"].as_str().unwrap();
    f.post(&f.world.owner, &format!("/corrections/{id}/approve"), &json!({})).await.must(200);
}

#[tokio::test]
async fn punches_and_corrections_against_a_lock_are_all_kept_and_all_accounted_for() {
    let (f, id) = a_week().await;
    let people = sixty_three(&f).await;
    // The first fifty are read before any of it, the others after it.
    let [early, late] = [[&people[10], &people[20]], [&people[52], &people[60]]];
    let held = Held::day_of(&f, &id, people[30].employee_id);
    let punch = async |person: &EmployeeFact| {
        for (at, key) in [("2026-06-02T07:00:00Z", "in"), ("2026-06-02T16:00:00Z", "out")] {
            import(&f, person, at, &format!("{}-{key}", person.number)).await.must(201);
        }
    };
    let meanwhile = async {
        waiting(&f, 1).await;
        for [punches, corrects] in [early, late] {
            punch(punches).await;
            correct_tuesday(&f, corrects).await;
        }
        assert_eq!(f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200)["status"], "locking");
        held.let_go();
    };
    let (locked, ()) = tokio::join!(lock(&f, &id, 1), meanwhile);
    assert_eq!(locked["people_done"], 63, "a lock holds no punch up");
    let found = adjustments(&f, &id).await;
    for (people, kept, more, worked) in [(early, 0, 2, 0), (late, 2, 0, 480)] {
        for person in people {
            let (day, late) = tuesday_of(&f, person, &found).await;
            let counted = (day["punches"].as_array().unwrap().len(), late);
            assert_eq!((counted, &day["worked_minutes"]), ((kept, more), &json!(worked)), "{}", person.number);
            assert_eq!(day["frozen"], true);
        }
    }
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[tokio::test]
async fn whatever_comes_too_late_is_an_adjustment_of_its_day() {
    let f = Fixture::start().await;
    let World { owner, manager, worker, .. } = f.world.clone();
    let shift = json!({
        "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00",
        "breaks": [{"start": "12:00", "end": "13:00"}], "overtime": {"requires_approval": true},
    });
    let shift = f.post(&owner, "/shifts", &shift).await.must(201)["shift_id"].as_str().unwrap().to_owned();
    f.plan_team(&shift, "2026-06-01", "2026-06-05").await;
    let vacation = leave_type(&f, json!({})).await;
    grant(&f, &worker, &vacation, json!({})).await;
    for (key, at) in [("in", "2026-06-01T07:00:00Z"), ("out", "2026-06-01T18:00:00Z")] {
        f.set_clock(at);
        f.punch(&worker, key, &json!({"direction": key})).await.must(201);
    }
    f.set_clock("2026-06-08T08:00:00Z");
    let period = f.post(&owner, "/periods", &json!({"from": "2026-06-01", "to": "2026-06-07"})).await.must(201);
    let id = period["period_id"].as_str().unwrap().to_owned();
    lock(&f, &id, 1).await;
    let frozen = f.workdays(&worker, "from=2026-06-01&to=2026-06-07").await;

    let approved = async |made: Value, path: &str, field: &str| {
        let id = made[field].as_str().unwrap();
        f.post(&manager, &format!("/{path}/{id}/approve"), &json!({})).await.must(200);
    };
    let overtime = json!({"work_date": "2026-06-01", "minutes": 60, "reason": "Stocktaking"});
    let overtime = f.post(&worker, "/overtime-requests", &overtime).await.must(201);
    approved(overtime, "overtime-requests", "overtime_request_id").await;
    correct_tuesday(&f, &worker).await;
    let leave = json!({"leave_type_id": vacation, "from": "2026-06-03", "to": "2026-06-03"});
    let leave = f.post(&worker, "/leave-requests", &leave).await.must(201);
    approved(leave, "leave-requests", "leave_request_id").await;
    let off = json!({"employee_id": worker.employee_id, "from": "2026-06-04", "to": "2026-06-04", "shift_id": null});
    f.put(&owner, "/roster", &json!({"entries": [off]})).await.must(200);
    import(&f, &worker, "2026-06-05T07:00:00Z", "late").await.must(201);

    let mut told: Vec<(String, Value, i64, i64)> = Vec::new();
    for one in adjustments(&f, &id).await {
        assert_eq!(one["employee_id"], json!(worker.employee_id));
        let minutes = |field: &str| one[field].as_i64().unwrap();
        let date = one["work_date"].as_str().unwrap().to_owned();
        told.push((
            date,
            one["current"]["status"].clone(),
            minutes("worked_minutes"),
            minutes("overtime_approved_minutes"),
        ));
    }
    let row = |day: &str, status: &str, worked, approved| (format!("2026-06-{day}"), json!(status), worked, approved);
    let expected = [
        row("01", "present", 0, 60),
        row("02", "present", 480, 0),
        row("03", "on_leave", 0, 0),
        row("04", "rest_day", 0, 0),
        row("05", "incomplete", 0, 0),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        f.workdays(&worker, "from=2026-06-01&to=2026-06-07").await,
        frozen,
        "nothing of it changes what was kept"
    );
}

/// A lock that has kept fifty of 63 people and cannot go on, until it is let go.
async fn stuck() -> (Fixture, String, Held) {
    let (f, id) = a_week_with(100).await;
    let people = sixty_three(&f).await;
    let held = Held::day_of(&f, &id, people[55].employee_id);
    act(&f, &f.world.owner, &id, "lock", 1).await.refused(503, "unavailable");
    let period = f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200);
    assert_eq!((&period["status"], &period["people_done"]), (&json!("locking"), &json!(50)));
    (f, id, held)
}

#[tokio::test]
async fn a_lock_that_a_stop_has_interrupted_is_carried_on_by_whoever_starts_next() {
    let (f, id, held) = stuck().await;
    let f = Fixture { service: f.service.restarted(|| held.let_go()).await, world: f.world };
    let locked = locked(&f, &id).await;
    assert_eq!((&locked["people_done"], &locked["people_total"]), (&json!(63), &json!(63)));
    assert_eq!((&monday(&f).await["frozen"], &monday(&f).await["worked_minutes"]), (&json!(true), &json!(480)));
    until(&f, "SELECT count(*) = 63 * 7 FROM frozen_workdays").await;
}

#[tokio::test]
async fn a_lock_that_does_not_come_to_its_end_is_given_up_by_reopening() {
    let (f, id, held) = stuck().await;
    let owner = &f.world.owner;
    act(&f, owner, &id, "close", 2).await.refused(409, "period_state");
    act(&f, &f.world.manager, &id, "reopen", 2).await.refused(403, "forbidden");
    act(&f, owner, &id, "reopen", 1).await.refused(412, "version_mismatch");
    // The lock may be at it just then.
    let reopened = loop {
        let reply = act(&f, owner, &id, "reopen", 2).await;
        if reply.status != 503 {
            break reply.must(200);
        }
    };
    assert_eq!((&reopened["status"], &reopened["version"]), (&json!("open"), &json!(3)));
    held.let_go();
    assert_eq!(monday(&f).await["frozen"], false, "what was kept so far does not count");
    assert_eq!(adjustments(&f, &id).await, [] as [Value; 0]);
    import(&f, &f.world.worker, "2026-06-02T07:00:00Z", "in-2").await.must(201);
    import(&f, &f.world.worker, "2026-06-02T16:00:00Z", "out-2").await.must(201);
    let again = lock(&f, &id, 3).await;
    assert_eq!((&again["people_done"], &again["version"]), (&json!(63), &json!(5)));
    let day = f.workdays(&f.world.worker, "from=2026-06-02&to=2026-06-02").await[0].clone();
    assert_eq!((&day["worked_minutes"], &day["frozen"], &day["version"]), (&json!(480), &json!(true), &json!(2)));
    let record = f.get(owner, &format!("/audit-events?subject_id={id}")).await.must(200);
    let reopening = &record["items"][2];
    assert_eq!(
        (&reopening["action"], &reopening["reason"]),
        (&json!("period.reopened"), &json!("A punch was missing"))
    );
    assert_eq!(reopening["before"]["status"], "locking");
}

#[tokio::test]
async fn of_the_end_of_a_lock_and_a_reopening_exactly_one_is_heard() {
    let (f, id) = a_week().await;
    let held = Held::day_of(&f, &id, f.world.worker.employee_id);
    let mut record = PgConnection::establish(&f.service.admin_url).unwrap();
    let reopening = async {
        // The end of the lock stands before its entry in the record of changes, and holds the period.
        waiting(&f, 1).await;
        record.batch_execute("BEGIN; LOCK TABLE audit_events IN EXCLUSIVE MODE").unwrap();
        held.let_go();
        let at_the_record = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit_events'::regclass";
        until(&f, &format!("({at_the_record}) = 1")).await;
        let let_go = async {
            waiting(&f, 2).await;
            record.batch_execute("COMMIT").unwrap();
        };
        tokio::join!(act(&f, &f.world.owner, &id, "reopen", 2), let_go).0
    };
    let (asked, reopened) = tokio::join!(act(&f, &f.world.owner, &id, "lock", 1), reopening);
    asked.must(200);
    reopened.refused(412, "version_mismatch");
    assert_eq!(locked(&f, &id).await["version"], 3);
    assert_eq!(monday(&f).await["frozen"], true);
}

/// Periods of one day each that stand somewhere in their work, put there by hand: nobody makes a hundred by requests.
fn put(f: &Fixture, of: &World, days: usize, (status, warn_on): (&str, Option<&str>)) {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let rows = "INSERT INTO periods (org_id, period_id, name, from_date, to_date, status, generation, people_done, \
                people_total, warn_on, version) \
                SELECT $1, gen_random_uuid(), 'Day', day, day, $2, 1, 0, 3, $3::date, 2 \
                FROM generate_series(date '2026-01-01', date '2026-01-01' + $4 - 1, interval '1 day') AS day";
    let rows = diesel::sql_query(rows).bind::<DbUuid, _>(of.org.org_id).bind::<Text, _>(status);
    let rows = rows.bind::<Nullable<Text>, _>(warn_on).bind::<Integer, _>(i32::try_from(days).unwrap());
    assert_eq!(rows.execute(&mut admin).unwrap(), days);
}

#[tokio::test]
async fn an_organisation_with_many_locks_keeps_nobody_waiting_who_has_one() {
    let f = Fixture::start().await;
    let other = World::new();
    f.tell_all(&other).await;
    put(&f, &f.world, 120, ("locking", None));
    let mut held = PgConnection::establish(&f.service.admin_url).unwrap();
    held.batch_execute("BEGIN; SELECT 1 FROM periods FOR UPDATE").unwrap();
    put(&f, &other, 1, ("locking", None));
    let other = other.org.org_id;
    until(&f, &format!("SELECT status = 'locked' FROM periods WHERE org_id = '{other}'")).await;
    drop(held);
}

#[tokio::test]
async fn who_is_to_be_warned_today_does_not_wait_for_those_whose_day_has_not_begun() {
    // It is the first of June in Berlin and in Los Angeles, which comes to the second at seven in the morning, UTC.
    let f = Fixture::that_tells().await;
    let mut america = World::new();
    america.org.time_zone = "America/Los_Angeles".into();
    f.tell_all(&america).await;
    put(&f, &america, 150, ("open", Some("2026-06-02")));
    put(&f, &f.world, 1, ("open", Some("2026-06-01")));
    until(&f, "SELECT count(*) = 1 FROM outbox WHERE kind = 'attendance.period.locking.v1'").await;
    until(&f, "SELECT count(*) = 150 FROM periods WHERE warn_on IS NOT NULL").await;
    f.set_clock("2026-06-02T07:00:00Z");
    until(&f, "SELECT count(*) = 151 FROM outbox WHERE kind = 'attendance.period.locking.v1'").await;
}

#[tokio::test]
async fn of_two_locks_at_once_one_wins_and_what_is_not_possible_is_refused() {
    let (f, id) = a_week().await;
    let World { owner, manager, worker, .. } = f.world.clone();
    let path = f.world.path(&format!("/periods/{id}/lock"));
    send(f.by(&owner).post(&path)).await.refused(428, "if_match_required");
    act(&f, &manager, &id, "lock", 1).await.refused(403, "forbidden");
    act(&f, &owner, &id, "close", 1).await.refused(409, "period_state");
    let (one, two) = tokio::join!(act(&f, &owner, &id, "lock", 1), act(&f, &owner, &id, "lock", 1));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [200, 412]);
    let body = |from: &str, to: &str| json!({"from": from, "to": to});
    f.post(&owner, "/periods", &body("2026-06-07", "2026-06-14")).await.refused(409, "period_overlap");
    let bad = f.post(&owner, "/periods", &json!({"name": "", "from": "2026-06-02", "to": "2026-06-01"})).await;
    let bad: Vec<_> = bad.bad_fields().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(bad, ["/to", "/name"]);
    f.post(&owner, "/periods", &body("2026-01-01", "2027-01-02")).await.bad_fields();
    let next = f.post(&owner, "/periods", &body("2026-06-08", "2026-06-14")).await.must(201);
    let next = next["period_id"].as_str().unwrap();
    act(&f, &owner, next, "lock", 1).await.refused(409, "period_not_over");
    f.post(&worker, "/periods", &body("2026-07-01", "2026-07-02")).await.refused(403, "forbidden");
    f.get(&worker, "/periods").await.refused(403, "forbidden");
    let listed = f.get(&owner, "/periods").await.must(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[derive(QueryableByName)]
struct Outgoing {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    data: Value,
}

#[tokio::test]
async fn who_locks_is_told_once_when_the_time_is_near_and_when_it_is_done() {
    let (f, id) = a_week().await;
    // Three days before the seventh has passed: whoever looks next tells.
    lock(&f, &id, 1).await;
    let told = async || -> Vec<Outgoing> {
        let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
        diesel::sql_query("SELECT kind, data FROM outbox ORDER BY position").load(&mut admin).unwrap()
    };
    let body = json!({"name": "Next", "from": "2026-06-08", "to": "2026-06-10"});
    f.post(&f.world.owner, "/periods", &body).await.must(201);
    let both = async {
        while told().await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    let kinds: Vec<_> = told().await.iter().map(|event| event.kind.clone()).collect();
    assert!(kinds.contains(&"attendance.period.locked.v1".to_owned()), "{kinds:?}");
    let near: Vec<_> = told().await.into_iter().filter(|event| event.kind == "attendance.period.locking.v1").collect();
    assert_eq!(near.iter().filter(|event| event.data["name"] == "Next").count(), 1);
}

#[tokio::test]
async fn the_sums_are_those_of_the_days() {
    let (f, id) = a_week().await;
    let World { owner, worker, manager, .. } = f.world.clone();
    let of_worker = async || {
        let page = f.get(&owner, &format!("/summaries?period={id}")).await.must(200);
        page["items"].as_array().unwrap().iter().find(|one| one["number"] == "3").unwrap().clone()
    };
    let open = of_worker().await;
    let days = f.workdays(&worker, "from=2026-06-01&to=2026-06-07").await;
    let sum = |field: &str| days.iter().map(|day| day[field].as_i64().unwrap()).sum::<i64>();
    for field in ["planned_minutes", "worked_minutes", "paid_minutes", "late_minutes", "overtime_minutes"] {
        assert_eq!(open["totals"][field], sum(field), "{field}");
    }
    assert_eq!((&open["totals"]["days"], &open["totals"]["worked_days"]), (&json!(7), &json!(1)));
    assert_eq!((&open["totals"]["absent_days"], &open["frozen"]), (&json!(6), &json!(false)));
    lock(&f, &id, 1).await;
    import(&f, &worker, "2026-06-02T07:00:00Z", "in-2").await.must(201);
    let frozen = of_worker().await;
    assert_eq!((&frozen["totals"], &frozen["frozen"]), (&open["totals"], &json!(true)));
    f.get(&worker, &format!("/summaries?period={id}")).await.refused(403, "forbidden");
    f.get(&manager, &format!("/summaries?period={id}")).await.refused(403, "forbidden");
    let first = f.get(&owner, &format!("/summaries?period={id}&limit=1")).await.must(200);
    assert_eq!((&first["items"][0]["number"], first["next_cursor"].is_string()), (&json!("1"), true));
    f.get(&owner, "/summaries").await.refused(400, "malformed_input");
    f.get(&owner, &format!("/summaries?period={}", rollcall_ids::PeriodId::generate())).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_page_of_a_year_has_fewer_people_than_one_of_a_week() {
    let f = Fixture::start().await;
    for n in 0..60 {
        f.tell_employee(&employee(&format!("1{n:02}"), f.world.team.unit_id, f.world.berlin.site_id, vec![])).await;
    }
    let year = json!({"from": "2025-01-01", "to": "2025-12-31"});
    let id = f.post(&f.world.owner, "/periods", &year).await.must(201)["period_id"].as_str().unwrap().to_owned();
    f.set_clock("2026-01-05T08:00:00Z");
    lock(&f, &id, 1).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = f.get(&f.world.owner, &format!("/summaries?period={id}&limit=200{cursor}")).await.must(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 54 && items.iter().all(|one| one["totals"]["days"] == 365), "{}", items.len());
        seen.extend(items.iter().map(|one| one["number"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 63);
    let first = f.get(&f.world.owner, &format!("/periods/{id}/adjustments?limit=200")).await.must(200);
    assert_eq!((&first["items"], first["next_cursor"].is_string()), (&json!([]), true), "54 of 63 were looked at");
}
