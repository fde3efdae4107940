//! The local copy of org's facts.

use crate::support::{Fixture, World, assignment, event, send};
use jiff::civil::date;
use rollcall_attendance::App;
use rollcall_org_api::events::{EMPLOYEE_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED};
use rollcall_org_api::facts::EarlierZone;
use rollcall_org_api::internal::{member_by_user_path, member_path};
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The service with an org that answers what is arranged, and 404 otherwise.
async fn with_org() -> (TestService<App>, MockServer) {
    let org = MockServer::start().await;
    let uri = org.uri();
    let service = TestService::with(|settings| set(settings, "peers.org.url", uri)).await;
    (service, org)
}

async fn knows(org: &MockServer, world: &World, person: &rollcall_org_api::facts::EmployeeFact) {
    let answer = || ResponseTemplate::new(200).set_body_json(world.member(person));
    let by_user = member_by_user_path(world.org.org_id, person.user_id.unwrap());
    Mock::given(method("GET")).and(path(by_user)).respond_with(answer()).mount(org).await;
    let by_id = member_path(world.org.org_id, person.employee_id);
    Mock::given(method("GET")).and(path(by_id)).respond_with(answer()).mount(org).await;
}

/// Questions about members.
async fn questions(org: &MockServer) -> usize {
    let all = org.received_requests().await.unwrap();
    all.iter().filter(|request| request.url.path().contains("/members/")).count()
}

#[tokio::test]
async fn a_known_member_punches_while_everything_else_is_away() {
    let f = Fixture::start().await;
    f.punch(&f.world.worker, "k", &json!({})).await.must(201);
    assert_eq!(f.get(&f.world.worker, "/punches").await.must(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_is_asked_about_a_member_who_is_known() {
    let (service, org) = with_org().await;
    let f = Fixture::on(service).await;
    f.punch(&f.world.worker, "k", &json!({})).await.must(201);
    f.get(&f.world.worker, "/workdays?from=2026-06-01&to=2026-06-01").await.must(200);
    assert_eq!(questions(&org).await, 0);
}

#[tokio::test]
async fn an_unknown_member_is_asked_about_once_and_remembered() {
    let (service, org) = with_org().await;
    let (f, world) = (Fixture { service, world: World::new() }, World::new());
    let f = Fixture { world: world.clone(), ..f };
    knows(&org, &world, &world.worker).await;
    f.punch(&world.worker, "a", &json!({})).await.must(201);
    assert_eq!(questions(&org).await, 1);
    org.reset().await;
    f.punch(&world.worker, "b", &json!({})).await.must(201);
    assert_eq!(questions(&org).await, 0);
}

#[tokio::test]
async fn an_unknown_member_while_org_is_away_is_told_to_come_again_not_that_they_are_none() {
    let f = Fixture { service: TestService::start().await, world: World::new() };
    let reply = f.punch(&f.world.worker, "k", &json!({})).await;
    assert_eq!(reply.header("retry-after"), "1");
    reply.refused(503, "unavailable");
}

#[tokio::test]
async fn a_stranger_is_asked_about_once_and_let_in_as_soon_as_they_join() {
    let (service, org) = with_org().await;
    let f = Fixture::on(service).await;
    let mut newcomer = f.world.worker.clone();
    newcomer.employee_id = rollcall_ids::EmployeeId::generate();
    newcomer.number = "9".into();
    newcomer.assignments[0].assignment_id = rollcall_ids::AssignmentId::generate();
    newcomer.user_id = Some(rollcall_ids::UserId::generate());
    for _ in 0..3 {
        f.punch(&newcomer, "k", &json!({})).await.refused(404, "not_found");
    }
    assert_eq!(questions(&org).await, 1);
    f.tell_employee(&newcomer).await;
    f.punch(&newcomer, "k", &json!({})).await.must(201);
}

#[tokio::test]
async fn an_older_version_that_comes_later_changes_nothing() {
    let f = Fixture::start().await;
    let newer = {
        let mut worker = f.world.worker.clone();
        worker.version = 7;
        worker.name = "Newer".into();
        worker.assignments[0].valid_to = Some(date(2026, 5, 31));
        worker.assignments.push(crate::support::assignment(
            f.world.root.unit_id,
            f.world.berlin.site_id,
            date(2026, 6, 1),
            None,
        ));
        worker
    };
    let older = {
        let mut worker = f.world.worker.clone();
        worker.version = 6;
        worker.grants.clear();
        worker
    };
    f.tell_employee(&newer).await;
    f.tell_employee(&older).await;
    // With the grants of the older version this would be 403.
    f.punch(&f.world.worker, "k", &json!({})).await.must(201);
    let in_team = |from: &str| format!("unit_id={}&from={from}&to={from}", f.world.team.unit_id);
    let numbers = |days: Vec<serde_json::Value>| days.len();
    assert_eq!(numbers(f.workdays(&f.world.owner, &in_team("2026-05-29")).await), 2, "manager and worker");
    assert_eq!(numbers(f.workdays(&f.world.owner, &in_team("2026-06-02")).await), 1, "the worker has moved");
}

#[tokio::test]
async fn a_delivery_that_comes_twice_has_its_effect_once() {
    let f = Fixture::start().await;
    let told = event(f.world.org.org_id, EMPLOYEE_CHANGED, 2, &{
        let mut w = f.world.worker.clone();
        w.version = 2;
        w
    });
    f.tell(std::slice::from_ref(&told)).await;
    let request = f.service.as_service("org").post("/internal/v1/events");
    let body = serde_json::to_string(&[told]).unwrap();
    let request = request.header("content-type", "application/cloudevents-batch+json").body(body);
    assert_eq!(send(request).await.must(200)["results"][0]["verdict"], "duplicate");
}

#[tokio::test]
async fn who_comes_or_leaves_does_so_by_the_day_though_nobody_says_it_again() {
    let f = Fixture::start().await;
    let mut leaving = f.world.worker.clone();
    leaving.version = 2;
    leaving.left_on = Some(jiff::civil::date(2026, 6, 1));
    f.tell_employee(&leaving).await;
    f.punch(&leaving, "last day", &json!({})).await.must(201);
    f.service.clock.advance(jiff::SignedDuration::from_hours(24));
    f.punch(&leaving, "day after", &json!({})).await.refused(404, "not_found");
    let mut back = leaving.clone();
    back.version = 3;
    back.hired_on = jiff::civil::date(2026, 6, 3);
    back.left_on = None;
    f.tell_employee(&back).await;
    f.punch(&back, "day before", &json!({})).await.refused(404, "not_found");
    f.service.clock.advance(jiff::SignedDuration::from_hours(24));
    f.punch(&back, "first day", &json!({})).await.must(201);
}

#[tokio::test]
async fn an_employee_a_unit_or_a_site_whose_event_is_on_the_way_is_asked_for() {
    let (service, org) = with_org().await;
    let f = Fixture::on(service).await;
    let owner = f.world.owner.clone();
    let mut world = f.world.clone();
    world.team = crate::support::unit("New team", Some(world.root.unit_id));
    world.berlin = crate::support::site("New site", "Asia/Shanghai");
    knows(&org, &world, &owner).await;
    let hired = crate::support::employee("8", world.team.unit_id, world.berlin.site_id, vec![]);
    knows(&org, &world, &hired).await;
    let entry =
        |target: &str, id: String| json!({target: id, "from": "2026-06-01", "to": "2026-06-30", "shift_id": null});
    let body = json!({"entries": [
        entry("unit_id", world.team.unit_id.to_string()),
        entry("site_id", world.berlin.site_id.to_string()),
        entry("employee_id", hired.employee_id.to_string()),
    ]});
    f.put(&owner, "/roster", &body).await.must(200);
    let unknown = entry("unit_id", rollcall_ids::UnitId::generate().to_string());
    let found = f.put(&owner, "/roster", &json!({"entries": [unknown]})).await.bad_fields();
    assert_eq!(found, [("/entries/0/unit_id".to_owned(), "unknown_unit".to_owned())]);
}

#[tokio::test]
async fn the_zone_follows_the_site() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    let mut moved = f.world.berlin.clone();
    moved.version = 2;
    moved.time_zone = "Asia/Kathmandu".into();
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 2, &moved)]).await;
    let day = &f.workdays(&f.world.worker, "from=2026-06-02&to=2026-06-02").await[0];
    assert_eq!(day["time_zone"], "Asia/Kathmandu");
    assert_eq!(day["planned_start"], "2026-06-02T03:15:00Z");
}

/// The days of June of the worker, as the owner sees them on the last one.
async fn june(f: &Fixture, from: &str, to: &str) -> Vec<Value> {
    let query = format!("employee_id={}&from=2026-06-{from}&to=2026-06-{to}", f.world.worker.employee_id);
    f.workdays(&f.world.owner, &query).await
}

async fn worked(f: &Fixture, times: &[&str]) {
    for at in times {
        let punch = json!({"employee_id": f.world.worker.employee_id, "at": at, "source": "import"});
        f.post(&f.world.owner, "/punches", &punch).await.must(201);
    }
}

#[tokio::test]
async fn a_site_that_moves_leaves_the_days_before_as_they_were() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    f.set_clock("2026-06-30T20:00:00Z");
    // Five minutes late on the clock of Berlin, and on that of London.
    worked(&f, &["2026-06-12T07:05:00Z", "2026-06-12T16:00:00Z"]).await;
    worked(&f, &["2026-06-17T08:05:00Z", "2026-06-17T17:00:00Z"]).await;
    let before = june(&f, "01", "14").await;
    assert_eq!((&before[11]["late_minutes"], &before[11]["status"]), (&json!(5), &json!("late")));
    assert_eq!(june(&f, "17", "17").await[0]["late_minutes"], 65);

    let berlin = EarlierZone { time_zone: "Europe/Berlin".into(), valid_to: date(2026, 6, 14) };
    let mut moved = f.world.berlin.clone();
    (moved.version, moved.time_zone, moved.earlier_zones) = (2, "Europe/London".into(), Some(vec![berlin]));
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 2, &moved)]).await;
    let as_moved = async || {
        assert_eq!(june(&f, "01", "14").await, before);
        let after = june(&f, "15", "17").await;
        assert!(after.iter().all(|day| day["time_zone"] == "Europe/London"), "{after:#?}");
        assert_eq!(after[0]["planned_start"], "2026-06-15T08:00:00Z");
        assert_eq!((&after[2]["late_minutes"], &after[2]["worked_minutes"]), (&json!(5), &json!(475)));
    };
    as_moved().await;

    // A release of org that does not know earlier zones gives the site another name.
    (moved.version, moved.name, moved.earlier_zones) = (3, "Office".into(), None);
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 3, &moved)]).await;
    as_moved().await;

    // It was Berlin all the time.
    (moved.version, moved.time_zone, moved.earlier_zones) = (4, "Europe/Berlin".into(), Some(vec![]));
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 4, &moved)]).await;
    assert_eq!(june(&f, "01", "14").await, before);
    assert_eq!(june(&f, "17", "17").await[0]["late_minutes"], 65);
}

#[tokio::test]
async fn who_moves_to_a_site_in_another_zone_is_judged_by_the_zone_of_each_day() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    let kathmandu = crate::support::site("Kathmandu", "Asia/Kathmandu");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &kathmandu)]).await;
    let mut worker = f.world.worker.clone();
    worker.version = 2;
    let (team, berlin) = (f.world.team.unit_id, f.world.berlin.site_id);
    worker.assignments = vec![
        assignment(team, berlin, date(2025, 1, 1), Some(date(2026, 6, 14))),
        assignment(team, kathmandu.site_id, date(2026, 6, 15), None),
    ];
    f.tell_employee(&worker).await;
    f.set_clock("2026-06-30T20:00:00Z");
    worked(&f, &["2026-06-12T07:00:00Z", "2026-06-12T16:00:00Z"]).await;
    worked(&f, &["2026-06-14T07:00:00Z", "2026-06-14T16:00:00Z"]).await;
    worked(&f, &["2026-06-15T03:15:00Z", "2026-06-15T12:15:00Z"]).await;
    worked(&f, &["2026-06-17T03:25:00Z", "2026-06-17T12:15:00Z"]).await;
    let days = june(&f, "12", "17").await;
    let seen: Vec<_> = [0, 2, 3, 5]
        .map(|n: usize| ["time_zone", "status", "worked_minutes", "late_minutes"].map(|field| days[n][field].clone()))
        .into();
    let (berlin, kathmandu) = ("Europe/Berlin", "Asia/Kathmandu");
    let expected = [
        (berlin, "present", 480, 0),
        (berlin, "present", 480, 0),
        (kathmandu, "present", 480, 0),
        (kathmandu, "late", 470, 10),
    ];
    assert_eq!(json!(seen), json!(expected));
}

#[tokio::test]
async fn a_zone_that_this_release_does_not_know_is_not_taken_for_another() {
    let f = Fixture::start().await;
    let org_id = f.world.org.org_id;
    let (mut now, mut once, mut org, mut team) =
        (f.world.berlin.clone(), f.world.berlin.clone(), f.world.org.clone(), f.world.team.clone());
    (now.version, now.time_zone) = (2, "Mars/Olympus".into());
    let mars = EarlierZone { time_zone: "Mars/Olympus".into(), valid_to: date(2026, 5, 1) };
    (once.version, once.earlier_zones) = (3, Some(vec![mars]));
    (org.version, org.time_zone) = (2, "Mars/Olympus".into());
    (team.version, team.name) = (2, "Renamed".into());
    let events = [
        event(org_id, SITE_CHANGED, 2, &now),
        event(org_id, SITE_CHANGED, 3, &once),
        event(org_id, ORG_CHANGED, 2, &org),
        event(org_id, UNIT_CHANGED, 2, &team),
    ];
    let request = f.service.as_service("org").post("/internal/v1/events");
    let request = request.header("content-type", "application/cloudevents-batch+json");
    let verdicts = send(request.body(json!(events).to_string())).await.must(200);
    let verdicts: Vec<_> = verdicts["results"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    // What is refused comes again, until a release takes it that knows the zone.
    assert_eq!(verdicts, ["failed", "failed", "failed", "applied"]);
    assert_eq!(june(&f, "01", "01").await[0]["time_zone"], "Europe/Berlin");
}
