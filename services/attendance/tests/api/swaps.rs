//! `/swaps`: asked by one, accepted by the other, approved like every request, and then both are planned anew.

use crate::leave_races::{Gate, waiting};
use crate::support::{Fixture, Reply, World, assignment, employee, event, send, site};
use jiff::civil::date;
use rollcall_org_api::events::SITE_CHANGED;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde_json::{Value, json};

async fn shift(f: &Fixture, code: &str, start: &str, end: &str) -> String {
    let body = json!({"code": code, "name": code, "start": start, "end": end});
    let made = f.post(&f.world.owner, "/shifts", &body).await.must(201);
    made["shift_id"].as_str().unwrap().to_owned()
}

async fn plan(f: &Fixture, who: &EmployeeFact, on: &str, shift: Option<&str>) {
    let entry = json!({"employee_id": who.employee_id, "from": on, "to": on, "shift_id": shift});
    f.put(&f.world.owner, "/roster", &json!({"entries": [entry]})).await.must(200);
}

/// Codes of the shifts that somebody is planned for from the first to the fifth of June, and the version of the roster.
async fn plans(f: &Fixture, who: &EmployeeFact) -> (Vec<String>, i64) {
    let path = format!("/roster?employee_id={}&from=2026-06-01&to=2026-06-05", who.employee_id);
    let read = f.get(&f.world.owner, &path).await;
    let version = read.header("etag").trim_matches('"').parse().unwrap();
    let body = read.must(200);
    let code = |day: &Value| day["shift_code"].as_str().unwrap_or("-").to_owned();
    (body["items"].as_array().unwrap().iter().map(code).collect(), version)
}

/// A worker (early on Monday and Tuesday) and a colleague (late on Monday, early on Thursday); it is the week before.
struct Team {
    f: Fixture,
    colleague: EmployeeFact,
    early: String,
}

async fn team() -> Team {
    let f = Fixture::that_tells().await;
    f.set_clock("2026-05-28T08:00:00Z");
    let mut colleague = employee("4", f.world.team.unit_id, f.world.berlin.site_id, vec![]);
    colleague.assignments[0].manager_id = Some(f.world.manager.employee_id);
    f.tell_employee(&colleague).await;
    let (early, late) = (shift(&f, "E", "06:00", "14:00").await, shift(&f, "L", "14:00", "22:00").await);
    plan(&f, &f.world.worker, "2026-06-01", Some(&early)).await;
    plan(&f, &f.world.worker, "2026-06-02", Some(&early)).await;
    plan(&f, &colleague, "2026-06-01", Some(&late)).await;
    plan(&f, &colleague, "2026-06-04", Some(&early)).await;
    Team { f, colleague, early }
}

impl Team {
    /// The worker asks.
    async fn ask(&self, change: Value) -> Reply {
        let mut body = json!({"with_employee_id": self.colleague.employee_id, "date": "2026-06-01"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.f.post(&self.f.world.worker, "/swaps", &body).await
    }

    async fn asked(&self, change: Value) -> String {
        let made = self.ask(change).await.must(201);
        made["swap_id"].as_str().unwrap().to_owned()
    }

    async fn say(&self, who: &EmployeeFact, id: &str, how: &str) -> Reply {
        self.f.post(who, &format!("/swaps/{id}/{how}"), &json!({"note": "Because"})).await
    }

    async fn waiting(&self, who: &EmployeeFact) -> Vec<Value> {
        self.f.get(who, "/approvals").await.must(200)["items"].as_array().unwrap().clone()
    }

    async fn obstacles(&self, who: &EmployeeFact, id: &str, how: &str) -> Vec<String> {
        let refused = self.say(who, id, how).await.refused(409, "swap_impossible");
        let codes = refused["obstacles"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned());
        codes.collect()
    }
}

/// A swap that the worker has asked the manager for; the manager is planned for another shift that day.
pub(crate) async fn any(f: &Fixture) -> String {
    let (one, two) = (shift(f, "SWAP1", "06:00", "14:00").await, shift(f, "SWAP2", "14:00", "22:00").await);
    plan(f, &f.world.worker, "2026-09-01", Some(&one)).await;
    plan(f, &f.world.manager, "2026-09-01", Some(&two)).await;
    let body = json!({"with_employee_id": f.world.manager.employee_id, "date": "2026-09-01"});
    let made = f.post(&f.world.worker, "/swaps", &body).await.must(201);
    made["swap_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn shifts_of_a_day_are_swapped_once_the_colleague_agrees_and_the_manager_approves() {
    let team = team().await;
    let World { owner, manager, worker, .. } = team.f.world.clone();
    let colleague = &team.colleague;
    let id = team.asked(json!({"reason": "Wedding"})).await;
    let read = team.f.get(colleague, &format!("/swaps/{id}")).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!((&read.body["level"], &read.body["status"]), (&json!(0), &json!("pending")));
    let asked = team.f.told("attendance.swap.asked.v1");
    assert_eq!(asked[0]["approver_ids"], json!([colleague.employee_id]));
    assert_eq!(asked[0]["gist"]["label"], "E ↔ L · Employee 4");
    assert_eq!(team.f.told("attendance.swap.requested.v1"), [] as [Value; 0], "nobody is to decide yet");
    assert_eq!(team.waiting(colleague).await[0]["request_id"], json!(id));
    assert_eq!(team.waiting(&manager).await, [] as [Value; 0]);
    team.say(&manager, &id, "approve").await.refused(409, "not_accepted");
    team.say(&owner, &id, "reject").await.refused(409, "not_accepted");
    team.say(&worker, &id, "accept").await.refused(403, "own_request");
    team.say(&manager, &id, "accept").await.refused(403, "forbidden");
    team.say(colleague, &id, "approve").await.refused(403, "own_request");

    let accepted = team.say(colleague, &id, "accept").await.must(200);
    assert_eq!((&accepted["level"], &accepted["status"]), (&json!(1), &json!("pending")));
    team.say(colleague, &id, "accept").await.refused(409, "already_decided");
    let told = team.f.told("attendance.swap.accepted.v1");
    assert_eq!(
        (&told[0]["decided_by"], &told[0]["requested_by"]),
        (&json!(colleague.employee_id), &json!(worker.employee_id))
    );
    assert_eq!(team.f.told("attendance.swap.requested.v1")[0]["approver_ids"], json!([manager.employee_id]));
    assert_eq!(team.waiting(colleague).await, [] as [Value; 0]);
    assert_eq!(team.waiting(&manager).await.len(), 1);
    for who in [&worker, colleague] {
        team.say(who, &id, "approve").await.refused(403, "own_request");
    }
    let (before, version) = plans(&team.f, &worker).await;
    assert_eq!(before, ["E", "E", "-", "-", "-"]);
    let approved = team.say(&manager, &id, "approve").await.must(200);
    assert_eq!((&approved["status"], &approved["decided_by"]), (&json!("approved"), &json!(manager.employee_id)));
    assert_eq!(plans(&team.f, &worker).await, (["L", "E", "-", "-", "-"].map(str::to_owned).to_vec(), version + 1));
    assert_eq!(plans(&team.f, colleague).await.0, ["E", "-", "-", "E", "-"]);
    let decided = team.f.told("attendance.swap.decided.v1");
    assert_eq!(
        (&decided[0]["status"], &decided[0]["with_employee_id"]),
        (&json!("approved"), &json!(colleague.employee_id))
    );
    for who in [&worker, colleague] {
        team.say(who, &id, "cancel").await.refused(409, "already_decided");
        let mine = team.f.get(who, "/swaps?status=approved").await.must(200);
        assert_eq!(mine["items"][0]["swap_id"], json!(id));
    }
    // Late on Monday and early on Tuesday: the day follows the plan.
    let day = team.f.workdays(&worker, "from=2026-06-01&to=2026-06-01").await[0].clone();
    assert_eq!(day["planned_start"], "2026-06-01T12:00:00Z");
}

#[tokio::test]
async fn mine_on_monday_against_yours_on_thursday_gives_each_a_day_off_by_two_levels_and_a_delegate() {
    let team = team().await;
    let World { owner, manager, worker, .. } = team.f.world.clone();
    team.f.put_at(&owner, "/settings", 0, &json!({"approvals": {"swap": 2}})).await.must(200);
    let delegate = employee("5", team.f.world.root.unit_id, team.f.world.berlin.site_id, vec![]);
    team.f.tell_employee(&delegate).await;
    team.f.tell(&[team.f.world.delegation(&manager, &delegate, "2026-05-28", "2026-05-28")]).await;
    let body = json!({"date": "2026-06-02", "with_date": "2026-06-04"});
    let id = team.asked(body).await;
    team.say(&team.colleague, &id, "accept").await.must(200);
    let first = team.say(&delegate, &id, "approve").await.must(200);
    assert_eq!((&first["level"], &first["status"]), (&json!(2), &json!("pending")));
    assert_eq!(first["decisions"][1]["on_behalf_of"], json!(manager.employee_id));
    assert_eq!(plans(&team.f, &worker).await.0, ["E", "E", "-", "-", "-"]);
    team.say(&owner, &id, "approve").await.must(200);
    assert_eq!(plans(&team.f, &worker).await.0, ["E", "-", "-", "E", "-"]);
    assert_eq!(plans(&team.f, &team.colleague).await.0, ["L", "E", "-", "-", "-"]);
}

/// What is in the way is the colleague's, and why is not for the worker.
const HIDDEN: (&str, &str) = ("/with_employee_id", "colleague_unavailable");

/// From now on the worker may see the plans of the team.
async fn sees_the_team(f: &Fixture) {
    let mut worker = f.world.worker.clone();
    let scope = Scope::Unit { unit_id: Some(f.world.team.unit_id) };
    let permissions = [Permission::RosterRead].into();
    worker.grants.push(Grant { role: "sees".into(), permissions, scope });
    worker.version += 1;
    f.tell_employee(&worker).await;
}

#[tokio::test]
async fn whoever_may_not_see_a_colleagues_plan_is_told_nothing_of_it_by_asking() {
    let team = team().await;
    let World { owner, worker, .. } = team.f.world.clone();
    let (f, colleague) = (&team.f, &team.colleague);
    let sick = crate::leave::leave_type(f, json!({"code": "SICK", "from_balance": false})).await;
    let away = json!({"leave_type_id": sick, "from": "2026-06-01", "to": "2026-06-01"});
    let away = f.post(colleague, "/leave-requests", &away).await.must(201);
    let away = away["leave_request_id"].as_str().unwrap();
    f.post(&owner, &format!("/leave-requests/{away}/approve"), &json!({})).await.must(200);
    // Planned at the same time next to it, planned otherwise, and away: all is one answer.
    plan(f, &worker, "2026-06-03", Some(&team.early)).await;
    let mut answers = Vec::new();
    for change in [json!({}), json!({"date": "2026-06-02"}), json!({"date": "2026-06-02", "with_date": "2026-06-05"})] {
        let mut refused = team.ask(change).await.refused(422, "invalid_input");
        for own in ["request_id", "instance"] {
            refused.as_object_mut().unwrap().remove(own);
        }
        answers.push(refused);
    }
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:#?}");
    let said = answers[0].to_string();
    assert!(
        said.contains("colleague_unavailable") && !said.contains("leave") && !said.contains(&colleague.name),
        "{said}"
    );
    assert_eq!(f.told("attendance.swap.asked.v1"), [] as [Value; 0]);
    sees_the_team(f).await;
    assert_eq!(team.ask(json!({})).await.bad_fields(), [("/date".to_owned(), "on_leave".to_owned())]);
}

#[tokio::test]
async fn what_is_wrong_besides_is_said_alone_whether_or_not_the_colleague_is_free() {
    let team = team().await;
    // Of each pair the first could be had of the colleague, and the second could not.
    for (free, not, expected) in [
        (json!({"reason": ""}), json!({"date": "2026-06-02", "reason": ""}), ("/reason", "length")),
        (json!({"date": "2026-06-04"}), json!({"date": "2026-06-05"}), ("/date", "not_planned")),
        (
            json!({"date": "2026-06-03", "with_date": "2026-06-04"}),
            json!({"date": "2026-06-03", "with_date": "2026-06-05"}),
            ("/date", "not_planned"),
        ),
        (
            json!({"date": "2026-06-02", "with_date": "2026-06-01"}),
            json!({"date": "2026-06-01", "with_date": "2026-06-02"}),
            ("/with_date", "not_free"),
        ),
    ] {
        for change in [free, not] {
            let found = team.ask(change.clone()).await.bad_fields();
            assert_eq!(found, [(expected.0.to_owned(), expected.1.to_owned())], "{change}");
        }
    }
    assert_eq!(team.f.told("attendance.swap.asked.v1"), [] as [Value; 0]);
    assert_eq!(team.ask(json!({"date": "2026-06-02"})).await.bad_fields()[0].1, HIDDEN.1, "nothing else is wrong");
    team.ask(json!({})).await.must(201);
}

#[tokio::test]
async fn a_swap_that_is_asked_for_again_after_midnight_is_the_same_one() {
    let team = team().await;
    let f = &team.f;
    let (evening, night) = (shift(f, "EV", "22:30", "23:30").await, shift(f, "NIGHT", "23:00", "04:00").await);
    plan(f, &f.world.worker, "2026-06-01", Some(&evening)).await;
    plan(f, &team.colleague, "2026-06-01", Some(&night)).await;
    let body = json!({"with_employee_id": team.colleague.employee_id, "date": "2026-06-01"});
    let ask = async || {
        let request = f.by(&f.world.worker).post(&f.world.path("/swaps")).header("idempotency-key", "tonight");
        send(request.json(&body)).await
    };
    f.set_clock("2026-06-01T20:15:00Z");
    let made = ask().await.must(201);
    f.set_clock("2026-06-01T22:15:00Z");
    assert_eq!(team.ask(json!({})).await.bad_fields()[0].1, "date_out_of_range", "anew it is too late");
    let again = ask().await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.must(201), made);
}

#[tokio::test]
async fn what_cannot_be_swapped_is_refused_with_the_field_that_says_why() {
    let team = team().await;
    let f = &team.f;
    let fields = |bad: &[(&str, &str)]| -> Vec<(String, String)> {
        bad.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
    };
    for (change, expected) in [
        (json!({"with_employee_id": f.world.worker.employee_id}), fields(&[("/with_employee_id", "same_person")])),
        (json!({"date": "2026-05-27"}), fields(&[("/date", "date_out_of_range")])),
        (
            json!({"with_date": "2027-06-01", "reason": ""}),
            fields(&[("/with_date", "date_out_of_range"), ("/reason", "length")]),
        ),
        (json!({"date": "2026-06-03"}), fields(&[("/date", "not_planned")])),
        (json!({"date": "2026-06-02"}), fields(&[HIDDEN])),
        (json!({"with_date": "2026-06-04"}), fields(&[HIDDEN])),
        (json!({"date": "2026-06-02", "with_date": "2026-06-01"}), fields(&[("/with_date", "not_free")])),
    ] {
        assert_eq!(team.ask(change.clone()).await.bad_fields(), expected, "{change}");
    }
    sees_the_team(f).await;
    for (change, expected) in [
        (json!({"date": "2026-06-03"}), fields(&[("/date", "not_planned"), ("/date", "not_planned")])),
        (json!({"date": "2026-06-02"}), fields(&[("/date", "not_planned")])),
        (json!({"date": "2026-06-02", "reason": ""}), fields(&[("/reason", "length"), ("/date", "not_planned")])),
        (json!({"with_date": "2026-06-04"}), fields(&[("/date", "not_free")])),
    ] {
        assert_eq!(team.ask(change.clone()).await.bad_fields(), expected, "{change}");
    }
    let stranger = rollcall_ids::EmployeeId::generate();
    // Org is away: whether it knows them cannot be said.
    assert_eq!(team.ask(json!({"with_employee_id": stranger})).await.status, 503);
    // Who works elsewhere has no shift to give here.
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let mut moved = team.colleague.clone();
    moved.version = 2;
    moved.assignments[0].valid_to = Some(date(2026, 5, 31));
    moved.assignments.push(assignment(f.world.team.unit_id, munich.site_id, date(2026, 6, 1), None));
    f.tell_employee(&moved).await;
    assert_eq!(team.ask(json!({})).await.bad_fields(), fields(&[("/with_employee_id", "other_site")]));
    // Who has begun cannot give it away.
    f.set_clock("2026-06-01T04:00:00Z");
    let found = team.ask(json!({})).await.bad_fields();
    assert!(found.contains(&("/date".to_owned(), "already_begun".to_owned())), "{found:?}");
    let nothing = json!({"with_employee_id": team.colleague.employee_id});
    f.post(&f.world.worker, "/swaps", &nothing).await.refused(400, "malformed_input");
    f.get(&f.world.worker, &format!("/swaps?employee_id={}", f.world.owner.employee_id))
        .await
        .refused(403, "forbidden");
    f.get(&f.world.owner, &format!("/swaps/{}", rollcall_ids::RosterSwapId::generate()))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_colleague_whom_nobody_knows_is_named_with_all_else_that_is_wrong() {
    let (f, _org) = crate::roster::beside_org().await;
    let World { manager, worker, .. } = f.world.clone();
    let stranger = rollcall_ids::EmployeeId::generate();
    for (body, expected) in [
        (
            json!({"with_employee_id": stranger, "date": "2026-05-01", "with_date": "2027-07-01", "reason": ""}),
            vec![
                ("/date", "date_out_of_range"),
                ("/with_date", "date_out_of_range"),
                ("/with_employee_id", "unknown_employee"),
                ("/reason", "length"),
            ],
        ),
        (
            json!({"with_employee_id": worker.employee_id, "date": "2026-05-01"}),
            vec![("/date", "date_out_of_range"), ("/with_employee_id", "same_person")],
        ),
        // Nothing is planned for either, of which the worker is told their own alone.
        (
            json!({"with_employee_id": manager.employee_id, "date": "2026-06-10", "reason": ""}),
            vec![("/reason", "length"), ("/date", "not_planned")],
        ),
    ] {
        let found = f.post(&worker, "/swaps", &body).await.bad_fields();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
        assert_eq!(found, expected, "{body}");
    }
}

#[tokio::test]
async fn an_auditor_reads_swaps_and_asks_for_none() {
    let Team { f, colleague, early } = team().await;
    let mut auditor = employee("7", f.world.team.unit_id, f.world.berlin.site_id, vec![]);
    let reads =
        [Permission::AttendanceRead, Permission::LeaveRead, Permission::RosterRead, Permission::ShiftsRead].into();
    auditor.grants = vec![Grant { role: "auditor".into(), permissions: reads, scope: Scope::Org }];
    f.tell_employee(&auditor).await;
    plan(&f, &auditor, "2026-06-01", Some(&early)).await;
    let possible = json!({"with_employee_id": colleague.employee_id, "date": "2026-06-01"});
    // Nor is an auditor told what is wrong, or that org, which is away, would have to say who somebody is.
    let unknown = json!({"with_employee_id": rollcall_ids::EmployeeId::generate(), "date": "2020-01-01"});
    for body in [&possible, &unknown, &json!({"date": 7})] {
        f.post(&auditor, "/swaps", body).await.refused(403, "forbidden");
    }
    let theirs = f.get(&auditor, &format!("/swaps?employee_id={}", colleague.employee_id)).await.must(200);
    assert_eq!(theirs["items"], json!([]));
    // With the right to record one's own work the same is asked for.
    auditor.version += 1;
    let permissions = [Permission::PunchesCreate].into();
    auditor.grants.push(Grant { role: "employee".into(), permissions, scope: Scope::Own });
    f.tell_employee(&auditor).await;
    f.post(&auditor, "/swaps", &possible).await.must(201);
}

#[tokio::test]
async fn what_has_changed_since_is_seen_when_it_is_accepted_and_when_it_is_approved() {
    let team = team().await;
    let World { owner, manager, worker, .. } = team.f.world.clone();
    let (f, colleague) = (&team.f, &team.colleague);
    let id = team.asked(json!({})).await;
    // Another plan, and back again by a later one of the same shift.
    plan(f, &worker, "2026-06-01", None).await;
    let found = team.obstacles(colleague, &id, "accept").await;
    assert_eq!(found, ["not_planned", "plan_changed"]);
    assert_eq!(f.get(&worker, &format!("/swaps/{id}")).await.body["level"], 0, "nothing has happened");
    plan(f, &worker, "2026-06-01", Some(&team.early)).await;
    team.say(colleague, &id, "accept").await.must(200);

    // Other times of a shift are another plan.
    let longer = json!({"code": "E", "name": "E", "start": "05:00", "end": "14:00", "valid_from": "2026-06-01"});
    let changed = f.put_at(&owner, &format!("/shifts/{}", team.early), 1, &longer).await;
    changed.must(200);
    assert_eq!(team.obstacles(&manager, &id, "approve").await, ["plan_changed"]);
    team.say(&manager, &id, "reject").await.must(200);

    // Leave that was approved meanwhile.
    let id = team.asked(json!({})).await;
    team.say(colleague, &id, "accept").await.must(200);
    let sick = crate::leave::leave_type(f, json!({"code": "SICK", "from_balance": false})).await;
    let away = json!({"leave_type_id": sick, "from": "2026-06-01", "to": "2026-06-01"});
    let away = f.post(&worker, "/leave-requests", &away).await.must(201);
    let away = away["leave_request_id"].as_str().unwrap();
    f.post(&manager, &format!("/leave-requests/{away}/approve"), &json!({})).await.must(200);
    assert_eq!(team.obstacles(&manager, &id, "approve").await, ["on_leave"]);
    f.post(&worker, &format!("/leave-requests/{away}/cancel"), &json!({})).await.must(200);

    // Who leaves before the day.
    let mut gone = colleague.clone();
    (gone.version, gone.left_on) = (2, Some(date(2026, 5, 31)));
    f.tell_employee(&gone).await;
    let found = team.obstacles(&manager, &id, "approve").await;
    assert!(found.contains(&"not_employed".to_owned()), "{found:?}");
    let (codes, version) = plans(f, &worker).await;
    assert_eq!(codes, ["E", "E", "-", "-", "-"]);
    (gone.version, gone.left_on) = (3, None);
    f.tell_employee(&gone).await;

    // The day begins before anybody has decided.
    f.set_clock("2026-06-01T03:00:00Z");
    assert_eq!(team.obstacles(&manager, &id, "approve").await, ["already_begun"]);
    assert_eq!(plans(f, &worker).await.1, version, "what is refused changes no roster");
}

#[tokio::test]
async fn of_two_swaps_of_one_shift_the_first_wins_and_a_swap_is_refused_or_taken_back_by_either() {
    let team = team().await;
    let World { owner, manager, worker, .. } = team.f.world.clone();
    let colleague = &team.colleague;
    let [first, second] = [team.asked(json!({})).await, team.asked(json!({})).await];
    for id in [&first, &second] {
        team.say(colleague, id, "accept").await.must(200);
    }
    let (one, two) = tokio::join!(team.say(&manager, &first, "approve"), team.say(&owner, &second, "approve"));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [200, 409]);
    assert_eq!(plans(&team.f, &worker).await.0, ["L", "E", "-", "-", "-"]);

    let body = json!({"date": "2026-06-02", "with_date": "2026-06-04"});
    let id = team.asked(body.clone()).await;
    let refused = team.say(colleague, &id, "reject").await.must(200);
    assert_eq!((&refused["status"], &refused["decided_by"]), (&json!("rejected"), &json!(colleague.employee_id)));
    assert_eq!((&refused["level"], &refused["note"]), (&json!(0), &json!("Because")));
    team.say(colleague, &id, "accept").await.refused(409, "already_decided");

    let id = team.asked(body.clone()).await;
    team.say(&manager, &id, "cancel").await.refused(403, "forbidden");
    team.say(&worker, &id, "cancel").await.must(200);
    let told = team.f.told("attendance.swap.decided.v1");
    let last = told.last().unwrap();
    assert_eq!((&last["verdict"], &last["approver_ids"]), (&json!("cancelled"), &json!([colleague.employee_id])));
    let id = team.asked(body).await;
    team.say(colleague, &id, "accept").await.must(200);
    team.say(colleague, &id, "cancel").await.must(200);
    team.say(&manager, &id, "approve").await.refused(409, "already_decided");
}

/// A team whose colleague has a short shift on Monday and waits for leave of that day, and for the manager to approve
/// the swap of it; the ids of both.
async fn with_leave() -> (Team, String, String) {
    let team = team().await;
    let f = &team.f;
    let short = shift(f, "S", "14:00", "18:00").await;
    plan(f, &team.colleague, "2026-06-01", Some(&short)).await;
    let swap = team.asked(json!({})).await;
    team.say(&team.colleague, &swap, "accept").await.must(200);
    let sick = crate::leave::leave_type(f, json!({"code": "SICK", "from_balance": false})).await;
    let away = json!({"leave_type_id": sick, "from": "2026-06-01", "to": "2026-06-01"});
    let away = f.post(&team.colleague, "/leave-requests", &away).await.must(201);
    assert_eq!(away["minutes"], 240);
    let leave = away["leave_request_id"].as_str().unwrap().to_owned();
    (team, swap, leave)
}

impl Team {
    async fn approve_leave(&self, id: &str) -> Reply {
        self.f.post(&self.f.world.manager, &format!("/leave-requests/{id}/approve"), &json!({})).await
    }
}

#[tokio::test]
async fn nobody_takes_over_a_shift_of_a_day_for_which_their_leave_is_being_approved() {
    let (team, swap, leave) = with_leave().await;
    // The leave has been looked at, and is not committed.
    let gate = Gate::closed(&team.f, "leave_requests");
    let then = async {
        waiting(&team.f, 1).await;
        let open = async {
            waiting(&team.f, 2).await;
            gate.open();
        };
        tokio::join!(team.say(&team.f.world.owner, &swap, "approve"), open).0
    };
    let (approved, swapped) = tokio::join!(team.approve_leave(&leave), then);
    assert_eq!(approved.must(200)["minutes"], 240);
    let refused = swapped.refused(409, "swap_impossible");
    assert_eq!(refused["obstacles"][0]["code"], "on_leave");
    assert_eq!(plans(&team.f, &team.colleague).await.0, ["S", "-", "-", "E", "-"]);
}

#[tokio::test]
async fn leave_that_is_approved_while_a_swap_is_costs_the_shift_that_was_taken_over() {
    let (team, swap, leave) = with_leave().await;
    let gate = Gate::by(&team.f, "LOCK TABLE roster_entries IN SHARE MODE");
    let then = async {
        waiting(&team.f, 1).await;
        let open = async {
            waiting(&team.f, 2).await;
            gate.open();
        };
        tokio::join!(team.approve_leave(&leave), open).0
    };
    let (swapped, approved) = tokio::join!(team.say(&team.f.world.owner, &swap, "approve"), then);
    swapped.must(200);
    assert_eq!(approved.must(200)["minutes"], 480);
}

#[tokio::test]
async fn a_swap_that_meets_the_lock_of_its_period_is_in_the_frozen_days_or_refused() {
    for lock_first in [false, true] {
        let team = team().await;
        let (f, owner) = (&team.f, &team.f.world.owner);
        let id = team.asked(json!({})).await;
        team.say(&team.colleague, &id, "accept").await.must(200);
        let period = f.post(owner, "/periods", &json!({"from": "2026-06-01", "to": "2026-06-07"})).await.must(201);
        let period = period["period_id"].as_str().unwrap();
        // The swap is decided before the shifts begin, and the lock after the week.
        let swap = async { team.say(&f.world.manager, &id, "approve").await };
        let lock = async { crate::periods::lock(f, period, 1).await };
        let table = if lock_first { "audit_events" } else { "roster_entries" };
        let gate = Gate::by(f, &format!("LOCK TABLE {table} IN SHARE MODE"));
        let both_wait = async {
            waiting(f, 2).await;
            gate.open();
        };
        let swapped = if lock_first {
            f.set_clock("2026-06-10T08:00:00Z");
            let then = async {
                waiting(f, 1).await;
                f.set_clock("2026-05-31T08:00:00Z");
                tokio::join!(swap, both_wait).0
            };
            tokio::join!(lock, then).1
        } else {
            let then = async {
                waiting(f, 1).await;
                f.set_clock("2026-06-10T08:00:00Z");
                tokio::join!(lock, both_wait)
            };
            tokio::join!(swap, then).0
        };
        f.set_clock("2026-06-10T08:00:00Z");
        let begins = if lock_first {
            let refused = swapped.refused(409, "swap_impossible");
            assert_eq!(refused["obstacles"][0]["code"], "period_locked");
            "2026-06-01T04:00:00Z"
        } else {
            swapped.must(200);
            "2026-06-01T12:00:00Z"
        };
        let day = f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-01").await[0].clone();
        assert_eq!((&day["frozen"], &day["planned_start"]), (&json!(true), &json!(begins)));
    }
}
