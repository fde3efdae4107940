//! A stack on which faults are made, one row after another.

use super::jobs::{DEADLINE, Jobs, Seen};
use super::table::{Injection, JOBS, Row, Told};
use crate::company::{Client, Company, Person, eventually, text};
use crate::screen::Screen;
use anyhow::{Context as _, Result, ensure};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use rollcall_common::clock::Clock;
use rollcall_stack::faults::{Fault, NGINX, POSTGRES};
use rollcall_stack::surroundings::SmallDisk;
use rollcall_stack::{Builder, Stack};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Names that were looked up, and clocks that were read, are kept for a second.
const FELT_AFTER: Duration = Duration::from_millis(1_500);
/// Between two attempts in the middle of a change.
const PAUSE: Duration = Duration::from_millis(50);
/// After a change, before what is seen then counts as healed.
const AFTER: Duration = Duration::from_secs(1);

/// See the module.
pub struct Stage {
    pub stack: Stack,
    client: Client,
    company: Company,
    founder: Person,
    leave_type: String,
    owner_now: watch::Sender<Person>,
    screen: Screen,
    punches: BTreeSet<String>,
    // Last: its files are in use until the stack has ended.
    disk: Option<SmallDisk>,
}

impl Stage {
    pub async fn set(builder: Builder) -> Result<Self> {
        let stack = builder.start().await?;
        let client = Client::waiting(&stack, DEADLINE)?;
        let company = Company::found(&client).await?;
        company.known_to_attendance().await?;
        let founder = client.sign_up("Grace Founder").await?;
        let vacation = json!({ "code": "VACATION", "name": "Vacation", "unit": "day", "from_balance": false });
        let vacation = company.owner.create(&company.attendance("leave-types"), &vacation).await?;
        let leave_type = text(&vacation, "leave_type_id")?;
        let owner_now = watch::Sender::new(company.owner.clone());
        let screen = Screen::open(owner_now.subscribe()).await?;
        let (punches, disk) = (BTreeSet::new(), None);
        Ok(Self { stack, client, company, founder, leave_type, owner_now, screen, punches, disk })
    }

    pub fn on(mut self, disk: SmallDisk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// One row after another, then the end.
    pub async fn show(mut self, rows: impl IntoIterator<Item = &'static Row>) -> Result<()> {
        for (number, row) in rows.into_iter().enumerate() {
            self.row(number, row).await.with_context(|| format!("while {}", row.fault))?;
        }
        let worker = self.client.sign_in(&self.company.worker.email).await?;
        let punches = worker.punches_of(&self.company.org_id, &self.company.worker_id).await?;
        let ids: BTreeSet<_> = punches.iter().map(|punch| text(punch, "punch_id")).collect::<Result<_>>()?;
        ensure!(ids.len() == punches.len() && ids == self.punches, "{} of {} punches", ids.len(), self.punches.len());
        every_line_is_in_use(&self.stack)?;
        let Self { stack, screen, disk, .. } = self;
        drop(screen);
        stack.shutdown().await?;
        drop(disk);
        Ok(())
    }

    async fn row(&mut self, number: usize, row: &Row) -> Result<()> {
        if matches!(row.injection, Injection::FailOver) {
            self.stack.start_standby().await?;
        }
        let prepared = self.prepare(number).await.context("before it")?;
        let (client, company) = (self.client.clone(), &self.company);
        let Prepared { people, new_org, leave, key, day } = prepared;
        let jobs = Jobs::new((&client, company), people, (new_org, leave), (key, day));
        let seen = match row.injection {
            Injection::Restart => throughout(&jobs, restart(&mut self.stack)).await?,
            Injection::FailOver => throughout(&jobs, fail_over(&mut self.stack)).await?,
            Injection::DiskFull => {
                self.begin(&row.injection).await?;
                until_refused(&jobs, row).await?
            }
            _ => {
                self.begin(&row.injection).await?;
                let attempts = (0..JOBS.len()).map(|job| jobs.attempt(job));
                futures_util::future::join_all(attempts).await
            }
        };
        for one in &seen {
            one.check(row.answers[one.job])?;
        }
        self.before_the_end(row, &jobs).await?;
        self.end(&row.injection)?;
        let punches = self.settle(&jobs).await.context("after it")?;
        self.punches.extend(punches);
        Ok(())
    }

    /// Everybody is signed in, somebody waits for leave, and there is a company that attendance does not know.
    async fn prepare(&self, number: usize) -> Result<Prepared> {
        let Company { owner, worker, .. } = &self.company;
        let people = [
            self.client.sign_in(&owner.email).await?,
            self.client.sign_in(&worker.email).await?,
            self.client.sign_in(&self.founder.email).await?,
        ];
        let [owner, worker, founder] = &people;
        self.owner_now.send_replace(owner.clone());
        let today = Clock::system().now().to_zoned(TimeZone::UTC).date();
        let off = today + 30.days() + i32::try_from(number)?.days();
        let wish = json!({ "leave_type_id": self.leave_type, "from": off, "to": off });
        let wish = worker.create(&self.company.attendance("leave-requests"), &wish).await?;
        self.stack.faults()?.between("org", "attendance")?.set(Fault::Down)?;
        let new = json!({ "name": "Compilers", "time_zone": "UTC" });
        let new = founder.create("/api/org/v1/orgs", &new).await?;
        let (new_org, leave) = (text(&new, "org_id")?, text(&wish, "leave_request_id")?);
        Ok(Prepared { people, new_org, leave, key: format!("row-{number}"), day: today.to_string() })
    }

    async fn begin(&self, injection: &Injection) -> Result<()> {
        let faults = self.stack.faults()?;
        match injection {
            Injection::Calls(fault) => faults.calls().try_for_each(|line| line.set(fault.clone()))?,
            Injection::Doors(fault) => faults.from(NGINX).try_for_each(|line| line.set(fault.clone()))?,
            Injection::Databases(fault) => faults.to(POSTGRES).try_for_each(|line| line.set(fault.clone()))?,
            Injection::Names => {
                self.stack.names()?.known(false)?;
                sleep(FELT_AFTER).await;
            }
            Injection::Clock(seconds) => {
                self.stack.timepiece()?.set_ahead(*seconds)?;
                sleep(FELT_AFTER).await;
            }
            Injection::DiskFull => self.disk.as_ref().context("a small disk")?.fill()?,
            Injection::Restart | Injection::FailOver => {}
        }
        Ok(())
    }

    fn end(&self, injection: &Injection) -> Result<()> {
        match injection {
            Injection::Names => self.stack.names()?.known(true)?,
            Injection::Clock(_) => self.stack.timepiece()?.set_ahead(0)?,
            Injection::DiskFull => self.disk.as_ref().context("a small disk")?.empty()?,
            _ => {}
        }
        self.stack.faults()?.clear()
    }

    /// Whether the message of the first punch is there while the fault lasts.
    async fn before_the_end(&self, row: &Row, jobs: &Jobs<'_>) -> Result<()> {
        let Some((_, punch)) = jobs.kept().punches.first().cloned() else { return Ok(()) };
        match row.told {
            Told::Meanwhile => self.told_once(&punch).await,
            Told::Afterwards => {
                let told = self.screen.messages()?.iter().any(|message| message["about"]["punch_id"] == punch.as_str());
                ensure!(!told, "the message of {punch} came through");
                Ok(())
            }
            Told::Sometime => Ok(()),
        }
    }

    /// Waits until the screen shows the message of a punch; it may show it once.
    async fn told_once(&self, punch: &str) -> Result<()> {
        let what = format!("the message of {punch}");
        let shown = eventually(&what, || async {
            let messages = self.screen.messages();
            let count = |messages: Vec<serde_json::Value>| {
                messages.iter().filter(|message| message["about"]["punch_id"] == punch).count()
            };
            messages.map(count).map_or_else(|error| Some(Err(error)), |count| (count > 0).then_some(Ok(count)))
        });
        ensure!(shown.await?? == 1, "the message of {punch} came twice");
        Ok(())
    }

    /// Everything heals, and what was acknowledged is there, once. Answers the punches of the worker.
    async fn settle(&self, jobs: &Jobs<'_>) -> Result<Vec<String>> {
        let before = jobs.kept();
        for (job, name) in JOBS.iter().enumerate() {
            if !jobs.is_done(job) {
                eventually(name, || async {
                    let answer = jobs.attempt(job).await.answer.ok()?;
                    // Done already, though nobody was told.
                    let decided = job == 4 && answer.status == 409;
                    ((200..300).contains(&answer.status) || decided).then_some(())
                })
                .await?;
            }
        }
        let kept = jobs.kept();
        for session in &kept.sessions {
            let person = self.client.person(&jobs.worker.email, session)?;
            person.get("/api/user/v1/users/me").await.context("a session that was given")?;
        }
        for (key, punch) in &before.punches {
            let again = jobs.worker.punch(&self.company.org_id, &Jobs::punch_body(), key).await?;
            ensure!(again.status == 200 && again.body["punch_id"] == punch.as_str(), "{key}: {punch}, then {again:?}");
        }
        let again = jobs.founder.punch(&jobs.new_org, &json!({}), &jobs.key).await?;
        let first = kept.first_punch.as_deref().context("the first punch")?;
        ensure!(again.status == 200 && again.body["punch_id"] == first, "{first}, then {again:?}");
        let leave = jobs.worker.get(&self.company.attendance(&format!("leave-requests/{}", jobs.leave))).await?;
        ensure!(leave["status"] == "approved", "approved once, now {leave}");
        for (_, punch) in &kept.punches {
            self.told_once(punch).await?;
        }
        let days = jobs.attempt(3).await;
        days.check(&[200])?;
        self.inboxes(jobs, &kept.punches).await?;
        Ok(kept.punches.into_iter().map(|(_, punch)| punch).collect())
    }

    /// Every message of this row is in its inbox, once.
    async fn inboxes(&self, jobs: &Jobs<'_>, punches: &[(String, String)]) -> Result<()> {
        let decided = eventually("the decision is told", || async {
            let inbox = jobs.worker.inbox().await.ok()?;
            let told = |item: &&serde_json::Value| {
                item["kind"] == "leave_decided" && item["about"]["request_id"] == jobs.leave.as_str()
            };
            let count = inbox.iter().filter(told).count();
            (count > 0).then_some(count)
        });
        ensure!(decided.await? == 1, "the decision was told twice");
        let inbox = jobs.owner.inbox().await?;
        for (_, punch) in punches {
            let count = inbox.iter().filter(|item| item["about"]["punch_id"] == punch.as_str()).count();
            ensure!(count == 1, "{count} messages of {punch} in the inbox");
        }
        Ok(())
    }
}

struct Prepared {
    people: [Person; 3],
    new_org: String,
    leave: String,
    key: String,
    day: String,
}

/// Every job, again and again, while `change` happens and a moment longer.
async fn throughout(jobs: &Jobs<'_>, change: impl Future<Output = Result<()>>) -> Result<Vec<Seen>> {
    let over = AtomicBool::new(false);
    let over = &over;
    let attempts = (0..JOBS.len()).map(|job| async move {
        let mut seen = Vec::new();
        while !over.load(Ordering::Relaxed) && !jobs.is_done(job) {
            seen.push(jobs.attempt(job).await);
            sleep(PAUSE).await;
        }
        seen
    });
    let changing = async {
        let changed = change.await;
        sleep(AFTER).await;
        over.store(true, Ordering::Relaxed);
        changed
    };
    let (seen, changed) = tokio::join!(futures_util::future::join_all(attempts), changing);
    changed?;
    Ok(seen.into_iter().flatten().collect())
}

/// Writes until one is refused for want of room: tables and their indexes have some left. Then every job once.
async fn until_refused(jobs: &Jobs<'_>, row: &Row) -> Result<Vec<Seen>> {
    for job in [0, 1] {
        for attempt in 0.. {
            let seen = jobs.attempt(job).await;
            if seen.check(&[&[201][..], row.answers[job]].concat())? == row.answers[job][0] {
                break;
            }
            ensure!(attempt < 2_000, "there is always room for {}", JOBS[job]);
        }
    }
    Ok(futures_util::future::join_all((0..JOBS.len()).map(|job| jobs.attempt(job))).await)
}

async fn restart(stack: &mut Stack) -> Result<()> {
    for name in ["user", "org", "attendance", "notification"] {
        stack.kill(name).await?;
        stack.start_service(name).await?;
    }
    Ok(())
}

async fn fail_over(stack: &mut Stack) -> Result<()> {
    stack.fail_over().await
}

/// What goes past its line would feel no fault.
fn every_line_is_in_use(stack: &Stack) -> Result<()> {
    let faults = stack.faults()?;
    for (from, to) in [
        ("attendance", "org"),
        ("attendance", "user"),
        ("attendance", "notification"),
        ("org", "attendance"),
        ("org", "notification"),
        ("notification", "user"),
        ("user", "postgres"),
        ("org", "postgres"),
        ("attendance", "postgres"),
        ("notification", "postgres"),
        ("nginx", "notification"),
    ] {
        ensure!(faults.between(from, to)?.counts().connections > 0, "nothing went from {from} to {to}");
    }
    Ok(())
}
