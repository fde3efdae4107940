//! A company to look at: twenty people in three units and two time zones, a month of punches, a manager who has
//! accepted an invitation. It is made through the public API alone, so making it also shows that the API is whole.
//!
//! Every creating request carries an `Idempotency-Key`: a load that was interrupted is simply run again.

pub(crate) mod client;
mod company;

use crate::{mail, secrets};
use anyhow::{Context, Result, ensure};
use client::{Client, text};
use company::{MANAGER, PEOPLE, SITES, UNITS};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::{Method, StatusCode};
use rollcall_common::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The founder's sign-in.
pub const EMAIL: &str = "demo@rollcall.example";
/// The manager's sign-in.
pub const MANAGER_EMAIL: &str = "lin.yue@rollcall.example";
/// The password of both; a demo has no secrets.
pub const PASSWORD: &str = "nine-o-clock-sharp";
const NAME: &str = "Rollcall Demo";
/// Punches in one request.
const BATCH: usize = 500;
/// What an event needs from one service to another, with room.
const PATIENCE: Duration = Duration::from_secs(30);

/// The company as it was loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Company {
    /// The organisation.
    pub org_id: String,
    /// The manager, as an employee.
    pub manager_id: String,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// Loads the company into the stack at an address.
pub struct Demo {
    base_url: String,
    run_dir: PathBuf,
    clock: Clock,
}

/// Ids that the steps hand on.
struct Made {
    org_id: String,
    sites: Vec<String>,
    units: Vec<String>,
    people: Vec<String>,
}

impl Demo {
    /// A demo for the stack that runs in `run_dir` behind `base_url`.
    pub fn new(base_url: impl Into<String>, run_dir: &Path) -> Self {
        Self { base_url: base_url.into(), run_dir: run_dir.to_owned(), clock: Clock::system() }
    }

    /// Loads it unless that was done before.
    pub async fn load(&self, say: impl Fn(&str)) -> Result<Company> {
        let note = self.run_dir.join("demo.json");
        if let Ok(noted) = fs::read(&note) {
            return serde_json::from_slice(&noted).with_context(|| note.display().to_string());
        }
        let start = Instant::now();
        say("loading a demo company …");
        let anyone = Client::new(&self.base_url)?;
        let founder = sign_up(&anyone, EMAIL, "Demo Owner", SITES[0].time_zone).await?;
        let made = self.found(&founder).await?;
        self.plan(&founder, &made).await?;
        let count = self.import(&founder, &made).await?;
        self.accept(&anyone, &founder, &made).await?;
        let company =
            Company { org_id: made.org_id, manager_id: made.people[MANAGER].clone(), loaded_at: self.clock.now() };
        secrets::write(&note, &serde_json::to_vec_pretty(&company)?)?;
        say(&format!(
            "{} people and {count} punches loaded ({:.1} s)",
            PEOPLE.len() + 1,
            start.elapsed().as_secs_f64()
        ));
        Ok(company)
    }

    fn today(&self, zone: &str) -> Result<Date> {
        Ok(self.clock.now().in_tz(zone)?.date())
    }

    /// The organisation, its sites, units and people.
    async fn found(&self, founder: &Client) -> Result<Made> {
        let body = json!({"name": NAME, "time_zone": SITES[0].time_zone, "country": "CN", "locale": "en"});
        let org = founder.create("/api/org/v1/orgs", "demo-org", &body).await?;
        let org_id = text(&org, "/org_id")?;
        let path = format!("/api/org/v1/orgs/{org_id}");
        let mut made = Made { org_id, sites: Vec::new(), units: Vec::new(), people: Vec::new() };
        for site in &SITES {
            let (latitude, longitude) = site.place;
            let geofence = json!({"latitude": latitude, "longitude": longitude, "radius_m": 300});
            let body = json!({"name": site.name, "time_zone": site.time_zone, "geofence": geofence});
            let site = founder.create(&format!("{path}/sites"), &format!("demo-site-{}", site.name), &body).await?;
            made.sites.push(text(&site, "/site_id")?);
        }
        for (name, _) in UNITS {
            let unit =
                founder.create(&format!("{path}/units"), &format!("demo-unit-{name}"), &json!({"name": name})).await?;
            made.units.push(text(&unit, "/unit_id")?);
        }
        let hired_on = self.today(SITES[0].time_zone)?.checked_sub(90.days())?;
        for (person, (name, unit)) in PEOPLE.into_iter().enumerate() {
            let leader = PEOPLE.iter().position(|(_, other)| *other == unit).filter(|leader| *leader != person);
            let mut body = json!({
                "number": company::number(person), "name": name, "hired_on": hired_on,
                "assignment": {"unit_id": made.units[unit], "site_id": made.sites[UNITS[unit].1]},
            });
            if let Some(leader) = leader {
                body["assignment"]["manager_id"] = json!(made.people[leader]);
            }
            if person == MANAGER {
                body["email"] = json!(MANAGER_EMAIL);
                body["invite"] = json!(true);
            }
            let employee =
                founder.create(&format!("{path}/employees"), &format!("demo-person-{person}"), &body).await?;
            made.people.push(text(&employee, "/employee_id")?);
        }
        founder.put(&format!("{path}/employees/{}/roles/manager", made.people[MANAGER]), None).await?;
        Ok(made)
    }

    /// One shift, planned for everybody on working days.
    async fn plan(&self, founder: &Client, made: &Made) -> Result<()> {
        let path = format!("/api/attendance/v1/orgs/{}", made.org_id);
        let body = json!({
            "code": "DAY", "name": "Day shift", "start": "09:00", "end": "18:00",
            "breaks": [{"start": "12:00", "end": "13:00", "paid": false}], "grace_in": 5,
        });
        let shift = founder.create(&format!("{path}/shifts"), "demo-shift", &body).await?;
        let shift_id = text(&shift, "/shift_id")?;
        let today = self.today(SITES[0].time_zone)?;
        let (from, to) = (today.checked_sub(company::DAYS.days())?, today.checked_add(company::AHEAD.days())?);
        let weeks = company::working_weeks(from, to)?;
        let entry = |site: &String, (from, to): &(Date, Date)| json!({"site_id": site, "from": from, "to": to, "shift_id": shift_id});
        let entries: Vec<Value> =
            made.sites.iter().flat_map(|site| weeks.iter().map(move |week| entry(site, week))).collect();
        // Attendance hears of a new site a moment after org has answered.
        let start = Instant::now();
        loop {
            let body = json!({"entries": entries});
            let answer = founder.plan(&format!("{path}/roster"), from, &body).await?;
            if answer.status.is_success() || start.elapsed() > PATIENCE {
                return answer.success("the roster").map(drop);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The punches of the month, as an import from another system.
    async fn import(&self, founder: &Client, made: &Made) -> Result<usize> {
        let mut punches = Vec::new();
        for (person, employee_id) in made.people.iter().enumerate() {
            let yesterday = self.today(company::site_of(person).time_zone)?.yesterday()?;
            for at in company::punches(person, yesterday)? {
                let key = format!("demo-{employee_id}-{}", at.as_second());
                punches.push(json!({"idempotency_key": key, "employee_id": employee_id, "at": at, "source": "import"}));
            }
        }
        let path = format!("/api/attendance/v1/orgs/{}/punches/batch", made.org_id);
        for batch in punches.chunks(BATCH) {
            self.import_batch(founder, &path, batch).await?;
        }
        Ok(punches.len())
    }

    async fn import_batch(&self, founder: &Client, path: &str, batch: &[Value]) -> Result<()> {
        let start = Instant::now();
        loop {
            let body = json!({"punches": batch});
            let answer = founder.send(Method::POST, path, Some(&body), None).await?.success(path)?;
            let items = answer["items"].as_array().context("a batch is answered item by item")?;
            let Some(rejected) = items.iter().find(|item| item["verdict"] == "rejected") else {
                return Ok(());
            };
            // Somebody may be so new that attendance has not heard of them.
            ensure!(start.elapsed() < PATIENCE, "a punch was rejected: {rejected}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The manager reads the mail, signs up and accepts.
    async fn accept(&self, anyone: &Client, founder: &Client, made: &Made) -> Result<()> {
        let path = format!("/api/org/v1/orgs/{}/employees/{}", made.org_id, made.people[MANAGER]);
        if founder.get(&path).await?["user_id"].is_string() {
            return Ok(());
        }
        let mail =
            mail::wait_for(&self.run_dir.join("mail"), MANAGER_EMAIL, PATIENCE, |text| text.contains(NAME)).await?;
        let manager = sign_up(anyone, MANAGER_EMAIL, PEOPLE[MANAGER].0, SITES[0].time_zone).await?;
        let body = json!({"token": mail::code(&mail)?});
        manager.create("/api/org/v1/invitations/accept", "demo-accept", &body).await.map(drop)
    }
}

/// Signs up, or finds that it was done before, and signs in.
async fn sign_up(anyone: &Client, email: &str, name: &str, zone: &str) -> Result<Client> {
    let body = json!({"email": email, "password": PASSWORD, "name": name, "time_zone": zone, "locale": "en"});
    let answer = anyone.send(Method::POST, "/api/user/v1/users", Some(&body), None).await?;
    if answer.status != StatusCode::CONFLICT {
        answer.success("sign-up")?;
    }
    let body = json!({"email": email, "password": PASSWORD});
    let answer = anyone.send(Method::POST, "/api/user/v1/sessions", Some(&body), None).await?;
    Ok(anyone.signed_in(&text(&answer.success("sign-in")?, "/access_token")?))
}

/// What `make up` says at its end: the address, a sign-in and three lines to paste.
pub fn welcome(base_url: &str, company: &Company) -> String {
    let Company { org_id, manager_id, loaded_at } = company;
    let to = loaded_at.to_zoned(TimeZone::UTC).date();
    let from = to.saturating_sub(7.days());
    format!(
        r#"Rollcall is at {base_url}, its API at {base_url}/docs/
Sign in as {EMAIL} (owner) or {MANAGER_EMAIL} (manager), password {PASSWORD}

TOKEN=$(curl -s {base_url}/api/user/v1/sessions -H 'Content-Type: application/json' -d '{{"email":"{EMAIL}","password":"{PASSWORD}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s -X POST {base_url}/api/attendance/v1/orgs/{org_id}/punches -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)" -H 'Content-Type: application/json' -d '{{}}'
curl -s "{base_url}/api/attendance/v1/orgs/{org_id}/workdays?employee_id={manager_id}&from={from}&to={to}" -H "Authorization: Bearer $TOKEN"
"#
    )
}
