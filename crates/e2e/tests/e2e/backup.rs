//! A backup is taken while people work, more is done, and databases are put back: nothing that was acknowledged before
//! the backup is missing, and events and streams go on without a lost or a repeated effect. By the scripts that operators
//! use.

use crate::company::{Client, Company, Person, eventually};
use crate::start;
use crate::stream::{Stream, position};
use anyhow::{Context as _, Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use reqwest::Method;
use rollcall_stack::{Stack, binaries};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::sleep;
use url::Url;

const SERVICES: [&str; 4] = ["user", "org", "attendance", "notification"];
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn all_databases_put_back_agree_and_streams_begin_anew() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let mut stream = Stream::open(&company.owner, None).await?;
    for number in 0..5 {
        punch(&company, &format!("before-{number}")).await?;
    }
    let acknowledged = punches(&company).await?;
    let last = stream.next("notification", PATIENCE).await?;
    let (set, ()) = tokio::try_join!(back_up(&stack, true), punch_on(&company))?;
    // Another time, which will not have been.
    punch(&company, "after").await?;
    company.owner.create(&format!("/api/org/v1/orgs/{}/sites", company.org_id), &new_site()).await?;
    let told = told_of(&company.owner).await?;
    ensure!(told > 5, "{told} messages are no work");
    stop(&mut stack).await?;
    let mailed = mails(&stack);
    let said = restore(&stack, &set, &[]).await?;
    go_on(&mut stack).await?;
    ensure!(said.contains("streams begin anew") && said.contains("signing keys are ended"), "{said}");

    // Whoever was signed in is not: nobody knows which sessions were ended in the time that is lost.
    let refused = company.owner.call(Method::GET, "/api/notification/v1/unread-count", None).await?;
    ensure!(refused.status == 401, "{refused:?}");
    let refresh = json!({ "refresh_token": company.owner.refresh_token });
    let refused = client.send(client.request(Method::POST, "/api/user/v1/sessions/refresh").json(&refresh)).await?;
    ensure!(refused.status == 401, "{refused:?}");
    let company = company.signed_in_again(&client).await?;

    let kept = punches(&company).await?;
    ensure!(acknowledged.is_subset(&kept), "{} of {} punches are left", kept.len(), acknowledged.len());
    // Every punch that is there is told of, once, and nothing else is.
    let all_told = || async { (told_of(&company.owner).await.ok()? == kept.len()).then_some(()) };
    eventually(&format!("{} punches told of", kept.len()), all_told).await?;
    let (epoch, _) = position(&last)?;
    let mut stream = Stream::open(&company.owner, last.id.as_deref()).await?;
    stream.next("reset", PATIENCE).await.context("a client with a position of the lost time is told to reload")?;
    punch(&company, "new").await?;
    let next = stream.next("notification", PATIENCE).await?;
    ensure!(position(&next)?.0 != epoch, "the epoch is the old one");
    sleep(Duration::from_secs(2)).await;
    ensure!(told_of(&company.owner).await? == kept.len() + 1, "something was told twice");
    let news: Vec<_> = mails(&stack).difference(&mailed).cloned().collect();
    ensure!(news.len() == 1, "one mail tells of the last punch; there are {}, so some were sent twice", news.len());
    // An ETag of the lost time is of no resource of this one.
    let org = company.owner.call(Method::GET, &format!("/api/org/v1/orgs/{}", company.org_id), None).await?;
    ensure!(org.headers["etag"].to_str()?.len() > 7, "{:?}", org.headers["etag"]);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_database_put_back_alone_catches_up_or_is_caught_up_with() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    punch(&company, "before").await?;
    let told = |count| {
        let owner = company.owner.clone();
        async move {
            let all = || async { (told_of(&owner).await.ok()? == count).then_some(()) };
            eventually(&format!("{count} punches told of"), all).await
        }
    };
    told(1).await?;
    let set = back_up(&stack, false).await?;
    for number in 0..7 {
        punch(&company, &format!("after-{number}")).await?;
    }
    told(8).await?;
    let newcomer = json!({
        "number": "3", "name": "Grace Newcomer", "email": "grace@example.org", "hired_on": "2024-01-01", "invite": true,
    });
    company.owner.create(&format!("/api/org/v1/orgs/{}/employees", company.org_id), &newcomer).await?;
    client.invitation_of("grace@example.org").await?;
    eventually("attendance and notification know the newcomer", || async { agree(&stack, 3).is_ok().then_some(()) })
        .await?;

    // A subscriber: what it was told since is sent to it again, and mailed to nobody. That somebody was invited is not:
    // the event held the invitation's token, and was gone once it was taken.
    stop(&mut stack).await?;
    let mailed = mails(&stack);
    let said = restore(&stack, &set, &["notification"]).await?;
    ensure!(said.contains("events are sent to notification again"), "{said}");
    go_on(&mut stack).await?;
    told(8).await?;
    eventually("the copy is whole again", || async { agree(&stack, 3).is_ok().then_some(()) }).await?;
    let url = stack.database("notification")?;
    let invited =
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM mail_deliveries WHERE recipient = 'grace@example.org'); END $$";
    PgConnection::establish(&url)?.batch_execute(invited)?;
    ensure!(mails(&stack) == mailed, "a mail was sent twice");
    punch(&company, "between").await?;
    told(9).await?;

    // The owner of facts: who was hired since is not known to it any more, and so to nobody.
    stop(&mut stack).await?;
    restore(&stack, &set, &["org"]).await?;
    go_on(&mut stack).await?;
    eventually("copies are those of org", || async { agree(&stack, 2).is_ok().then_some(()) }).await?;
    punch(&company, "at last").await?;
    told(10).await?;
    // And it is heard again: its versions are above those that copies had.
    let renamed = company.owner.client.request(Method::PATCH, &format!("/api/org/v1/orgs/{}", company.org_id));
    let etag = company.owner.call(Method::GET, &format!("/api/org/v1/orgs/{}", company.org_id), None).await?;
    let renamed = renamed.bearer_auth(&company.owner.token).header("If-Match", &etag.headers["etag"]);
    client.send(renamed.json(&json!({ "name": "Difference Engines" }))).await?.expect(200)?;
    let heard = "SELECT 1 / count(*) FROM org_facts WHERE name = 'Difference Engines'";
    eventually("the new name", || async { PgConnection::establish(&url).ok()?.batch_execute(heard).ok() }).await?;
    stack.shutdown().await
}

/// Punches far away from the site, of which the owner is told.
async fn punch(company: &Company, key: &str) -> Result<()> {
    let elsewhere = json!({ "latitude": 48.85, "longitude": 2.35 });
    company.worker.punch(&company.org_id, &elsewhere, key).await?.expect(201).map(drop)
}

/// For longer than a backup takes to fix its points.
async fn punch_on(company: &Company) -> Result<()> {
    for number in 0..60 {
        punch(company, &format!("during-{number}")).await?;
        sleep(Duration::from_millis(25)).await;
    }
    Ok(())
}

impl Company {
    async fn signed_in_again(self, client: &Client) -> Result<Self> {
        let owner = client.sign_in(&self.owner.email).await?;
        let worker = client.sign_in(&self.worker.email).await?;
        Ok(Self { owner, worker, ..self })
    }
}

fn new_site() -> Value {
    json!({ "name": "Elsewhere", "time_zone": "UTC" })
}

async fn punches(company: &Company) -> Result<BTreeSet<String>> {
    let all = company.worker.punches_of(&company.org_id, &company.worker_id).await?;
    Ok(all.iter().filter_map(|punch| punch["punch_id"].as_str().map(str::to_owned)).collect())
}

/// How many punches the owner has been told of.
async fn told_of(owner: &Person) -> Result<usize> {
    let inbox = owner.get("/api/notification/v1/notifications?limit=200").await?;
    let items = inbox["items"].as_array().context("items")?;
    Ok(items.iter().filter(|item| item["kind"] == "punch_outside_geofence").count())
}

fn mails(stack: &Stack) -> BTreeSet<PathBuf> {
    std::fs::read_dir(stack.mail_dir()).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Whether both copies have as many employees as org has, and so many.
fn agree(stack: &Stack, count: i64) -> Result<()> {
    for (service, table) in [("org", "employees"), ("attendance", "employees"), ("notification", "employee_facts")] {
        let sql = format!("DO $$ BEGIN ASSERT (SELECT count(*) FROM {table}) = {count}; END $$");
        PgConnection::establish(&stack.database(service)?)?.batch_execute(&sql).context(service)?;
    }
    Ok(())
}

async fn stop(stack: &mut Stack) -> Result<()> {
    for service in SERVICES.iter().rev() {
        stack.stop_service(service).await?;
    }
    Ok(())
}

async fn go_on(stack: &mut Stack) -> Result<()> {
    for service in SERVICES {
        stack.start_service(service).await?;
    }
    for service in ["attendance", "notification"] {
        let mut backfill = Command::new(binaries::program(service)?);
        run(backfill.args(["backfill", "--config"]).arg(settings(stack).join(format!("{service}.toml")))).await?;
    }
    Ok(())
}

fn settings(stack: &Stack) -> PathBuf {
    stack.run_dir().join("config")
}

/// Takes a backup; answers where it is.
async fn back_up(stack: &Stack, verify: bool) -> Result<PathBuf> {
    let to = stack.run_dir().join("backup");
    let mut command = script(stack, "backup")?;
    command.arg("--to").arg(&to);
    if verify {
        command.arg("--verify");
    }
    let said = run(&mut command).await?;
    ensure!(!verify || said.matches("restored and compared").count() == 4, "{said}");
    let set = std::fs::read_dir(&to)?.flatten().map(|entry| entry.path()).find(|path| path.join("manifest").exists());
    set.with_context(|| format!("no set was written: {said}"))
}

async fn restore(stack: &Stack, set: &Path, only: &[&str]) -> Result<String> {
    let mut command = script(stack, "restore")?;
    command.arg(set).arg("--yes").arg("--programs").arg(binaries::directory()?).arg("--settings").arg(settings(stack));
    for service in only {
        command.args(["--only", service]);
    }
    run(&mut command).await
}

/// A script, told where the server is.
fn script(stack: &Stack, name: &str) -> Result<Command> {
    let url = Url::parse(&stack.database("user")?)?;
    let server = format!(
        "host={} port={} user={} password={}",
        url.host_str().context("host")?,
        url.port().context("port")?,
        url.username(),
        url.password().context("password")?,
    );
    let programs = stack.postgres_program("pg_dump")?;
    let programs = programs.parent().context("a program is in a directory")?;
    let mut command = Command::new("/bin/bash");
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", programs.display());
    command.arg(binaries::repository().join("scripts").join(name)).env("PATH", path).env("ROLLCALL_SERVER", server);
    Ok(command)
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
