//! Small companies at work through nginx, as their clients see it: what a release is measured with.
//!
//! Everybody owns a company of one, so that nobody has to wait for an invitation, and does a bit of everything with all
//! four services: punches, and reads punches, workdays, the inbox, memberships, the profile. What was sent and what was
//! answered is remembered, so that it can be held against what is stored in the end.

mod streams;
mod traffic;

pub use streams::{Audience, Streams};
pub use traffic::Settled;

use crate::demo::client::Client;
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rollcall_common::secret::random_token;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

/// The people at work, and what became of what they did.
pub struct Office {
    base_url: String,
    people: Vec<Person>,
    /// Punches that were answered: the number of the request, and the punch.
    punched: Mutex<BTreeMap<u64, String>>,
    /// The first answers that were not what was hoped for.
    bad: Mutex<Vec<String>>,
    /// Other failures, in sum: reads, and punches.
    failed: [AtomicU64; 2],
    run: String,
}

/// One of them.
struct Person {
    client: Client,
    token: String,
    org_id: String,
    employee_id: String,
}

impl Office {
    /// Signs so many people up, each with a company, and waits until attendance knows them.
    pub async fn found(base_url: &str, people: usize) -> Result<Self> {
        let client = Client::new(base_url)?;
        let mut all = Vec::with_capacity(people);
        for number in 0..people {
            all.push(Person::hire(&client, number).await.with_context(|| format!("person {number}"))?);
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            people: all,
            punched: Mutex::default(),
            bad: Mutex::default(),
            failed: Default::default(),
            run: random_token(6),
        })
    }
}

impl Person {
    async fn hire(client: &Client, number: usize) -> Result<Self> {
        let email = format!("office-{number}-{}@example.org", random_token(6).to_lowercase());
        let password = random_token(15);
        let body =
            json!({ "email": email, "password": password, "name": "Office", "locale": "en", "time_zone": "UTC" });
        client.create("/api/user/v1/users", &random_token(12), &body).await?;
        let session = client
            .create("/api/user/v1/sessions", &random_token(12), &json!({ "email": email, "password": password }))
            .await?;
        let token = text(&session, "access_token")?;
        let client = client.signed_in(&token);
        let org = client
            .create("/api/org/v1/orgs", &random_token(12), &json!({ "name": "Office", "time_zone": "UTC" }))
            .await?;
        let org_id = text(&org, "org_id")?;
        let me = client.get(&format!("/api/org/v1/orgs/{org_id}/me")).await?;
        let employee_id = text(&me["employee"], "employee_id")?;
        let person = Self { client, token, org_id, employee_id };
        person.known_to_attendance().await?;
        Ok(person)
    }

    async fn known_to_attendance(&self) -> Result<()> {
        let start = tokio::time::Instant::now();
        while self.punches(None).await.is_err() {
            anyhow::ensure!(start.elapsed().as_secs() < 15, "attendance does not get to know the employee");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// A page of the person's punches.
    async fn punches(&self, cursor: Option<&str>) -> Result<Value> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let Self { org_id, employee_id, .. } = self;
        let path = format!("/api/attendance/v1/orgs/{org_id}/punches?employee_id={employee_id}&limit=200{cursor}");
        self.client.get(&path).await
    }
}

/// A string field.
fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {value}"))
}

/// The date at UTC.
fn today(now: Timestamp) -> String {
    now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
