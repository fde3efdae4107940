//! What people do, whatever is wrong: each job can be tried again and again, as a client with an idempotency key would,
//! and remembers what it was answered.

use super::table::JOBS;
use crate::company::{Answer, Client, Company, Person, text};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a client waits: nginx gives up on a service after eleven seconds, a second after the deadline that it sets.
pub const DEADLINE: Duration = Duration::from_secs(12);

/// What one row does, prepared while nothing was wrong.
pub struct Jobs<'a> {
    pub client: &'a Client,
    pub company: &'a Company,
    /// The two, signed in a moment ago.
    pub owner: Person,
    pub worker: Person,
    /// Owns a company that attendance has not heard of.
    pub founder: Person,
    pub new_org: String,
    /// Leave that waits for the owner.
    pub leave: String,
    /// Of this row alone.
    pub key: String,
    pub day: String,
    punched: AtomicUsize,
    done: [AtomicBool; JOBS.len()],
    kept: Mutex<Kept>,
}

/// What was answered with success.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub sessions: Vec<Value>,
    /// Of the worker: key and id.
    pub punches: Vec<(String, String)>,
    pub first_punch: Option<String>,
    pub approved: bool,
}

/// What was seen of one attempt.
#[derive(Debug)]
pub struct Seen {
    pub job: usize,
    pub answer: Result<Answer>,
    pub took: Duration,
}

impl<'a> Jobs<'a> {
    pub fn new(
        (client, company): (&'a Client, &'a Company),
        [owner, worker, founder]: [Person; 3],
        (new_org, leave): (String, String),
        (key, day): (String, String),
    ) -> Self {
        let (punched, done, kept) = (AtomicUsize::new(0), Default::default(), Mutex::default());
        Self { client, company, owner, worker, founder, new_org, leave, key, day, punched, done, kept }
    }

    pub fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does job `number` of [`JOBS`] once, and keeps what was acknowledged.
    pub async fn attempt(&self, job: usize) -> Seen {
        let started = Instant::now();
        // What was acknowledged before a reading began is in it.
        let before = self.kept().punches;
        let answer = self.send(job).await;
        let took = started.elapsed();
        let answer = answer.and_then(|answer| {
            self.keep(job, &answer, &before)?;
            Ok(answer)
        });
        Seen { job, answer, took }
    }

    /// Whether there is nothing left to do of a job that is done once.
    pub fn is_done(&self, job: usize) -> bool {
        matches!(job, 2 | 4) && self.done[job].load(Ordering::Relaxed)
    }

    /// Outside the geofence, so that the owner is told.
    pub fn punch_body() -> Value {
        json!({ "latitude": 48.85, "longitude": 2.35 })
    }

    fn punch_key(&self) -> String {
        format!("{}-{}", self.key, self.punched.load(Ordering::Relaxed))
    }

    async fn send(&self, job: usize) -> Result<Answer> {
        let Self { client, company, owner, worker, founder, .. } = self;
        match job {
            0 => client.try_sign_in(&worker.email).await,
            1 => worker.punch(&company.org_id, &Self::punch_body(), &self.punch_key()).await,
            2 => founder.punch(&self.new_org, &json!({}), &self.key).await,
            3 => {
                let Company { worker_id, .. } = company;
                let path = format!("workdays?employee_id={worker_id}&from={day}&to={day}", day = self.day);
                worker.call(Method::GET, &company.attendance(&path), None).await
            }
            4 => {
                let path = company.attendance(&format!("leave-requests/{}/approve", self.leave));
                owner.call(Method::POST, &path, Some(&json!({}))).await
            }
            _ => owner.call(Method::GET, "/api/notification/v1/notifications?limit=200", None).await,
        }
    }

    fn keep(&self, job: usize, answer: &Answer, before: &[(String, String)]) -> Result<()> {
        if !(200..300).contains(&answer.status) {
            return Ok(());
        }
        self.done[job].store(true, Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match job {
            0 => kept.sessions.push(answer.body.clone()),
            1 => {
                kept.punches.push((self.punch_key(), text(&answer.body, "punch_id")?));
                self.punched.fetch_add(1, Ordering::Relaxed);
            }
            2 => kept.first_punch = Some(text(&answer.body, "punch_id")?),
            3 => {
                let shown = answer.body.to_string();
                let missing = before.iter().find(|(_, id)| !shown.contains(id.as_str()));
                ensure!(missing.is_none(), "{missing:?} is in no workday: {shown}");
            }
            4 => kept.approved = true,
            _ => {}
        }
        Ok(())
    }
}

impl Seen {
    /// Holds an attempt against its cell.
    pub fn check(&self, allowed: &[u16]) -> Result<u16> {
        let told = || format!("{} after {:?}", JOBS[self.job], self.took);
        // No answer within the client's time is a hang.
        let answer = self.answer.as_ref().map_err(|error| anyhow::anyhow!("{error:#}")).with_context(told)?;
        let Answer { status, headers, body } = answer;
        ensure!(allowed.contains(status), "{}: {status}, not {allowed:?}: {body}", told());
        if *status >= 400 {
            let problem = headers.get("content-type").is_some_and(|kind| kind == "application/problem+json");
            ensure!(problem && body["code"].is_string(), "{}: {status} is no problem: {body}", told());
        }
        if *status == 503 {
            ensure!(headers.contains_key("retry-after"), "{}: nobody says when to come back: {body}", told());
        }
        Ok(*status)
    }
}
