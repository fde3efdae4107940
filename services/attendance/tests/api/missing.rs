//! Missing punches are found when they are due, and told once.

use crate::support::Fixture;
use rollcall_common::server::Drain;
use serde_json::{Value, json};

const KIND: &str = "attendance.punch.missing.v1";

async fn look(f: &Fixture, clock: &str) -> usize {
    f.set_clock(clock);
    f.service.app().look_for_missing_punches(&Drain::default()).await.unwrap()
}

fn told(f: &Fixture) -> Vec<[Value; 3]> {
    let mut told: Vec<_> = f
        .told(KIND)
        .iter()
        .map(|data| ["employee_name", "work_date", "missing"].map(|field| data[field].clone()))
        .collect();
    told.sort_by_key(|one| format!("{one:?}"));
    told
}

/// The team is planned from nine to six in Berlin; windows close at midnight there.
async fn planned() -> Fixture {
    let f = Fixture::that_tells().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-01", "2026-06-30").await;
    f
}

fn missing(who: &str, date: &str, what: &str) -> [Value; 3] {
    [json!(format!("Employee {who}")), json!(date), json!(what)]
}

#[tokio::test]
async fn a_window_that_closes_without_the_going_is_told_once_to_the_person_and_the_manager() {
    let f = planned().await;
    // The first look: what was over before is told to nobody.
    look(&f, "2026-06-01T07:00:00Z").await;
    f.punch(&f.world.worker, "in", &json!({})).await.must(201);
    f.punch(&f.world.manager, "in", &json!({})).await.must(201);
    f.set_clock("2026-06-01T16:00:00Z");
    f.punch(&f.world.manager, "out", &json!({})).await.must(201);
    assert_eq!(look(&f, "2026-06-01T21:59:00Z").await, 0, "the window is open");
    assert_eq!(look(&f, "2026-06-01T22:00:30Z").await, 1);
    assert_eq!(look(&f, "2026-06-01T22:02:00Z").await, 0, "once");
    let data = &f.told(KIND)[0];
    assert_eq!(told(&f), [missing("3", "2026-06-01", "out")]);
    assert_eq!(data["manager_id"], json!(f.world.manager.employee_id));
    assert_eq!((&data["at"], &data["time_zone"]), (&json!("2026-06-01T07:00:00Z"), &json!("Europe/Berlin")));
}

#[tokio::test]
async fn a_service_that_was_down_finds_what_it_missed_and_two_instances_tell_once() {
    let f = planned().await;
    look(&f, "2026-06-01T07:00:00Z").await;
    f.set_clock("2026-06-05T10:00:00Z");
    let app = f.service.app();
    let drain = Drain::default();
    let (one, other) = tokio::join!(app.look_for_missing_punches(&drain), app.look_for_missing_punches(&drain));
    let days = ["2026-06-01", "2026-06-02", "2026-06-03", "2026-06-04"];
    assert_eq!(one.unwrap() + other.unwrap(), 2 * days.len());
    let expected: Vec<_> =
        ["2", "3"].into_iter().flat_map(|who| days.map(|day| missing(who, day, "everything"))).collect();
    assert_eq!(told(&f), expected);
    assert_eq!(look(&f, "2026-06-05T10:02:00Z").await, 0);
}

#[tokio::test]
async fn who_has_not_come_is_reminded_where_the_site_says_so_and_once() {
    let f = planned().await;
    look(&f, "2026-06-01T05:00:00Z").await;
    assert_eq!(look(&f, "2026-06-01T07:30:00Z").await, 0, "the site does not ask for it");
    let rules = format!("/sites/{}/punch-rules", f.world.berlin.site_id);
    f.put_at(&f.world.owner, &rules, 0, &json!({"remind_after_minutes": 10})).await.must(200);
    f.set_clock("2026-06-02T06:58:00Z");
    f.punch(&f.world.manager, "in", &json!({})).await.must(201);
    let before = told(&f).len();
    assert_eq!(look(&f, "2026-06-02T07:09:00Z").await, 2, "yesterday's two");
    assert_eq!(look(&f, "2026-06-02T07:10:30Z").await, 1);
    assert_eq!(look(&f, "2026-06-02T07:12:00Z").await, 0);
    let told = told(&f);
    assert_eq!(told.len(), before + 3);
    assert!(told.contains(&missing("3", "2026-06-02", "not_come")), "{told:?}");
}

#[tokio::test]
async fn a_site_with_devices_waits_for_them() {
    let f = planned().await;
    let body = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    let device = f.post(&f.world.owner, "/devices", &body).await.must(201);
    look(&f, "2026-06-01T07:00:00Z").await;
    assert_eq!(look(&f, "2026-06-08T10:00:00Z").await, 0, "nothing was reported for a week");
    let beat = f.service.with_token(device["secret"].as_str().unwrap());
    crate::support::send(beat.post(&f.world.path("/devices/current/heartbeat"))).await.must(200);
    assert_eq!(look(&f, "2026-06-08T10:02:00Z").await, 14, "two people, seven days");
}

#[tokio::test]
async fn what_was_told_long_ago_is_forgotten_and_not_told_again() {
    let f = planned().await;
    look(&f, "2026-06-01T07:00:00Z").await;
    f.punch(&f.world.worker, "in", &json!({})).await.must(201);
    assert_eq!(look(&f, "2026-06-01T22:00:30Z").await, 2, "the manager did not come at all");
    let app = f.service.app();
    f.set_clock("2026-08-02T12:00:00Z");
    assert_eq!(app.forget_missing_punches().await.unwrap(), 0, "62 days are not over");
    f.set_clock("2026-08-03T12:00:00Z");
    assert_eq!(app.forget_missing_punches().await.unwrap(), 2);
    let before = f.told(KIND).len();
    look(&f, "2026-08-03T12:00:30Z").await;
    let again = f.told(KIND).iter().skip(before).filter(|data| data["work_date"] == "2026-06-01").count();
    assert_eq!(again, 0);
}

#[tokio::test]
async fn a_forgotten_terminal_is_told_of_once_and_what_it_held_back_is_found_when_it_is_heard_of() {
    let f = planned().await;
    look(&f, "2026-06-01T07:00:00Z").await;
    let owner = f.world.owner.clone();
    let body = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    let device = f.post(&owner, "/devices", &body).await.must(201);
    let path = format!("/devices/{}", device["device_id"].as_str().unwrap());
    let silent = || f.told("attendance.device.silent.v1");
    let silent_since = async || f.get(&owner, &path).await.must(200)["silent_since"].clone();
    let heard = device["reported_until"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // Days wait for it, however often they are looked at.
    assert_eq!(look(&f, "2026-06-02T06:00:00Z").await, 0);
    assert_eq!((silent().len(), silent_since().await), (0, Value::Null));
    for clock in ["2026-06-02T07:30:00Z", "2026-06-04T07:30:00Z", "2026-06-15T07:30:00Z"] {
        assert_eq!(look(&f, clock).await, 0);
    }
    let told = silent();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((&told[0]["device_name"], &told[0]["site_name"]), (&json!("Door"), &json!("Berlin")));
    assert_eq!((&told[0]["silent_since"], &silent_since().await), (&json!(heard), &json!(heard)));
    let beat = f.service.with_token(device["secret"].as_str().unwrap());
    let beat = beat.post(&f.world.path("/devices/current/heartbeat"));
    crate::support::send(beat).await.must(200);
    assert_eq!(silent_since().await, Value::Null);
    // Two people, and fourteen days from the first of June on.
    assert_eq!(look(&f, "2026-06-15T07:31:30Z").await, 28);
    assert_eq!(look(&f, "2026-06-15T07:33:00Z").await, 0);
    look(&f, "2026-06-17T07:30:00Z").await;
    assert_eq!(silent().len(), 2, "it has fallen silent again");
}
