//! `/calendar-feeds`: a plan that a calendar reads without signing in, and for how long.

use crate::support::{Fixture, Reply, World, employee, send};
use jiff::civil::date;
use reqwest::Method;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// A feed that `who` makes, and its path.
async fn feed(f: &Fixture, who: &EmployeeFact, body: &Value) -> (String, String) {
    let made = f.post(who, "/calendar-feeds", body).await.must(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("calendar_feed_id"), text("path"))
}

async fn read(f: &Fixture, path: &str) -> Reply {
    send(f.service.request(Method::GET, path)).await
}

/// The lines of a feed, unfolded.
async fn lines(f: &Fixture, path: &str) -> Vec<String> {
    let body = read(f, path).await.must(200);
    let text = body.as_str().unwrap().to_owned();
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{text}");
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    text.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
}

fn values(lines: &[String], name: &str) -> Vec<String> {
    let prefix = format!("{name}:");
    lines.iter().filter_map(|line| Some(line.strip_prefix(&prefix)?.to_owned())).collect()
}

async fn plan(f: &Fixture, shift: &str, from: &str, to: &str) {
    let entry = json!({"employee_id": f.world.worker.employee_id, "from": from, "to": to, "shift_id": shift});
    f.put(&f.world.owner, "/roster", &json!({"entries": [entry]})).await.must(200);
}

/// Leave of the worker that the manager has approved.
async fn away(f: &Fixture, of: &str, change: Value) -> String {
    let mut body = json!({"leave_type_id": of});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let made = f.post(&f.world.worker, "/leave-requests", &body).await.must(201);
    let id = made["leave_request_id"].as_str().unwrap().to_owned();
    f.post(&f.world.manager, &format!("/leave-requests/{id}/approve"), &json!({})).await.must(200);
    id
}

#[tokio::test]
async fn a_feed_has_the_plan_and_the_leave_of_one_person_from_a_month_back_to_three_ahead() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T08:00:00Z");
    let shift = f.day_shift().await;
    plan(&f, &shift, "2026-04-01", "2026-12-31").await;
    let sick = crate::leave::leave_type(&f, json!({"code": "SICK", "name": "Sick", "from_balance": false})).await;
    away(&f, &sick, json!({"from": "2026-06-10", "to": "2026-06-12"})).await;
    let (_, path) = feed(&f, &f.world.worker, &json!({"name": "Work, mine"})).await;
    assert!(path.len() > 80, "{path}");
    let answer = read(&f, &path).await;
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let lines = lines(&f, &path).await;
    let one = |name: &str, expected: &str| assert_eq!(values(&lines, name), [expected]);
    one("X-WR-CALNAME", "Work\\, mine");
    one("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    assert!(values(&lines, "METHOD").is_empty());
    let starts = values(&lines, "DTSTART");
    assert_eq!(
        (starts.first().unwrap().as_str(), starts.last().unwrap().as_str()),
        ("20260501T070000Z", "20260901T070000Z")
    );
    // 31 days before today, today, and 92 after it, without three of leave.
    assert_eq!(starts.len(), 31 + 1 + 92 - 3);
    assert!(!starts.contains(&"20260611T070000Z".to_owned()));
    one("DTSTART;VALUE=DATE", "20260610");
    one("DTEND;VALUE=DATE", "20260613");
    let mut said = values(&lines, "SUMMARY");
    said.sort_unstable();
    said.dedup();
    assert_eq!(said, ["Day", "Leave"], "of which kind it is nobody learns");
    let text = lines.join("\n");
    for secret in [f.world.worker.name.as_str(), "Sick", "Employee"] {
        assert!(!text.contains(secret), "{secret} is in it");
    }
    let uids = values(&lines, "UID");
    let mut apart = uids.clone();
    apart.sort_unstable();
    apart.dedup();
    assert_eq!(uids.len(), apart.len());
}

/// Of somebody for whom nothing is planned, or only an hour that the clock skips.
#[tokio::test]
async fn a_feed_without_anything_to_tell_is_a_calendar_all_the_same() {
    let f = Fixture::start().await;
    f.set_clock("2026-03-20T08:00:00Z");
    let (_, path) = feed(&f, &f.world.worker, &json!({})).await;
    let skipped = json!({"code": "S", "name": "Skipped", "start": "02:00", "end": "03:00"});
    let skipped = f.post(&f.world.owner, "/shifts", &skipped).await.must(201);
    for planned in [false, true] {
        if planned {
            plan(&f, skipped["shift_id"].as_str().unwrap(), "2026-03-29", "2026-03-29").await;
        }
        let lines = lines(&f, &path).await;
        assert_eq!(values(&lines, "BEGIN"), ["VCALENDAR", "VTIMEZONE", "STANDARD"], "planned: {planned}");
        assert_eq!(values(&lines, "TZID"), ["Etc/UTC"]);
    }
    plan(&f, skipped["shift_id"].as_str().unwrap(), "2026-03-30", "2026-03-30").await;
    assert_eq!(values(&lines(&f, &path).await, "BEGIN"), ["VCALENDAR", "VEVENT"]);
}

#[tokio::test]
async fn what_has_not_changed_is_304_and_what_has_is_told_since_when() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T08:00:00Z");
    let shift = f.day_shift().await;
    plan(&f, &shift, "2026-06-01", "2026-06-05").await;
    let (id, path) = feed(&f, &f.world.worker, &json!({})).await;
    let first = read(&f, &path).await;
    let etag = first.header("etag").to_owned();
    assert_eq!(first.header("last-modified"), "Mon, 01 Jun 2026 08:00:00 GMT");
    let with = async |tag: &str| {
        let request = f.service.request(Method::GET, &path).header("if-none-match", tag);
        send(request).await
    };
    f.set_clock("2026-06-01T10:00:00Z");
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}")] {
        let same = with(&tag).await;
        assert_eq!((same.status, same.header("etag"), &same.body), (304, etag.as_str(), &json!("")));
    }
    assert_eq!(with("\"other\"").await.status, 200);
    let before = lines(&f, &path).await;
    assert!(values(&before, "DTSTAMP").iter().all(|stamp| stamp == "20260601T080000Z"), "as it was at first");
    // A later plan of a day: the same entry, another time, and another tag.
    let late = json!({"code": "L", "name": "Late", "start": "14:00", "end": "22:00"});
    let late = f.post(&f.world.owner, "/shifts", &late).await.must(201);
    plan(&f, late["shift_id"].as_str().unwrap(), "2026-06-03", "2026-06-03").await;
    let changed = with(&etag).await;
    assert_eq!((changed.status, changed.header("last-modified")), (200, "Mon, 01 Jun 2026 10:00:00 GMT"));
    let after = lines(&f, &path).await;
    assert_eq!(values(&after, "UID"), values(&before, "UID"));
    assert!(values(&after, "DTSTAMP").iter().all(|stamp| stamp == "20260601T100000Z"));
    assert!(values(&after, "DTSTART").contains(&"20260603T120000Z".to_owned()));
    let listed = f.get(&f.world.worker, "/calendar-feeds").await.must(200);
    assert_eq!(
        (&listed["items"][0]["calendar_feed_id"], &listed["items"][0]["last_read_at"]),
        (&json!(id), &json!("2026-06-01T10:00:00Z"))
    );
    assert!(!listed.to_string().contains(path.rsplit('/').next().unwrap()), "the secret is shown once");
}

#[tokio::test]
async fn a_feed_ends_when_it_is_deleted_rotated_or_the_person_leaves() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T08:00:00Z");
    let World { owner, manager, worker, .. } = f.world.clone();
    let (id, path) = feed(&f, &worker, &json!({})).await;
    let gone = async |path: &str| {
        read(&f, path).await.refused(404, "not_found");
    };
    let rotate = format!("/calendar-feeds/{id}/rotate-secret");
    f.post(&manager, &rotate, &json!({})).await.refused(403, "forbidden");
    let fresh = f.post(&worker, &rotate, &json!({})).await.must(200)["path"].as_str().unwrap().to_owned();
    gone(&path).await;
    read(&f, &fresh).await.must(200);
    // The manager plans for the worker, and may end what shows the plan; a colleague may not.
    let colleague = employee("4", f.world.team.unit_id, f.world.berlin.site_id, vec![]);
    f.tell_employee(&colleague).await;
    let delete = async |who: &EmployeeFact, id: &str| {
        send(f.by(who).delete(&f.world.path(&format!("/calendar-feeds/{id}")))).await
    };
    delete(&colleague, &id).await.refused(403, "forbidden");
    assert_eq!(delete(&manager, &id).await.status, 204);
    gone(&fresh).await;
    delete(&manager, &id).await.refused(404, "not_found");

    let (_, path) = feed(&f, &worker, &json!({})).await;
    let mut leaving = worker.clone();
    (leaving.version, leaving.left_on) = (2, Some(date(2026, 6, 1)));
    f.tell_employee(&leaving).await;
    read(&f, &path).await.must(200);
    f.set_clock("2026-06-01T22:00:00Z");
    gone(&path).await;
    for wrong in ["/api/attendance/v1/calendar-feeds/x.ics", "/api/attendance/v1/calendar-feeds/%00.ics"] {
        gone(wrong).await;
    }
    let many = json!({"name": "N"});
    for _ in 0..10 {
        feed(&f, &owner, &many).await;
    }
    f.post(&owner, "/calendar-feeds", &many).await.refused(409, "too_many_feeds");
    let bad = f.post(&manager, "/calendar-feeds", &json!({"name": ""})).await.bad_fields();
    assert_eq!(bad, [("/name".to_owned(), "length".to_owned())]);
}

#[tokio::test]
async fn of_somebody_else_it_takes_the_right_to_see_plan_and_leave_and_ends_with_it() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-01T08:00:00Z");
    let shift = f.day_shift().await;
    plan(&f, &shift, "2026-06-01", "2026-06-01").await;
    let World { owner, manager, worker, team, berlin, .. } = f.world.clone();
    let whose = json!({"employee_id": worker.employee_id});
    let (_, path) = feed(&f, &manager, &whose).await;
    assert_eq!(values(&lines(&f, &path).await, "DTSTART"), ["20260601T070000Z"]);
    // Who sees the plan and not the leave has no feed, which shows both.
    let grant = |permissions: &[Permission]| Grant {
        role: "planner".into(),
        permissions: permissions.iter().copied().collect(),
        scope: Scope::Unit { unit_id: Some(team.unit_id) },
    };
    let planner = employee("4", team.unit_id, berlin.site_id, vec![grant(&[Permission::RosterRead])]);
    f.tell_employee(&planner).await;
    f.post(&planner, "/calendar-feeds", &whose).await.refused(403, "forbidden");
    f.post(&worker, "/calendar-feeds", &json!({"employee_id": owner.employee_id})).await.refused(403, "forbidden");
    let listed = f.get(&worker, "/calendar-feeds").await.must(200);
    assert_eq!(listed["items"][0]["created_by"], json!(manager.employee_id), "the person sees who reads along");
    f.get(&planner, &format!("/calendar-feeds?employee_id={}", worker.employee_id)).await.refused(403, "forbidden");
    // The manager manages another team.
    let mut moved = manager.clone();
    (moved.version, moved.grants) = (2, vec![]);
    f.tell_employee(&moved).await;
    read(&f, &path).await.refused(404, "not_found");
    moved.version = 3;
    moved.grants.clone_from(&manager.grants);
    f.tell_employee(&moved).await;
    read(&f, &path).await.must(200);
    (moved.version, moved.left_on) = (4, Some(date(2026, 5, 31)));
    f.tell_employee(&moved).await;
    read(&f, &path).await.refused(404, "not_found");
}

/// What another parser makes of the text.
async fn parsed(text: &str) -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut child = tokio::process::Command::new(format!("{root}/.run/calendar/bin/python"))
        .arg(format!("{root}/services/attendance/tests/icalendar_reference.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "needs PyPI's icalendar: make test-calendar"]
async fn another_parser_reads_the_same_instants() {
    let f = Fixture::start().await;
    // Three months that hold the end of summer time.
    f.set_clock("2026-09-20T08:00:00Z");
    let name = "Nacht; lang, mit \\ und 夜班 夜班 夜班 夜班 夜班 夜班 夜班 夜班";
    let night = json!({"code": "NIGHT", "name": name, "start": "22:00", "end": "06:00",
        "breaks": [{"start": "01:00", "end": "02:00"}]});
    let night = f.post(&f.world.owner, "/shifts", &night).await.must(201);
    plan(&f, night["shift_id"].as_str().unwrap(), "2026-08-01", "2026-12-31").await;
    let leave = crate::leave::leave_type(&f, json!({"from_balance": false})).await;
    away(&f, &leave, json!({"from": "2026-10-01", "to": "2026-10-02"})).await;
    away(&f, &leave, json!({"from": "2026-10-24", "to": "2026-10-24", "portion": "am"})).await;
    away(&f, &leave, json!({"from": "2026-11-02", "to": "2026-11-02", "hours": {"start": "04:00", "end": "06:00"}}))
        .await;
    let (_, path) = feed(&f, &f.world.worker, &json!({"name": "Arbeit; \"meine\", 班"})).await;
    let text = read(&f, &path).await.must(200).as_str().unwrap().to_owned();
    let found = parsed(&text).await;
    assert_eq!(found["errors"], json!([]));
    let name_of_it = "Arbeit; \"meine\", 班";
    assert_eq!(found["names"], json!([name_of_it, name_of_it]));
    let head = ["product", "refresh", "method"].map(|field| found[field].clone());
    assert_eq!(head, [json!("-//Rollcall//Roster//EN"), json!(3600.0), json!("")]);
    let events = found["events"].as_array().unwrap();
    assert!(events.iter().all(|event| event["errors"] == json!([])), "{found:#}");
    let days = f.workdays(&f.world.worker, "from=2026-08-20&to=2026-12-21").await;
    let second = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let mut seen = 0;
    for day in &days {
        let uid = format!("shift-{}-{}@rollcall", day["work_date"].as_str().unwrap(), f.world.worker.employee_id);
        let event = events.iter().find(|event| event["uid"] == json!(uid));
        let Some(start) = day.get("planned_start").filter(|start| !start.is_null()) else {
            assert!(event.is_none(), "{day:#}");
            continue;
        };
        let event = event.unwrap_or_else(|| panic!("{day:#}"));
        assert_eq!(event["start"], json!(second(start)), "{day:#}");
        assert_eq!(event["end"], json!(second(&day["planned_end"])), "{day:#}");
        assert_eq!((&event["summary"], &event["location"]), (&json!(name), &json!("Berlin")));
        seen += 1;
    }
    assert_eq!((days.len(), seen), (124, 122), "two days of leave");
    // The night in which clocks go back lasts an hour longer; of the next nothing is odd.
    let lasts = |date: &str| {
        let uid = format!("shift-{date}-{}@rollcall", f.world.worker.employee_id);
        let event = events.iter().find(|event| event["uid"] == json!(uid)).unwrap();
        (event["end"].as_i64().unwrap() - event["start"].as_i64().unwrap()) / 3600
    };
    assert_eq!([lasts("2026-10-23"), lasts("2026-10-25")], [8, 8]);
    let whole: Vec<_> = events.iter().filter(|event| event["whole_days"] == true).collect();
    assert_eq!((whole.len(), &whole[0]["start"], &whole[0]["end"]), (1, &json!("2026-10-01"), &json!("2026-10-03")));
    let of_leave: Vec<_> = events.iter().filter(|event| event["summary"] == "Leave").collect();
    assert_eq!(of_leave.len(), 3);
    assert_eq!(events.len(), 122 + 3);

    // The owner has neither plan nor leave, and a calendar that can be read.
    let (_, path) = feed(&f, &f.world.owner, &json!({"name": name_of_it})).await;
    let empty = parsed(read(&f, &path).await.must(200).as_str().unwrap()).await;
    assert_eq!((&empty["errors"], &empty["names"]), (&json!([]), &found["names"]));
    let zone = json!({"id": "Etc/UTC", "offset": 0.0, "errors": []});
    assert_eq!((&empty["events"], &empty["zones"]), (&json!([]), &json!([zone])));
    assert_eq!((&empty["components"], &found["zones"]), (&json!(["VTIMEZONE"]), &json!([])));
}
