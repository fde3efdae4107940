//! A service that starts empty, or that was away when events came, takes over the whole.

use crate::support::{Fixture, World, event, send};
use diesel::prelude::*;
use rollcall_attendance::App;
use rollcall_org_api::events::ORG_CHANGED;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::internal::member_by_user_path;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TEAM: &str = "from=2026-06-01&to=2026-06-01";

async fn with_org() -> (Fixture, MockServer) {
    let org = MockServer::start().await;
    let uri = org.uri();
    let service: TestService<App> = TestService::with(|settings| set(settings, "peers.org.url", uri)).await;
    (Fixture { service, world: World::new() }, org)
}

fn page(world: &World, people: &[&EmployeeFact], first: bool, next: Option<&str>) -> ResponseTemplate {
    let (units, sites) = if first { (vec![&world.root, &world.team], vec![&world.berlin]) } else { (vec![], vec![]) };
    let calendars = if first { vec![&world.holidays] } else { vec![] };
    let page = json!({
        "org": world.org, "units": units, "sites": sites, "holiday_calendars": calendars, "employees": people,
        "next_cursor": next,
    });
    ResponseTemplate::new(200).set_body_json(page)
}

/// The snapshot in two pages.
async fn has_snapshot(org: &MockServer, world: &World) {
    let at = format!("/internal/v1/orgs/{}/snapshot", world.org.org_id);
    let first = page(world, &[&world.owner, &world.manager], true, Some("bmV4dA"));
    let get = || Mock::given(method("GET")).and(path(at.clone()));
    get().and(query_param_is_missing("cursor")).respond_with(first).mount(org).await;
    let second = page(world, &[&world.worker], false, None);
    get().and(query_param("cursor", "bmV4dA")).respond_with(second).mount(org).await;
}

async fn pages_read(org: &MockServer) -> usize {
    let all = org.received_requests().await.unwrap();
    all.iter().filter(|request| request.url.path().ends_with("/snapshot")).count()
}

/// Waits until the owner sees so many people's days in the team.
async fn sees_in_team(f: &Fixture, expected: usize) -> Vec<Value> {
    let query = format!("/workdays?unit_id={}&{TEAM}", f.world.team.unit_id);
    let seen = async {
        loop {
            let reply = f.get(&f.world.owner, &query).await;
            let items = reply.body["items"].as_array().cloned().unwrap_or_default();
            if reply.status == 200 && items.len() == expected {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap()
}

#[tokio::test]
async fn one_event_of_an_organisation_that_is_not_known_brings_all_of_it() {
    let (f, org) = with_org().await;
    has_snapshot(&org, &f.world).await;
    f.tell(&[event(f.world.org.org_id, ORG_CHANGED, 1, &f.world.org)]).await;
    sees_in_team(&f, 2).await;
    assert_eq!(pages_read(&org).await, 2);
    // Once is enough.
    f.tell_all(&f.world).await;
    f.punch(&f.world.worker, "k", &json!({})).await.must(201);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pages_read(&org).await, 2);
}

#[tokio::test]
async fn one_member_of_an_organisation_that_is_not_known_brings_all_of_it() {
    let (f, org) = with_org().await;
    has_snapshot(&org, &f.world).await;
    let by_user = member_by_user_path(f.world.org.org_id, f.world.owner.user_id.unwrap());
    let answer = ResponseTemplate::new(200).set_body_json(f.world.member(&f.world.owner));
    Mock::given(method("GET")).and(path(by_user)).respond_with(answer).mount(&org).await;
    send(f.by(&f.world.owner).get(&f.world.path("/punches"))).await.must(200);
    sees_in_team(&f, 2).await;
}

#[tokio::test]
async fn the_command_takes_over_every_organisation_once() {
    let (f, org) = with_org().await;
    has_snapshot(&org, &f.world).await;
    let page = ResponseTemplate::new(200).set_body_json(json!({"items": [f.world.org], "next_cursor": null}));
    Mock::given(method("GET")).and(path("/internal/v1/orgs")).respond_with(page).mount(&org).await;
    assert_eq!(f.service.app().backfill().await.unwrap(), 1);
    sees_in_team(&f, 2).await;
    assert_eq!(f.service.app().backfill().await.unwrap(), 0);
    assert_eq!(pages_read(&org).await, 2);
}

#[tokio::test]
async fn while_org_is_away_it_is_tried_again_and_what_events_said_is_not_lost() {
    let (f, org) = with_org().await;
    let mut renamed = f.world.worker.clone();
    renamed.version = 5;
    renamed.grants.clear();
    let away = Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount_as_scoped(&org).await;
    f.tell_employee(&renamed).await;
    let asked = async {
        while pages_read(&org).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap();
    drop(away);
    has_snapshot(&org, &f.world).await;
    sees_in_team(&f, 2).await;
    // The snapshot has version 1 of the worker, the event had version 5.
    f.punch(&f.world.worker, "k", &json!({})).await.refused(403, "forbidden");
}

#[tokio::test]
async fn what_changes_while_pages_are_read_is_as_the_event_says_whichever_comes_last() {
    let (f, org) = with_org().await;
    let at = format!("/internal/v1/orgs/{}/snapshot", f.world.org.org_id);
    let get = || Mock::given(method("GET")).and(path(at.clone()));
    let slow = |page: ResponseTemplate| page.set_delay(Duration::from_millis(300));
    let first = slow(page(&f.world, &[&f.world.owner, &f.world.manager], true, Some("bmV4dA")));
    get().and(query_param_is_missing("cursor")).respond_with(first).mount(&org).await;
    let second = slow(page(&f.world, &[&f.world.worker], false, None));
    get().and(query_param("cursor", "bmV4dA")).respond_with(second).mount(&org).await;
    f.tell(&[event(f.world.org.org_id, ORG_CHANGED, 1, &f.world.org)]).await;
    // Steadily while both pages are on their way, and before the second is.
    let mut worker = f.world.worker.clone();
    worker.grants.clear();
    while pages_read(&org).await < 2 {
        worker.version += 1;
        f.tell_employee(&worker).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sees_in_team(&f, 2).await;
    // The page says version 1 with all grants.
    f.punch(&f.world.worker, "k", &json!({})).await.refused(403, "forbidden");
}

#[tokio::test]
async fn an_organisation_taken_over_by_a_release_that_kept_less_is_taken_over_again() {
    let (mut f, org) = with_org().await;
    f.world.berlin.holiday_calendar_id = Some(f.world.holidays.holiday_calendar_id);
    has_snapshot(&org, &f.world).await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    // As the release before wrote it.
    let done = format!("INSERT INTO whole_copies VALUES ('{}', 3, now(), now())", f.world.org.org_id);
    diesel::sql_query(done).execute(&mut admin).unwrap();
    let shift = async {
        f.tell(&[event(f.world.org.org_id, ORG_CHANGED, 1, &f.world.org)]).await;
        sees_in_team(&f, 2).await;
        f.day_shift().await
    };
    f.plan_team(&shift.await, "2026-12-01", "2026-12-31").await;
    let day = f.workdays(&f.world.worker, "from=2026-12-25&to=2026-12-25").await;
    assert_eq!(day[0]["status"], "holiday");
}

#[tokio::test]
async fn an_organisation_with_a_zone_that_is_not_known_is_not_whole_before_it_is() {
    let (mut f, org) = with_org().await;
    let orgs = ResponseTemplate::new(200).set_body_json(json!({"items": [f.world.org], "next_cursor": null}));
    Mock::given(method("GET")).and(path("/internal/v1/orgs")).respond_with(orgs).mount(&org).await;
    let known = std::mem::replace(&mut f.world.berlin.time_zone, "Mars/Olympus".into());
    let at = format!("/internal/v1/orgs/{}/snapshot", f.world.org.org_id);
    let all = |world: &World| page(world, &[&world.owner, &world.manager, &world.worker], true, None);
    let unknown = Mock::given(method("GET")).and(path(&*at)).respond_with(all(&f.world));
    let unknown = unknown.mount_as_scoped(&org).await;
    f.service.app().backfill().await.unwrap_err();
    drop(unknown);
    f.world.berlin.time_zone = known;
    Mock::given(method("GET")).and(path(at)).respond_with(all(&f.world)).mount(&org).await;
    assert_eq!(f.service.app().backfill().await.unwrap(), 1);
    sees_in_team(&f, 2).await;
}
