//! What the office sends, and what of it is there in the end.

use super::{Office, Person, today};
use crate::load::Traffic;
use anyhow::{Context as _, Result};
use rollcall_common::clock::Clock;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failures that are remembered word for word.
const REMEMBERED: usize = 10;
/// One of so many requests is a punch.
const KINDS: u64 = 6;

impl Traffic for Office {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        let person = self.person(number);
        let Person { org_id, employee_id, token, .. } = person;
        let attendance = format!("/api/attendance/v1/orgs/{org_id}");
        let (path, punch) = match kind(number) {
            0 => (format!("{attendance}/punches"), Some(format!("{{\"note\":\"{number}\"}}"))),
            1 => (format!("{attendance}/punches?employee_id={employee_id}&limit=10"), None),
            2 => {
                let day = today(Clock::system().now());
                (format!("{attendance}/workdays?employee_id={employee_id}&from={day}&to={day}"), None)
            }
            3 => ("/api/notification/v1/notifications?limit=10".to_owned(), None),
            4 => (format!("/api/org/v1/orgs/{org_id}/me"), None),
            _ => ("/api/user/v1/users/me".to_owned(), None),
        };
        let host = self.base_url.trim_start_matches("http://");
        let written = match punch {
            None => {
                write!(into, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")
            }
            Some(body) => write!(
                into,
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {}-{number}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                self.run,
                body.len()
            ),
        };
        // Memory takes everything.
        debug_assert!(written.is_ok());
    }

    fn answered(&self, number: u64, status: u16, body: &[u8]) -> bool {
        let punch = kind(number) == 0;
        if status != if punch { 201 } else { 200 } {
            self.note(number, status, body);
            return false;
        }
        if punch {
            let id = serde_json::from_slice::<serde_json::Value>(body).ok();
            let Some(id) = id.and_then(|body| body["punch_id"].as_str().map(str::to_owned)) else { return false };
            self.punched.lock().unwrap_or_else(PoisonError::into_inner).insert(number, id);
        }
        true
    }
}

/// What kind of request the number is.
const fn kind(number: u64) -> u64 {
    number % KINDS
}

/// What is stored, held against what was answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    /// Punches that were answered with success.
    pub acknowledged: usize,
    /// Of those, how many are not there.
    pub lost: usize,
    /// Punches that are there.
    pub stored: usize,
    /// Reads that were answered with anything but 200.
    pub failed_reads: u64,
    /// Punches that were answered with anything but 201.
    pub failed_punches: u64,
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, lost, stored, failed_reads, failed_punches } = self;
        write!(
            f,
            "{acknowledged} punches acknowledged, {lost} lost, {stored} stored; bad answers: {failed_reads} reads, \
             {failed_punches} punches"
        )
    }
}

impl Office {
    /// Reads back every punch of everybody.
    pub async fn settle(&self) -> Result<Settled> {
        let mut stored = BTreeSet::new();
        for person in &self.people {
            let mut cursor = None;
            loop {
                let page = person.punches(cursor.as_deref()).await?;
                let items = page["items"].as_array().context("items")?;
                stored.extend(items.iter().filter_map(|punch| punch["punch_id"].as_str().map(str::to_owned)));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = Some(next.to_owned()),
                    None => break,
                }
            }
        }
        let answered = self.punched.lock().unwrap_or_else(PoisonError::into_inner);
        let [reads, punches] = &self.failed;
        Ok(Settled {
            acknowledged: answered.len(),
            lost: answered.values().filter(|id| !stored.contains(*id)).count(),
            stored: stored.len(),
            failed_reads: reads.load(Ordering::Relaxed),
            failed_punches: punches.load(Ordering::Relaxed),
        })
    }

    /// The first answers that were not what was hoped for.
    pub fn complaints(&self) -> Vec<String> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn person(&self, number: u64) -> &Person {
        let index = usize::try_from(number / KINDS).unwrap_or_default() % self.people.len();
        &self.people[index]
    }

    fn note(&self, number: u64, status: u16, body: &[u8]) {
        let [reads, punches] = &self.failed;
        let failed: &AtomicU64 = if kind(number) == 0 { punches } else { reads };
        failed.fetch_add(1, Ordering::Relaxed);
        let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        if bad.len() < REMEMBERED {
            let mut request = Vec::new();
            self.request(number, &mut request);
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            bad.push(format!("{line}: {status} {}", String::from_utf8_lossy(body)));
        }
    }
}
