//! People at work who never give up: what was not answered is sent again with the key that it had, and what was
//! answered is remembered.

use crate::company::{Answer, Client, Company, Person, text};
use anyhow::{Result, ensure};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use reqwest::Method;
use rollcall_common::clock::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Between two tries of the same.
const PAUSE: Duration = Duration::from_millis(50);
/// Nobody waits longer for one thing, faults and all.
const PATIENCE: Duration = Duration::from_mins(1);

/// One company at work.
pub struct Work {
    pub company: Company,
    client: Client,
    leave_type: String,
    owner: watch::Sender<Person>,
    worker: watch::Sender<Person>,
    pub done: Mutex<Done>,
    pub repeated: AtomicU64,
}

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Punches by their keys: the id, and whether the owner has to be told.
    pub punches: BTreeMap<String, (String, bool)>,
    /// Leave that was asked for and approved.
    pub leave: Vec<String>,
    /// How the worker was called last.
    pub name: Option<String>,
}

impl Work {
    pub async fn begin(client: &Client) -> Result<Self> {
        let company = Company::found(client).await?;
        company.known_to_attendance().await?;
        let vacation = json!({ "code": "VACATION", "name": "Vacation", "unit": "day", "from_balance": false });
        let vacation = company.owner.create(&company.attendance("leave-types"), &vacation).await?;
        let (owner, worker) = (watch::Sender::new(company.owner.clone()), watch::Sender::new(company.worker.clone()));
        let leave_type = text(&vacation, "leave_type_id")?;
        let (client, done, repeated) = (client.clone(), Mutex::default(), AtomicU64::default());
        Ok(Self { company, client, leave_type, owner, worker, done, repeated })
    }

    pub fn owner(&self) -> watch::Receiver<Person> {
        self.owner.subscribe()
    }

    /// Both, signed in a moment ago.
    pub async fn signed_in(&self) -> Result<(Person, Person)> {
        self.sign_in(&self.owner).await?;
        self.sign_in(&self.worker).await?;
        Ok((self.owner.borrow().clone(), self.worker.borrow().clone()))
    }

    /// Works until it is over, and finishes what is under way.
    pub async fn until(&self, over: &AtomicBool) -> Result<()> {
        let goes_on = || !over.load(Ordering::Relaxed);
        let punching = async {
            for number in 0.. {
                if !goes_on() {
                    break;
                }
                self.punch(number).await?;
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        let leaving = async {
            for number in 0.. {
                if !goes_on() {
                    break;
                }
                self.leave(number).await?;
                self.rename(number).await?;
                sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        };
        tokio::try_join!(punching, leaving).map(drop)
    }

    async fn punch(&self, number: u64) -> Result<()> {
        let key = format!("chaos-{number}");
        let told = number.is_multiple_of(3);
        let body = if told { json!({ "latitude": 48.85, "longitude": 2.35 }) } else { json!({ "note": key }) };
        let path = self.company.attendance("punches");
        let punch = self.insist(&self.worker, Method::POST, &path, &body, Some(&key)).await?.expect_success()?;
        let id = text(&punch, "punch_id")?;
        self.done.lock().unwrap_or_else(PoisonError::into_inner).punches.insert(key, (id, told));
        Ok(())
    }

    async fn leave(&self, number: i64) -> Result<()> {
        // Each on a day of its own, from next month on.
        let day = Clock::system().now().to_zoned(TimeZone::UTC).date() + (30 + number).days();
        let wish = json!({ "leave_type_id": self.leave_type, "from": day, "to": day });
        let path = self.company.attendance("leave-requests");
        let key = format!("leave-{number}");
        let wish = self.insist(&self.worker, Method::POST, &path, &wish, Some(&key)).await?.expect_success()?;
        let id = text(&wish, "leave_request_id")?;
        let approve = self.company.attendance(&format!("leave-requests/{id}/approve"));
        let approved = self.insist(&self.owner, Method::POST, &approve, &json!({}), None).await?;
        // 409: it was, and the answer was lost.
        ensure!(matches!(approved.status, 200 | 409), "approving {id}: {approved:?}");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).leave.push(id);
        Ok(())
    }

    async fn rename(&self, number: i64) -> Result<()> {
        let Company { org_id, worker_id, .. } = &self.company;
        let name = format!("Charles the {number}th");
        let path = format!("/api/org/v1/orgs/{org_id}/employees/{worker_id}");
        let renamed = self.insist(&self.owner, Method::PATCH, &path, &json!({ "name": name }), None).await?;
        ensure!(renamed.status == 200, "renaming: {renamed:?}");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).name = Some(name);
        Ok(())
    }

    /// Sends it until it is answered with something else than that it cannot be now.
    async fn insist(
        &self,
        who: &watch::Sender<Person>,
        method: Method,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Answer> {
        let began = Instant::now();
        loop {
            let person = who.borrow().clone();
            let answer = match key {
                Some(key) => person.create_once(path, body, key).await,
                None => person.call(method.clone(), path, Some(body)).await,
            };
            match &answer {
                Ok(answer) if answer.status == 401 => drop(self.sign_in(who).await),
                Ok(answer) if matches!(answer.status, 502..=504) => {}
                // The one before still runs.
                Ok(answer) if answer.status == 409 && answer.body["code"] == "idempotency_in_progress" => {}
                Ok(_) => return answer,
                // Cut off, refused, or too late.
                Err(_) => {}
            }
            ensure!(began.elapsed() < PATIENCE, "{method} {path} is never answered; last {answer:?}");
            self.repeated.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
    }

    async fn sign_in(&self, who: &watch::Sender<Person>) -> Result<()> {
        let email = who.borrow().email.clone();
        who.send_replace(self.client.sign_in(&email).await?);
        Ok(())
    }
}
