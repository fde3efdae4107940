//! Holiday calendars, and `.ics` files.

use crate::support::{Fixture, Reply, Seat, each, send};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

const UNITY_DAY: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261003\r\nSUMMARY:Unity 🎉\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

async fn calendar(f: &Fixture, owner: Seat) -> (String, Value) {
    let calendar = f.post(owner, "/holiday-calendars", json!({"name": "Berlin"})).await.must(201);
    (format!("/holiday-calendars/{}", calendar["holiday_calendar_id"].as_str().unwrap()), calendar)
}

async fn import(f: &Fixture, owner: Seat, path: &str, text: impl Into<reqwest::Body>) -> Reply {
    let request = f.org.as_user(owner.user_id).post(&owner.path(&format!("{path}/imports")));
    send(request.header("Content-Type", "text/calendar").body(text)).await
}

#[tokio::test]
async fn each_change_of_a_calendar_tells_the_whole_of_it() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (path, calendar) = calendar(&f, owner).await;
    let days = format!("{path}/holidays");
    let eve = json!({"date": "2026-12-24", "name": "Christmas Eve", "portion": "pm"});
    assert_eq!(f.post(owner, &days, eve.clone()).await.must(201), eve);
    f.post(owner, &days, eve.clone()).await.refused(409, "holiday_taken");
    f.post(owner, &days, json!({"date": "2026-01-01", "name": "New Year"})).await.must(201);
    assert_eq!(each(&f.get(owner, &days).await.must(200), "date"), ["2026-01-01", "2026-12-24"]);
    assert_eq!(each(&f.get(owner, &format!("{days}?from=2026-02-01")).await.must(200), "date"), ["2026-12-24"]);
    let told = f.last_event("org.holiday_calendar.changed.v1");
    assert_eq!((&told["version"], &told["holidays"][1]), (&json!(3), &eve));

    let site = json!({"name": "S", "time_zone": "UTC", "holiday_calendar_id": calendar["holiday_calendar_id"]});
    let site = f.post(owner, "/sites", site).await.must(201);
    assert_eq!(f.last_event("org.site.changed.v1")["holiday_calendar_id"], calendar["holiday_calendar_id"]);
    f.delete(owner, &path).await.refused(409, "calendar_in_use");
    let site = format!("/sites/{}", site["site_id"].as_str().unwrap());
    f.patch(owner, &site, json!({"holiday_calendar_id": null})).await.must(200);
    assert_eq!(f.delete(owner, &format!("{days}/2026-12-24")).await.status, 204);
    f.delete(owner, &format!("{days}/2026-12-24")).await.refused(404, "not_found");
    f.patch(owner, &path, json!({"name": "Berlin and around"})).await.must(200);
    assert_eq!(f.delete(owner, &path).await.status, 204);
    let told = f.last_event("org.holiday_calendar.changed.v1");
    assert_eq!((&told["deleted"], &told["version"]), (&json!(true), &json!(6)));
    f.get(owner, &path).await.refused(404, "not_found");
    let actions = each(&f.get(owner, "/audit-events?limit=1").await.must(200), "action").join("");
    assert_eq!(actions, "holiday_calendar.deleted");
}

#[tokio::test]
async fn a_file_is_taken_over_once_however_often_it_comes() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (path, _) = calendar(&f, owner).await;
    let taken = |added, unchanged| json!({"added": added, "replaced": 0, "unchanged": unchanged});
    assert_eq!(import(&f, owner, &path, UNITY_DAY).await.must(200), taken(1, 0));
    assert_eq!(import(&f, owner, &path, format!("\u{feff}{UNITY_DAY}")).await.must(200), taken(0, 1));
    assert_eq!(f.get(owner, &path).await.must(200)["version"], 2, "what changes nothing is no change");
    let days = f.get(owner, &format!("{path}/holidays")).await.must(200);
    assert_eq!(days["items"], json!([{"date": "2026-10-03", "name": "Unity 🎉", "portion": "full"}]));
}

#[tokio::test]
async fn a_hostile_file_is_refused_by_its_line_and_changes_nothing() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (path, _) = calendar(&f, owner).await;
    let bad = UNITY_DAY.replace("20261003", "20261399");
    let problem = import(&f, owner, &path, bad).await.refused(422, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "line 3");
    let many = (1..=13)
        .map(|year| format!("BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20{year:02}0101\nDTEND:20{year:02}0131\nEND:VEVENT\n"));
    let many = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", many.collect::<String>());
    import(&f, owner, &path, many).await.refused(422, "invalid_input");
    import(&f, owner, &path, "BEGIN:VCALENDAR\n".repeat(50_000)).await.refused(422, "invalid_input");
    import(&f, owner, &path, vec![0xff_u8, 0xfe]).await.refused(400, "malformed_input");
    import(&f, owner, &path, vec![b'x'; (1 << 20) + 1]).await.refused(413, "too_large");
    import(&f, owner, &path, "").await.refused(422, "invalid_input");
    assert_eq!(f.get(owner, &path).await.must(200)["version"], 1);
}

#[tokio::test]
async fn there_are_two_hundred_calendars_at_most() {
    let f = Fixture::start().await;
    let (owner, other) = (f.found().await, f.found().await);
    let many = format!(
        "INSERT INTO holiday_calendars (org_id, holiday_calendar_id, name, created_at, updated_at) \
         SELECT '{}', gen_random_uuid(), 'C', now(), now() FROM generate_series(1, 199)",
        owner.org_id
    );
    f.database().batch_execute(&many).unwrap();
    let (last, _) = calendar(&f, owner).await;
    let problem = f.post(owner, "/holiday-calendars", json!({"name": "C"})).await.refused(422, "invalid_input");
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/name"), &json!("too_many")));
    calendar(&f, other).await;
    assert_eq!(f.delete(owner, &last).await.status, 204);
    calendar(&f, owner).await;
}
