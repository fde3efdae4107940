//! Notification, measured.

use crate::flow::{BATCH, Flow};
use crate::readers::{Clock, Readers};
use crate::{ANNOUNCEMENTS, Measured, Single, each, kib, middle};
use anyhow::{Context as _, Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;
use rollcall_stack::load::{Load, Pace};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Streams that come and go before memory is looked at: what a process takes once is not what a stream takes.
const FIRST: usize = 500;
/// After something happened, until memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);
/// Streams on the second instance, and messages a second to them.
const ELSEWHERE: usize = 1_000;
const RATE_ELSEWHERE: usize = 300;

/// All of it; single messages as well.
pub(crate) async fn measure(streams: usize, rate: usize, lasting: Duration) -> Result<(Measured, Single)> {
    let crowd = Arc::new(Crowd::at("notification", streams)?);
    let stack = crowd.believing(crowd.stack()?, "attendance")?.without_build();
    let mut stack = stack.start().await?;
    known(&crowd, &stack)?;
    crowd.arrive(&stack).await?;
    stack.restart("notification").await?;
    let port = stack.service_url("notification")?.rsplit_once(':').context("a port")?.1.parse()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let clock = Clock::start();
    drop(Readers::open(address, requests(&crowd, FIRST.min(streams))?, clock).await?);
    sleep(SETTLE).await;
    let resident = || stack.process("notification")?.resident_bytes().context("no /proc");

    let before = resident()?;
    let started = Instant::now();
    let readers = Readers::open(address, requests(&crowd, streams)?, clock).await?;
    println!("notification: {streams} streams opened in {:.1} s", started.elapsed().as_secs_f64());
    sleep(SETTLE).await;
    let open = resident()?;
    let idle = each(before, open, streams);
    println!("notification: {} a stream, idle ({} → {} MiB)", kib(idle), before >> 20, open >> 20);

    let (mut from_request, mut from_commit) = (Vec::new(), Vec::new());
    for before in 0..ANNOUNCEMENTS {
        let (request, commit) = announce(&crowd, &stack, &readers, clock, before).await?;
        from_request.push(request);
        from_commit.push(commit);
        sleep(Duration::from_secs(1)).await;
    }
    let ((from_request, all), (from_commit, all_from_commit)) = (middle(from_request)?, middle(from_commit)?);
    println!(
        "notification: one announcement, stored for each: last of {streams} after {from_request:.0?} (ms: {all}), \
         {from_commit:.0?} after the commit (ms: {all_from_commit})"
    );

    let flow = Flow::new(&crowd, crowd.people.len(), clock)?;
    let here = single(address, &flow, &readers, rate, lasting).await.context("messages to single users")?;
    sleep(SETTLE).await;
    let later = resident()?;
    let after = each(before, later, streams);
    println!("notification: {} a stream, after messages ({} MiB)", kib(after), later >> 20);
    drop(readers);

    let second = stack.start_beside("notification").await?;
    let port = second.base_url().rsplit_once(':').context("a port")?.1.parse()?;
    let there = ELSEWHERE.min(streams);
    let readers = Readers::open(SocketAddr::from(([127, 0, 0, 1], port)), requests(&crowd, there)?, clock).await?;
    let flow = Flow::new(&crowd, there, clock)?;
    println!("notification: {there} streams on a second instance, messages stored by the first:");
    let elsewhere = single(address, &flow, &readers, RATE_ELSEWHERE, lasting).await.context("on another instance")?;
    drop((readers, second));
    stack.shutdown().await?;
    Ok((Measured { idle, after, from_request, from_commit }, Single { here, elsewhere }))
}

/// A steady flow of messages to single users; answers the p99.
async fn single(
    address: SocketAddr,
    flow: &Arc<Flow>,
    readers: &Readers,
    rate: usize,
    lasting: Duration,
) -> Result<Duration> {
    let load = Load::on(address).connections(32).pace(Pace::Steady(float(rate) / float(BATCH))).lasting(lasting);
    let report = load.run_beside(flow).await?;
    ensure!(report.failed() == 0, "batches were refused: {report}");
    let stored = flow.stored();
    let took = readers.taken(stored, Duration::from_secs(30)).await?;
    let of = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "notification: {stored} messages to single users at {:.0}/s, stored, each received once: p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        float(stored) / lasting.as_secs_f64(),
        of(50),
        of(99),
        of(100),
    );
    Ok(of(99))
}

#[expect(clippy::cast_precision_loss, reason = "not that many messages")]
fn float(number: usize) -> f64 {
    number as f64
}

/// What it would ask others for, who are away: that its copy is whole, and in which language people read. And that nobody
/// wants mail.
fn known(crowd: &Crowd, stack: &Stack) -> Result<()> {
    let mut admin = PgConnection::establish(&stack.database("notification")?)?;
    println!("{}", rollcall_bench::conditions(stack, "notification")?);
    let users: Vec<_> = crowd.people.iter().map(|person| format!("('{}', 'en', now())", person.user_id)).collect();
    let none = json!({ "inbox": true, "email": false, "web_push": false, "webhook": false });
    let no_mail = json!({ "categories": { "attendance": none, "announcements": none } });
    admin.batch_execute(&format!(
        "INSERT INTO whole_copies VALUES ('{}', 9, now(), now()); \
         INSERT INTO user_facts (user_id, locale, fetched_at) VALUES {}; \
         INSERT INTO preferences (user_id, wishes, version, updated_at) \
         SELECT user_id, '{no_mail}', 1, now() FROM user_facts",
        crowd.org_id,
        users.join(",")
    ))?;
    Ok(())
}

fn requests(crowd: &Crowd, streams: usize) -> Result<Vec<String>> {
    let request = |person| {
        let token = crowd.token(person)?;
        Ok(format!(
            "GET /api/notification/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        ))
    };
    crowd.people[..streams].iter().map(|person| request(*person)).collect()
}

/// One announcement to everybody: how long until the last has it, from the request and from the commit, which is when
/// somebody else can see it in the database.
async fn announce(
    crowd: &Crowd,
    stack: &Stack,
    readers: &Readers,
    clock: Clock,
    before: usize,
) -> Result<(Duration, Duration)> {
    let before = i64::try_from(before)?;
    let token = crowd.token(crowd.people[0])?;
    let url = format!("{}{}", stack.service_url("notification")?, crowd.path("/announcements"));
    #[expect(clippy::disallowed_methods, reason = "a client of the service, not a caller of another")]
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut watcher = PgConnection::establish(&stack.database("notification")?)?;
    let mut seen =
        move || -> Result<i64> { Ok(sql::<BigInt>("SELECT count(*) FROM announcements").get_result(&mut watcher)?) };
    ensure!(seen()? == before, "so many were announced");
    let sent = Instant::now();
    let committed = tokio::task::spawn_blocking(move || -> Result<Duration> {
        while seen()? == before {
            ensure!(sent.elapsed() < Duration::from_secs(30), "the announcement was not stored");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(sent.elapsed())
    });
    let body = json!({ "title": clock.mark(), "body": "It opens again.", "audience": { "kind": "everyone" } });
    let request = http.post(url).bearer_auth(token).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await?;
    let (status, said) = (answer.status(), answer.text().await?);
    ensure!(status == 201, "no announcement: {status} {said}");
    let took = readers.taken(crowd.people.len(), Duration::from_secs(30)).await?;
    let last = *took.last().context("somebody was told")?;
    Ok((last, last.saturating_sub(committed.await??)))
}
