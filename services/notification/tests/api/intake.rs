//! From events to messages.

use crate::support::{Person, World};
use serde_json::json;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, ResponseTemplate};

#[tokio::test]
async fn an_event_that_comes_twice_is_told_once() {
    let world = World::start().await;
    let event = world.outside_geofence();
    let first = world.send("attendance", std::slice::from_ref(&event)).await;
    let again = world.send("attendance", &[event.clone(), event]).await;
    assert_eq!(first[0]["verdict"], "applied");
    assert_eq!((&again[0]["verdict"], &again[1]["verdict"]), (&json!("duplicate"), &json!("duplicate")));
    world.wait_for_unread(world.manager.user_id, 1).await;
    let inbox = world.inbox(world.manager.user_id, "").await;
    assert_eq!(inbox.items.len(), 1);
    let told = &inbox.items[0];
    assert_eq!(told.title, "Li Wei punched 320 m from Hafen");
    assert_eq!(told.body, "The punch of 1 Jun 2026, 09:02 came from outside the geofence of Hafen.");
    assert_eq!((told.kind.as_str(), told.org_id), ("punch_outside_geofence", world.org_id));
    assert_eq!(told.about.employee_id, Some(world.employee.employee_id));
    assert!(told.about.punch_id.is_some() && told.read_at.is_none());
    assert_eq!(world.inbox(world.owner.user_id, "").await.items, [], "the manager alone is told");
}

#[tokio::test]
async fn the_message_is_in_the_language_its_reader_chose_and_not_in_that_of_the_organisation() {
    let world = World::empty(|_| {}).await;
    world.everybody_reads("zh-CN").await;
    world.send("org", &[world.org(1, "en"), world.is(world.manager, 1, true, &[]), world.accepted()]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert_eq!(world.inbox(world.manager.user_id, "").await.items[0].title, "Li Wei 已加入 Nordlicht");
    world.tell_manager(&["Ada"]).await;
    let asked = world.peers.received_requests().await.unwrap();
    let languages = asked.iter().filter(|request| request.url.path().starts_with("/internal/v1/users/"));
    assert_eq!(languages.count(), 1, "a language is asked for once");
}

#[tokio::test]
async fn with_user_away_the_message_comes_all_the_same_in_the_language_of_the_organisation() {
    let world = World::empty(|_| {}).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(500)).mount(&world.peers).await;
    world.send("org", &[world.org(1, "zh"), world.is(world.manager, 1, true, &[]), world.accepted()]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert_eq!(world.inbox(world.manager.user_id, "").await.items[0].title, "Li Wei 已加入 Nordlicht");
}

#[tokio::test]
async fn an_older_state_that_comes_late_changes_nothing() {
    let world = World::start().await;
    let stranger = Person { employee_id: world.manager.employee_id, ..Person::new() };
    let newest = world.is(world.manager, 5, true, &[]);
    let older = world.is(stranger, 4, true, &[]);
    world.send("org", &[newest, older]).await;
    world.tell_manager(&["Ada"]).await;
    assert_eq!(world.unread(stranger.user_id).await, 0);
}

#[tokio::test]
async fn where_the_manager_has_no_account_those_who_speak_for_the_organisation_are_told() {
    let world = World::start().await;
    let clerk = Person::new();
    let changes = [world.is(world.manager, 2, false, &[]), world.is(clerk, 1, true, &["hr_admin", "employee"])];
    world.send("org", &changes).await;
    world.send("org", &[world.accepted(), world.accepted_by("Ada", None)]).await;
    for told in [world.owner, clerk] {
        world.wait_for_unread(told.user_id, 2).await;
    }
    assert_eq!(world.unread(world.employee.user_id).await, 0);
}

#[tokio::test]
async fn who_has_left_or_has_not_begun_is_told_nothing_though_no_event_says_the_day_has_come() {
    let world = World::start().await;
    let (clerk, successor) = (Person::new(), Person::new());
    // In Berlin, two hours ahead of UTC: the first of June is the last day of one and the day before the other's first.
    let states = [
        world.works(world.manager, 2, "2026-01-01", Some("2026-06-01"), &["manager"]),
        world.works(clerk, 1, "2026-01-01", Some("2026-06-01"), &["hr_admin"]),
        world.works(successor, 1, "2026-06-02", None, &["hr_admin"]),
    ];
    world.send("org", &states).await;
    let speak = || [world.accepted(), world.accepted_by("Ada", None)];
    let unread = async || {
        let [a, b, c, d] = [world.manager, clerk, successor, world.owner].map(|person| world.unread(person.user_id));
        (a.await, b.await, c.await, d.await)
    };
    world.service.clock.set("2026-06-01T21:59:00Z".parse().unwrap());
    world.send("org", &speak()).await;
    world.wait_for_unread(world.owner.user_id, 1).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert_eq!(unread().await, (1, 1, 0, 1));

    world.service.clock.set("2026-06-01T22:01:00Z".parse().unwrap());
    world.send("org", &speak()).await;
    world.wait_for_unread(world.owner.user_id, 3).await;
    assert_eq!(unread().await, (1, 1, 2, 3));
}

#[tokio::test]
async fn nobody_is_told_about_themselves() {
    let mut world = World::start().await;
    world.employee = world.owner;
    world.send("org", &[world.accepted_by("The owner", None)]).await;
    world.send("org", &[world.accepted_by("The owner", Some(world.manager.employee_id))]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert_eq!(world.unread(world.owner.user_id).await, 0);
}

#[tokio::test]
async fn an_event_that_comes_before_the_facts_it_needs_is_told_when_they_come() {
    let world = World::empty(|_| {}).await;
    world.everybody_reads("en").await;
    let verdicts = world.send("org", &[world.accepted()]).await;
    assert_eq!(verdicts[0]["verdict"], "applied", "it is kept here, not sent again");
    assert_eq!(world.count("SELECT count(*) FROM deferred_events"), 1);
    world.send("org", &[world.is(world.manager, 1, true, &[]), world.org(1, "en")]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert_eq!(world.count("SELECT count(*) FROM deferred_events"), 0);
}

#[tokio::test]
async fn a_fact_that_never_came_is_asked_for() {
    let world = World::empty(|_| {}).await;
    world.everybody_reads("en").await;
    let member = json!({
        "org": world.org_fact(3, "en"), "employee": world.employee_fact(world.manager, 3, true, &["manager"]),
        "units": [], "sites": [],
    });
    let manager = format!("/internal/v1/orgs/{}/members/{}", world.org_id, world.manager.employee_id);
    Mock::given(method("GET"))
        .and(path(manager))
        .respond_with(ResponseTemplate::new(200).set_body_json(member))
        .expect(1)
        .mount(&world.peers)
        .await;
    world.send("org", &[world.accepted()]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
}

#[tokio::test]
async fn an_event_waits_while_org_is_away_and_is_told_once_it_is_back() {
    let world = World::empty(|_| {}).await;
    world.everybody_reads("en").await;
    let away = Mock::given(method("GET"))
        .and(path_regex("^/internal/v1/orgs/"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(4);
    away.mount(&world.peers).await;
    let member = json!({
        "org": world.org_fact(1, "en"), "employee": world.employee_fact(world.manager, 1, true, &[]),
        "units": [], "sites": [],
    });
    Mock::given(method("GET"))
        .and(path_regex("^/internal/v1/orgs/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(member))
        .mount(&world.peers)
        .await;
    world.send("org", &[world.accepted()]).await;
    let told = tokio::time::timeout(crate::support::PATIENCE, async {
        while world.unread(world.manager.user_id).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            // Access tokens last five minutes; what waits is due again within seconds.
            world.service.clock.advance(jiff::SignedDuration::from_millis(500));
        }
    });
    assert!(told.await.is_ok(), "it was never told");
    assert_eq!(world.unread(world.manager.user_id).await, 1);
}

#[tokio::test]
async fn a_bad_event_holds_back_no_other_and_one_of_no_interest_is_taken() {
    let world = World::start().await;
    let bad = world.event("org", "org.invitation.accepted.v1", &json!({ "employee_id": 7 }));
    let unknown = world.event("org", "org.weather.changed.v1", &json!({ "rain": true }));
    let mut homeless = world.accepted();
    homeless.as_object_mut().unwrap().remove("orgid");
    let foreign = world.outside_geofence();
    let verdicts = world.send("org", &[bad, unknown, homeless, foreign, world.accepted()]).await;
    let verdicts: Vec<_> = verdicts.iter().map(|v| (v["verdict"].as_str().unwrap(), v["code"].as_str())).collect();
    assert_eq!(
        verdicts,
        [
            ("failed", Some("malformed_input")),
            ("applied", None),
            ("failed", Some("invalid_input")),
            ("failed", Some("forbidden")),
            ("applied", None),
        ]
    );
    world.wait_for_unread(world.manager.user_id, 1).await;
}
