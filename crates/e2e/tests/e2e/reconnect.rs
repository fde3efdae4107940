//! `kill -9` of notification under open streams and a steady flow of messages, again and again: clients that come back
//! with the last id they saw have every message once and in order. `ROLLCALL_STREAMS` and `ROLLCALL_CRASH_ROUNDS` make
//! it larger; `make test-streams` does, with 1,000 and ten, and reads some of the streams with an `EventSource` that others
//! have written.

use crate::PLACES;
use crate::eventsource::EventSource;
use crate::stream::Stream;
use anyhow::{Context as _, Result, bail, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use rollcall_attendance_api::events::{PUNCH_OUTSIDE_GEOFENCE, PunchOutsideGeofence};
use rollcall_common::clock::Clock;
use rollcall_ids::{EventId, PunchId};
use rollcall_stack::Stack;
use rollcall_stack::crowd::{Crowd, Person};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const STREAMS: usize = 100;
const ROUNDS: usize = 3;
/// Real `EventSource`s among them.
const EVENT_SOURCES: usize = 5;
/// A stream says at its beginning that whoever loses it is to come back after one to three seconds.
const AN_EVENT_SOURCE_WAITS: Duration = Duration::from_millis(3_500);
/// Events of one request.
const BATCH: usize = 20;
/// Between two kills, while messages flow.
const BETWEEN: Duration = Duration::from_millis(1_200);
/// After the last kill, for everybody to have everything.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_reconnect_after_kills_have_every_message_once_and_in_order() -> Result<()> {
    let (streams, rounds) = (number("ROLLCALL_STREAMS", STREAMS)?, number("ROLLCALL_CRASH_ROUNDS", ROUNDS)?);
    kill(streams, None, rounds).await
}

/// The same, and beside our own clients some that others have written; `make test-streams` installs them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and the npm package eventsource: make test-streams"]
async fn so_have_real_event_sources() -> Result<()> {
    let (streams, rounds) = (number("ROLLCALL_STREAMS", STREAMS)?, number("ROLLCALL_CRASH_ROUNDS", ROUNDS)?);
    kill(streams, Some(folder()?), rounds).await
}

/// Kills notification so often while messages flow to so many of our own clients and, where `folder` has the package, to
/// some real `EventSource`s.
async fn kill(streams: usize, folder: Option<PathBuf>, rounds: usize) -> Result<()> {
    let _place = PLACES.acquire().await?;
    let (ours, streams) = (streams, streams + if folder.is_some() { EVENT_SOURCES } else { 0 });
    // The first is whom the messages are about.
    let crowd = Arc::new(Crowd::at("notification", streams + 1)?);
    let mut stack = crowd.believing(crowd.stack()?, "attendance")?.start().await?;
    known(&crowd, &stack)?;
    crowd.arrive(&stack).await?;
    let shared =
        Arc::new(Shared { url: stack.service_url("notification")?, crowd, http: client()?, ended: false.into() });

    let open = Arc::new(AtomicUsize::new(0));
    let listeners: Vec<_> = (1..=streams)
        .map(|index| {
            let (shared, open, folder) = (Arc::clone(&shared), Arc::clone(&open), folder.clone());
            tokio::spawn(async move {
                match folder.filter(|_| index > ours) {
                    Some(folder) => shared.listen_as_event_source(index, &open, &folder).await,
                    None => shared.listen(index, &open).await,
                }
            })
        })
        .collect();
    let began = Instant::now();
    while open.load(Ordering::Relaxed) < streams {
        ensure!(began.elapsed() < PATIENCE, "{} of {streams} streams opened", open.load(Ordering::Relaxed));
        sleep(Duration::from_millis(20)).await;
    }
    let flow = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move { shared.emit(streams).await }
    });
    for round in 1..=rounds {
        sleep(BETWEEN).await;
        stack.kill("notification").await?;
        stack.start_service("notification").await.with_context(|| format!("round {round}"))?;
        if folder.is_some() {
            // An `EventSource` waits for as long as it was told before it comes back.
            sleep(AN_EVENT_SOURCE_WAITS).await;
        }
    }
    sleep(BETWEEN).await;
    shared.ended.store(true, Ordering::Relaxed);
    let (emitted, repeated) = flow.await??;
    ensure!(repeated > 0, "nothing was under way at any kill");
    ensure!(emitted > streams, "{emitted} messages are no flow");
    let mut came_back = 0;
    for (index, listener) in (1..=streams).zip(listeners) {
        let (seen, times) = listener.await??;
        // Message `n` goes to stream `n % streams + 1`.
        let expected: Vec<usize> = (0..emitted).filter(|number| number % streams + 1 == index).collect();
        ensure!(seen == expected, "stream {index} of {emitted} messages saw {seen:?}");
        ensure!(times >= rounds, "stream {index} came back {times} times in {rounds} rounds");
        came_back += times;
    }
    eprintln!("{streams} streams, {rounds} kills: {emitted} messages, {came_back} reconnections");
    stack.shutdown().await
}

struct Shared {
    url: String,
    crowd: Arc<Crowd>,
    http: reqwest::Client,
    ended: AtomicBool,
}

impl Shared {
    /// One batch after another, each until it is taken as a whole; answers how many messages there were and how many
    /// times a batch had to be repeated.
    async fn emit(&self, streams: usize) -> Result<(usize, usize)> {
        let (mut emitted, mut repeated) = (0, 0);
        while !self.ended.load(Ordering::Relaxed) {
            let events: Vec<_> = (emitted..emitted + BATCH).map(|number| self.event(number, streams)).collect();
            let body = serde_json::to_vec(&events)?;
            let began = Instant::now();
            while !self.taken(&body).await? {
                ensure!(began.elapsed() < PATIENCE, "events are not taken");
                repeated += 1;
                sleep(Duration::from_millis(20)).await;
            }
            emitted += BATCH;
            sleep(Duration::from_millis(5)).await;
        }
        Ok((emitted, repeated))
    }

    async fn taken(&self, body: &[u8]) -> Result<bool> {
        let request = self.http.post(format!("{}/internal/v1/events", self.url));
        let request = request.bearer_auth(self.crowd.service_token("attendance")?).body(body.to_vec());
        let request = request.header("content-type", "application/cloudevents-batch+json");
        // Down, or starting.
        let Ok(answer) = request.send().await else { return Ok(false) };
        let status = answer.status();
        let Ok(said) = answer.text().await else { return Ok(false) };
        if status != 200 {
            ensure!(status == 503, "{status}: {said}");
            return Ok(false);
        }
        let verdicts =
            said.matches(r#""verdict":"applied""#).count() + said.matches(r#""verdict":"duplicate""#).count();
        ensure!(verdicts == BATCH, "not all was taken: {said}");
        Ok(true)
    }

    fn event(&self, number: usize, streams: usize) -> Value {
        let now = Clock::system().now();
        let data = PunchOutsideGeofence {
            punch_id: PunchId::generate(),
            employee_id: self.crowd.people[0].employee_id,
            employee_name: format!("Number-{number}-"),
            manager_id: Some(self.crowd.people[number % streams + 1].employee_id),
            site_id: self.crowd.site_id,
            site_name: "Works".into(),
            at: now,
            time_zone: "Europe/Berlin".into(),
            distance_m: 1_250,
        };
        json!({
            "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/attendance",
            "type": PUNCH_OUTSIDE_GEOFENCE, "subject": "any", "time": now, "datacontenttype": "application/json",
            "orgid": self.crowd.org_id, "aggregateversion": 1, "data": data,
        })
    }

    /// Listens until the flow has ended and nothing more comes; answers the numbers in the order they came, and how
    /// often it reconnected.
    async fn listen(&self, index: usize, open: &AtomicUsize) -> Result<(Vec<usize>, usize)> {
        let person = self.crowd.people[index];
        let mut stream = self.open(person, None).await?;
        let mut last = stream.next("unread_count", PATIENCE).await?.id.context("an id")?;
        open.fetch_add(1, Ordering::Relaxed);
        let (mut seen, mut times, mut quiet_since) = (Vec::new(), 0, Instant::now());
        loop {
            match stream.next("notification", Duration::from_millis(500)).await {
                Ok(event) => {
                    seen.push(number_in(&event.data)?);
                    last = event.id.context("an id")?;
                    quiet_since = Instant::now();
                }
                Err(error) if error.to_string().starts_with("no notification within") => {
                    if self.ended.load(Ordering::Relaxed) && quiet_since.elapsed() > Duration::from_secs(3) {
                        return Ok((seen, times));
                    }
                }
                Err(_) => {
                    let began = Instant::now();
                    stream = loop {
                        match self.open(person, Some(&last)).await {
                            Ok(stream) => break stream,
                            Err(error) if began.elapsed() > PATIENCE => bail!("cannot come back: {error:#}"),
                            Err(_) => sleep(Duration::from_millis(50)).await,
                        }
                    };
                    times += 1;
                    quiet_since = Instant::now();
                }
            }
        }
    }

    /// The same by an `EventSource`, which comes back by itself.
    async fn listen_as_event_source(
        &self,
        index: usize,
        open: &AtomicUsize,
        folder: &Path,
    ) -> Result<(Vec<usize>, usize)> {
        let url = format!("{}/api/notification/v1/stream", self.url);
        let mut source = EventSource::open(folder, &url, &self.crowd.token(self.crowd.people[index])?).await?;
        open.fetch_add(1, Ordering::Relaxed);
        let (mut seen, mut quiet_since) = (Vec::new(), Instant::now());
        loop {
            let before = source.opened();
            if let Some(data) = source.next(Duration::from_millis(500)).await? {
                seen.push(number_in(&serde_json::from_str(&data)?)?);
            } else if source.opened() == before {
                if self.ended.load(Ordering::Relaxed) && quiet_since.elapsed() > AN_EVENT_SOURCE_WAITS * 2 {
                    return Ok((seen, source.opened() - 1));
                }
                continue;
            }
            quiet_since = Instant::now();
        }
    }

    async fn open(&self, person: Person, last: Option<&str>) -> Result<Stream> {
        let request = self.http.get(format!("{}/api/notification/v1/stream", self.url));
        Stream::of(request.bearer_auth(self.crowd.token(person)?), last).await
    }
}

fn number_in(message: &Value) -> Result<usize> {
    let text = message.to_string();
    let number = text.split("Number-").nth(1).and_then(|rest| rest.split('-').next());
    number.and_then(|digits| digits.parse().ok()).with_context(|| format!("no number in {text}"))
}

/// What notification would ask others for, who are away: that its copy is whole, and in which language people read.
fn known(crowd: &Crowd, stack: &Stack) -> Result<()> {
    let mut admin = PgConnection::establish(&stack.database("notification")?)?;
    let users: Vec<_> = crowd.people.iter().map(|person| format!("('{}', 'en', now())", person.user_id)).collect();
    admin.batch_execute(&format!(
        "INSERT INTO whole_copies VALUES ('{}', 9, now(), now()); \
         INSERT INTO user_facts (user_id, locale, fetched_at) VALUES {}",
        crowd.org_id,
        users.join(",")
    ))?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a client of the service, not a caller of another")]
fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// Where the npm package is.
#[expect(clippy::disallowed_methods, reason = "where a test finds a package is no setting of a service")]
fn folder() -> Result<PathBuf> {
    std::env::var("ROLLCALL_EVENTSOURCE").map(PathBuf::from).context("ROLLCALL_EVENTSOURCE, the folder of the package")
}

#[expect(clippy::disallowed_methods, reason = "how large a test is is no setting of a service")]
fn number(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| name.to_owned()),
        Err(_) => Ok(default),
    }
}
