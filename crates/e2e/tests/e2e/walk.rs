//! The walk of the README: from signing up to a punch that reaches a screen.

use crate::company::{Client, Company, find};
use crate::stream::Stream;
use crate::{DAY, start};
use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use reqwest::Method;
use rollcall_common::clock::Clock;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn from_signing_up_to_a_punch_on_the_managers_screen() -> Result<()> {
    let (stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    let Company { org_id, owner, worker, worker_id, .. } = &company;

    // The owner, who is the manager, was told of the acceptance.
    let mut screen = Stream::open(owner, Some("0:0")).await?;
    screen.next("reset", Duration::from_secs(5)).await.context("a stream position that nobody gave is reset")?;
    let inbox = crate::company::eventually("the acceptance in the owner's inbox", || async {
        let inbox = owner.get("/api/notification/v1/notifications").await.ok()?;
        (!inbox["items"].as_array()?.is_empty()).then_some(inbox)
    })
    .await?;
    ensure!(inbox["items"][0]["kind"] == "invitation_accepted", "{inbox}");
    let position = inbox["stream_position"].as_str().context("stream_position")?;
    let mut screen = Stream::open(owner, Some(position)).await?;

    // A shift around now, planned for the worker.
    let now = Clock::system().now();
    let wall = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string();
    let (start, end) = (wall(now - 1.hour()), wall(now + 2.hours()));
    let shift = json!({ "code": "DAY", "name": "Day", "start": start, "end": end });
    let shift = owner.create(&company.attendance("shifts"), &shift).await?;
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (from, to) = (date(now - DAY), date(now + DAY));
    let entry = json!({ "employee_id": worker_id, "from": from, "to": to, "shift_id": shift["shift_id"] });
    let roster = json!({ "entries": [entry] });
    let stored = owner.put_first(&company.attendance("roster"), &roster).await?;
    ensure!(stored.status < 300, "{stored:?}");
    let planned =
        worker.get(&company.attendance(&format!("roster?employee_id={worker_id}&from={from}&to={to}"))).await?;
    ensure!(find(&planned, "shift_code").as_deref() == Some("DAY"), "{planned}");

    // The punch is in the workdays at once, for the worker and for the manager.
    let far_away = json!({ "latitude": 48.85, "longitude": 2.35 });
    let punched = Instant::now();
    let punch = worker.punch(org_id, &far_away, "first").await?.expect(201)?;
    let punch_id = punch["punch_id"].as_str().context("punch_id")?;
    for person in [worker, owner] {
        let path = company.attendance(&format!("workdays?employee_id={worker_id}&from={from}&to={to}"));
        let days = person.get(&path).await?;
        let items = days["items"].as_array().context("items")?;
        let day = items.iter().find(|day| day["punches"].to_string().contains(punch_id));
        let day = day.with_context(|| format!("the punch is in no workday: {days}"))?;
        ensure!(day["first_in"].is_string() && day["planned_minutes"] == 180, "{day}");
    }

    // It came from another country: the manager sees it within a second.
    let event = screen.next("notification", Duration::from_secs(5)).await?;
    let took = punched.elapsed();
    ensure!(event.data.to_string().contains("Charles Worker"), "{event:?}");
    ensure!(find(&event.data, "kind").as_deref() == Some("punch_outside_geofence"), "{event:?}");
    ensure!(took < Duration::from_secs(1), "it took {took:?} from the punch to the screen");

    // The same key again is the same punch.
    let again = worker.punch(org_id, &far_away, "first").await?;
    ensure!(again.status == 200 && again.headers["idempotency-replayed"] == "true", "{again:?}");
    ensure!(again.body == punch, "{} is not {punch}", again.body);
    let other = worker.punch(org_id, &json!({}), "first").await?;
    ensure!(other.status == 422, "{other:?}");

    // Sessions go on with a refresh.
    let body = json!({ "refresh_token": worker.refresh_token });
    let refreshed = client.request(Method::POST, "/api/user/v1/sessions/refresh").json(&body);
    let refreshed = client.send(refreshed).await?;
    ensure!((200..300).contains(&refreshed.status) && refreshed.body["access_token"].is_string(), "{refreshed:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_shows_what_it_should_and_nothing_else() -> Result<()> {
    let (stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let get = |path: &'static str| client.send(client.request(Method::GET, path));
    for path in [
        "/internal/metrics",
        "/internal/v1/events",
        "/api/user/../../internal/metrics",
        "/api/org/%2e%2e/internal/x",
        "/nowhere",
    ] {
        let answer = get(path).await?;
        ensure!(answer.status == 404 || answer.status == 400, "{path}: {answer:?}");
        ensure!(answer.headers["content-type"] == "application/problem+json", "{path}: {answer:?}");
        ensure!(answer.body["code"].is_string() && answer.body["request_id"].is_string(), "{path}: {answer:?}");
    }
    for service in ["user", "org", "attendance", "notification"] {
        let health = client.request(Method::GET, &format!("/api/{service}/health"));
        let health = client.send(health).await?.expect(200)?;
        ensure!(health["status"] == "ok" && health["service"] == service, "{health}");
        let document = client.request(Method::GET, &format!("/api/{service}/openapi.json"));
        let document = client.send(document).await?.expect(200)?;
        ensure!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{service}");
        ensure!(!document["paths"].to_string().contains("/internal/"), "{service} shows its inside");
    }
    let jwks = get("/.well-known/jwks.json").await?.expect(200)?;
    ensure!(jwks["keys"][0]["crv"] == "Ed25519", "{jwks}");
    let large = client.request(Method::POST, "/api/user/v1/users").header("content-type", "application/json");
    let large = client.send(large.body("x".repeat(3 << 20))).await?;
    ensure!(large.status == 413 && large.body["code"].is_string(), "{large:?}");
    let page = get("/docs/").await?;
    ensure!(page.status == 200 && matches!(&page.body, Value::String(html) if html.contains("html")), "{page:?}");
    stack.shutdown().await
}
