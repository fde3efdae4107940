//! `/roster`.

use crate::support::{Fixture, World};
use rollcall_attendance::App;
use rollcall_ids::{EmployeeId, RotationId, ShiftId, SiteId, UnitId};
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use wiremock::MockServer;

/// With an org that answers: it knows nobody but those of whom it has told.
pub(crate) async fn beside_org() -> (Fixture, MockServer) {
    let org = MockServer::start().await; // every question is answered 404
    let service: TestService<App> = TestService::with(|settings| set(settings, "peers.org.url", org.uri())).await;
    (Fixture::on(service).await, org)
}

async fn shift(f: &Fixture, code: &str, start: &str) -> String {
    let body = json!({"code": code, "name": code, "start": start, "end": "23:00"});
    let made = f.post(&f.world.owner, "/shifts", &body).await.must(201);
    made["shift_id"].as_str().unwrap().to_owned()
}

/// The codes of the days from the 1st on, `-` for none, with who planned.
async fn plan(f: &Fixture, days: u32) -> Vec<String> {
    let query = format!("/roster?from=2026-06-01&to=2026-06-{days:02}");
    let plan = f.get(&f.world.worker, &query).await.must(200);
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {}", word(&d["shift_code"]), word(&d["planned_by"])))
        .collect()
}

#[tokio::test]
async fn a_person_beats_a_unit_beats_a_site_and_later_beats_earlier() {
    let f = Fixture::start().await;
    let w = &f.world;
    let [early, morning, day, late] = [
        shift(&f, "A", "06:00").await,
        shift(&f, "B", "07:00").await,
        shift(&f, "C", "08:00").await,
        shift(&f, "D", "09:00").await,
    ];
    let on = |n: u32| format!("2026-06-{n:02}");
    let put = async |target: Value, from: u32, to: u32, shift: Option<&String>| {
        let mut entry = json!({"from": on(from), "to": on(to), "shift_id": shift});
        entry.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        f.put(&w.owner, "/roster", &json!({"entries": [entry]})).await.must(200)
    };
    put(json!({"employee_id": w.worker.employee_id}), 5, 6, Some(&late)).await;
    put(json!({"employee_id": w.worker.employee_id}), 6, 6, None).await;
    put(json!({"unit_id": w.root.unit_id}), 2, 6, Some(&morning)).await;
    put(json!({"unit_id": w.team.unit_id}), 4, 6, Some(&day)).await;
    put(json!({"site_id": w.berlin.site_id}), 1, 6, Some(&early)).await;
    assert_eq!(plan(&f, 7).await, ["A site", "B unit", "B unit", "C unit", "D employee", "- employee", "- -"]);
}

#[tokio::test]
async fn an_entry_stands_with_all_its_neighbours_or_not_at_all() {
    let f = Fixture::start().await;
    let a = shift(&f, "A", "06:00").await;
    let good = json!({"unit_id": f.world.team.unit_id, "from": "2026-06-01", "to": "2026-06-01", "shift_id": a});
    let bad = json!({"unit_id": f.world.team.unit_id, "from": "2026-06-01", "to": "2026-06-01",
        "shift_id": ShiftId::generate()});
    // Org is away; a shift is attendance's own, so that it is unknown is certain.
    let answer = f.put(&f.world.owner, "/roster", &json!({"entries": [good, bad]})).await;
    assert_eq!(answer.bad_fields(), [("/entries/1/shift_id".to_owned(), "unknown_shift".to_owned())]);
    assert_eq!(plan(&f, 1).await, ["- -"]);
}

#[tokio::test]
async fn what_is_wrong_and_what_is_unknown_are_named_at_once() {
    let (f, _org) = beside_org().await;
    let World { owner, manager, worker, team, berlin, .. } = f.world.clone();
    let nobody = EmployeeId::generate();
    let backwards = json!({"unit_id": team.unit_id, "from": "2026-06-02", "to": "2026-06-01",
        "shift_id": ShiftId::generate()});
    let for_two = json!({"employee_id": nobody, "site_id": SiteId::generate(), "from": "2026-06-01", "to": "2026-06-01",
        "shift_id": null});
    let for_none = json!({"from": "1899-12-31", "to": "2026-06-01", "rotation_id": RotationId::generate()});
    let nowhere = json!({"unit_id": UnitId::generate(), "from": "2026-06-01", "to": "2026-06-01", "shift_id": null});
    let entries = json!({"entries": [backwards, for_two, for_none, nowhere]});
    let found = f.put(&owner, "/roster", &entries).await.bad_fields();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    let expected = [
        ("/entries/0/to", "before_from"),
        ("/entries/0/shift_id", "unknown_shift"),
        ("/entries/1", "one_target"),
        ("/entries/1/employee_id", "unknown_employee"),
        ("/entries/1/site_id", "unknown_site"),
        ("/entries/2", "one_target"),
        ("/entries/2/from", "date_out_of_range"),
        ("/entries/2/to", "range_too_long"),
        ("/entries/2/rotation_id", "unknown_rotation"),
        ("/entries/3/unit_id", "unknown_unit"),
    ];
    assert_eq!(found, expected);
    // Whoever may not plan for one of them is told nothing of what is wrong, nor whether a unit or site is there.
    let own = json!({"employee_id": worker.employee_id, "from": "2026-06-02", "to": "2026-06-01", "shift_id": null});
    let refused = f.put(&manager, "/roster", &json!({"entries": [own.clone()]})).await.bad_fields();
    assert_eq!(refused, [("/entries/0/to".to_owned(), "before_from".to_owned())]);
    for target in [
        json!({"employee_id": owner.employee_id}),
        json!({"site_id": berlin.site_id}),
        json!({"site_id": SiteId::generate()}),
        json!({"unit_id": UnitId::generate()}),
        json!({"employee_id": worker.employee_id, "site_id": berlin.site_id}),
    ] {
        let mut other = json!({"from": "2026-06-02", "to": "2026-06-01", "shift_id": ShiftId::generate()});
        other.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let entries = json!({"entries": [own.clone(), other]});
        f.put(&manager, "/roster", &entries).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn while_org_is_away_it_cannot_be_said_who_may_plan_for_somebody_unknown() {
    let f = Fixture::start().await;
    let entry = json!({"employee_id": EmployeeId::generate(), "from": "2026-06-02", "to": "2026-06-01",
        "shift_id": null});
    f.put(&f.world.owner, "/roster", &json!({"entries": [entry]})).await.refused(503, "unavailable");
}

#[tokio::test]
async fn a_day_says_when_and_in_which_zone() {
    let f = Fixture::start().await;
    let id = f.day_shift().await;
    f.plan_team(&id, "2026-06-01", "2026-06-01").await;
    let plan = f.get(&f.world.worker, "/roster?from=2026-06-01&to=2026-06-01").await.must(200);
    let day = &plan["items"][0];
    assert_eq!(
        (&day["start"], &day["end"], &day["time_zone"]),
        (&json!("09:00"), &json!("18:00"), &json!("Europe/Berlin"))
    );
    assert_eq!(day["shift_id"], id);
}

#[tokio::test]
async fn a_roster_of_500_plans_is_taken() {
    let f = Fixture::start().await;
    let a = shift(&f, "A", "06:00").await;
    let entry =
        json!({"employee_id": f.world.worker.employee_id, "from": "2026-06-01", "to": "2026-06-01", "shift_id": a});
    let stored = f.put(&f.world.owner, "/roster", &json!({"entries": vec![entry; 500]})).await.must(200);
    assert_eq!(stored["entries"].as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn a_manager_plans_no_further_than_somebody_is_theirs() {
    let f = Fixture::start().await;
    let mut worker = f.world.worker.clone();
    worker.version = 2;
    worker.assignments[0].valid_to = Some(jiff::civil::date(2026, 6, 15));
    let mut next = worker.assignments[0].clone();
    next.assignment_id = rollcall_ids::AssignmentId::generate();
    (next.unit_id, next.manager_id) = (f.world.root.unit_id, None);
    (next.valid_from, next.valid_to) = (jiff::civil::date(2026, 6, 16), None);
    worker.assignments.push(next);
    f.tell_employee(&worker).await;
    let plan = |to: &str| {
        let entry = json!({"employee_id": worker.employee_id, "from": "2026-06-10", "to": to, "shift_id": null});
        json!({"entries": [entry]})
    };
    f.put(&f.world.manager, "/roster", &plan("2026-06-15")).await.must(200);
    f.put(&f.world.manager, "/roster", &plan("2026-06-16")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn who_may_plan_for_nobody_learns_nothing_of_who_exists() {
    // Org is away: if it were asked, the answer would be 503.
    let f = Fixture::start().await;
    let somebody = EmployeeId::generate();
    let entry = json!({"employee_id": somebody, "from": "2026-06-10", "to": "2026-06-10", "shift_id": null});
    for body in [json!({"entries": [entry]}), json!({"entries": []}), json!({"entries": 7})] {
        f.put(&f.world.worker, "/roster", &body).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_plan_names_the_version_it_was_made_against_also_the_first() {
    let f = Fixture::start().await;
    let owner = &f.world.owner;
    let read = f.get(owner, "/roster?from=2026-06-01&to=2026-06-01").await;
    assert_eq!(read.header("etag"), "\"0\"");
    let body = json!({"entries": [{"unit_id": f.world.team.unit_id, "from": "2026-06-10", "to": "2026-06-10", "shift_id": null}]});
    let put = || f.by(owner).put(&f.world.path("/roster")).json(&body);
    crate::support::send(put()).await.refused(428, "if_match_required");
    crate::support::send(put().header("if-match", "*")).await.refused(428, "if_match_required");
    f.put_at(owner, "/roster", 1, &body).await.refused(412, "version_mismatch");
    let stored = f.put_at(owner, "/roster", 0, &body).await;
    assert_eq!(stored.header("etag"), "\"1\"");
    stored.must(200);
    f.put_at(owner, "/roster", 0, &body).await.refused(412, "version_mismatch");
    // Of two who plan against one version, one is told to read again.
    let (one, other) = tokio::join!(f.put_at(owner, "/roster", 1, &body), f.put_at(owner, "/roster", 1, &body));
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [200, 412]);
}

#[tokio::test]
async fn who_is_planned_otherwise_on_a_day_to_come_is_told_once_per_request() {
    let f = Fixture::that_tells().await;
    let w = &f.world;
    let shift = f.day_shift().await;
    let kind = "attendance.roster.changed.v1";
    // The clock shows the first of June: the past, and today, are nothing to be told of.
    f.plan_team(&shift, "2026-05-01", "2026-06-01").await;
    assert_eq!(f.told(kind), [json!(null); 0]);
    let entry = |target: Value, from: &str, to: &str| {
        let mut entry = json!({"from": from, "to": to, "shift_id": shift});
        entry.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        entry
    };
    let entries = json!({"entries": [
        entry(json!({"unit_id": w.team.unit_id}), "2026-05-20", "2026-06-05"),
        entry(json!({"employee_id": w.worker.employee_id}), "2026-06-04", "2026-06-08"),
    ]});
    f.put(&w.owner, "/roster", &entries).await.must(200);
    let told = f.told(kind);
    let of = |who: &rollcall_org_api::facts::EmployeeFact| {
        let mine: Vec<_> = told.iter().filter(|data| data["employee_id"] == json!(who.employee_id)).collect();
        assert_eq!(mine.len(), 1, "{told:?}");
        (mine[0]["from"].clone(), mine[0]["to"].clone(), mine[0]["days"].clone())
    };
    assert_eq!(told.len(), 2);
    assert_eq!(of(&w.manager), (json!("2026-06-02"), json!("2026-06-05"), json!(4)));
    assert_eq!(of(&w.worker), (json!("2026-06-02"), json!("2026-06-08"), json!(7)));
    // The same once more changes nothing for anybody, and who plans for themselves knows it.
    f.put(&w.owner, "/roster", &entries).await.must(200);
    let own = json!({"entries": [entry(json!({"employee_id": w.owner.employee_id}), "2026-06-04", "2026-06-08")]});
    f.put(&w.owner, "/roster", &own).await.must(200);
    assert_eq!(f.told(kind).len(), 2);
}

#[tokio::test]
async fn who_is_planned_for_a_shift_whose_times_change_is_told_of_the_next_days() {
    let f = Fixture::that_tells().await;
    let w = &f.world;
    let kind = "attendance.roster.changed.v1";
    let night = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00"});
    let night = f.post(&w.owner, "/shifts", &night).await.must(201)["shift_id"].clone();
    let day = f.day_shift().await;
    // The worker by a rotation of the unit, until the end of the year; the manager by a plan of their own.
    let body = json!({"name": "Cycle", "anchor_date": "2026-06-01", "cycle": [night, day]});
    let rotation = f.post(&w.owner, "/rotations", &body).await.must(201)["rotation_id"].clone();
    let entries = json!({"entries": [
        {"unit_id": w.team.unit_id, "from": "2026-05-01", "to": "2026-12-31", "rotation_id": rotation},
        {"employee_id": w.manager.employee_id, "from": "2026-05-01", "to": "2026-06-04", "shift_id": day},
        {"employee_id": w.manager.employee_id, "from": "2026-06-05", "to": "2026-12-31", "shift_id": null},
        {"employee_id": w.owner.employee_id, "from": "2026-06-01", "to": "2026-06-30", "shift_id": day},
    ]});
    f.put(&w.owner, "/roster", &entries).await.must(200);
    let before = f.told(kind).len();
    let change = async |version, change: Value| {
        let mut body = json!({
            "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00", "breaks": [{"start": "12:00", "end": "13:00"}],
        });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        f.put_at(&w.owner, &format!("/shifts/{day}"), version, &body).await.must(200);
        f.told(kind)[before..].to_vec()
    };
    assert_eq!(change(1, json!({"name": "By day", "grace_in": 5})).await, [json!(null); 0], "the times are the same");
    let told = change(2, json!({"start": "08:00", "valid_from": "2026-06-03"})).await;
    let of = |told: &[Value], who: &rollcall_org_api::facts::EmployeeFact| {
        let mine: Vec<_> = told.iter().filter(|data| data["employee_id"] == json!(who.employee_id)).collect();
        assert_eq!(mine.len(), 1, "{told:?}");
        (mine[0]["from"].clone(), mine[0]["to"].clone(), mine[0]["days"].clone())
    };
    assert_eq!(told.len(), 2, "whoever changes it knows it");
    assert_eq!(of(&told, &w.manager), (json!("2026-06-03"), json!("2026-06-04"), json!(2)));
    // Every other day, as far as anybody is told.
    assert_eq!(of(&told, &w.worker), (json!("2026-06-04"), json!("2026-08-01"), json!(30)));
    let breaks = json!([{"start": "12:30", "end": "13:00"}]);
    let told = change(3, json!({"start": "08:00", "breaks": breaks, "valid_from": "2026-06-05"})).await;
    assert_eq!(told.len(), 3, "the manager has none of these days");
    assert_eq!(of(&told[2..], &w.worker), (json!("2026-06-06"), json!("2026-08-01"), json!(29)));
    // Further ahead than anybody is told of.
    assert_eq!(change(4, json!({"start": "07:00", "valid_from": "2026-10-01"})).await.len(), 3);
}

#[tokio::test]
async fn the_calendar_of_a_unit_has_everybody_whom_one_may_see_page_by_page() {
    let f = Fixture::start().await;
    let w = &f.world;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-02").await;
    let path =
        |query: &str| format!("/roster/calendar?unit_id={}&from=2026-06-02&to=2026-06-03{query}", w.team.unit_id);
    let first = f.get(&w.manager, &path("&limit=1")).await;
    assert_eq!(first.header("etag"), "\"1\"");
    let first = first.must(200);
    assert_eq!(first["items"][0]["employee_id"], json!(w.manager.employee_id));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = f.get(&w.manager, &path(&format!("&limit=1&cursor={cursor}"))).await.must(200);
    let days = second["items"][0]["items"].as_array().unwrap();
    assert_eq!(second["items"][0]["employee_id"], json!(w.worker.employee_id));
    assert_eq!((&days[0]["shift_code"], &days[1]["shift_code"]), (&json!("DAY"), &json!(null)));
    let of_worker = f.get(&w.worker, &path("")).await.must(200);
    assert_eq!(of_worker["items"].as_array().unwrap().len(), 1, "oneself alone");
    let unknown = format!("/roster/calendar?unit_id={}&from=2026-06-02&to=2026-06-03", UnitId::generate());
    assert_eq!(f.get(&w.owner, &unknown).await.bad_fields(), [("?unit_id".to_owned(), "unknown_unit".to_owned())]);
}
