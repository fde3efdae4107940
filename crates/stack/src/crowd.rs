//! An organisation of many people: what benchmarks and crash tests load one service with, attendance unless another is
//! named.
//!
//! The service runs alone, as its real program, and hears of the organisation as it would from org: by events, at its
//! own intake, signed with the key that its settings give org. The people's access tokens are signed with a key that it
//! finds where it keeps the last published ones; user itself is away, and nobody has to hash a thousand passwords.

use crate::load::Traffic;
use crate::stack::{Builder, Stack};
use anyhow::{Context as _, Result, ensure};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use jiff::civil::date;
use rollcall_common::clock::Clock;
use rollcall_common::secret::random_token;
use rollcall_common::testing::{ManualClock, TestKey, TestKeys};
use rollcall_ids::{AssignmentId, EmployeeId, EventId, OrgId, PunchId, SiteId, UnitId, UserId};
use rollcall_org_api::events::{EMPLOYEE_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED};
use rollcall_org_api::facts::{AssignmentFact, EmployeeFact, EmployeeStatus, Geofence, OrgFact, SiteFact, UnitFact};
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Events of one delivery.
const DELIVERY: usize = 100;
/// What everybody may do for themselves.
const OWN: [Permission; 3] = [Permission::AttendanceRead, Permission::PunchesCreate, Permission::RosterRead];

/// The organisation and its people. The first may do everything, the others what employees may.
pub struct Crowd {
    /// The organisation.
    pub org_id: OrgId,
    /// The unit that everybody works in, or below it.
    pub unit_id: UnitId,
    /// A unit below it, where those work who [`Crowd::in_a_hall`] has put there.
    pub hall_id: UnitId,
    /// The site that everybody works at.
    pub site_id: SiteId,
    /// Who is who.
    pub people: Vec<Person>,
    hall: usize,
    service: &'static str,
    clock: ManualClock,
    keys: TestKeys,
}

/// Somebody who punches.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// As an employee.
    pub employee_id: EmployeeId,
    /// As an account.
    pub user_id: UserId,
}

impl Crowd {
    /// So many people, at least one, of whom attendance knows nothing yet.
    pub fn new(people: usize) -> Result<Self> {
        Self::at("attendance", people)
    }

    /// So many people, at least one, of whom this service knows nothing yet.
    pub fn at(service: &'static str, people: usize) -> Result<Self> {
        let clock = ManualClock::at(Clock::system().now());
        let person = |_| Person { employee_id: EmployeeId::generate(), user_id: UserId::generate() };
        Ok(Self {
            org_id: OrgId::generate(),
            unit_id: UnitId::generate(),
            hall_id: UnitId::generate(),
            hall: 0,
            site_id: SiteId::generate(),
            people: (0..people.max(1)).map(person).collect(),
            service,
            keys: TestKeys::generate(clock.clone())?,
            clock,
        })
    }

    /// The first so many work in the hall.
    #[must_use]
    pub fn in_a_hall(mut self, people: usize) -> Self {
        self.hall = people;
        self
    }

    /// A stack of the service alone, which believes what this crowd says of itself.
    pub fn stack(&self) -> Result<Builder> {
        let stack = self.believing(Stack::builder().only(&[self.service]), "org")?;
        // A few people punch for thousands.
        let many = |stack: Builder| stack.setting("attendance", "punches.person_at_once", 1_000_000);
        Ok(if self.service == "attendance" { many(stack) } else { stack })
    }

    /// The service believes this crowd as well when it speaks as `peer`.
    pub fn believing(&self, stack: Builder, peer: &str) -> Result<Builder> {
        let public = self.keys.service_key(peer)?.public;
        Ok(stack.setting(self.service, &format!("peers.{peer}.public_key"), public))
    }

    /// The key of `peer` that the service believes: for whoever speaks in its place.
    pub fn service_key(&self, peer: &str) -> Result<TestKey> {
        self.keys.service_key(peer)
    }

    /// A fresh token with which `peer` speaks to the service.
    pub fn service_token(&self, peer: &str) -> Result<String> {
        self.clock.set(Clock::system().now());
        self.keys.service_token(peer, self.service)
    }

    /// Tells the service of the organisation and of everybody in it.
    pub async fn arrive(&self, stack: &Stack) -> Result<()> {
        self.publish_keys(stack)?;
        let mut events = vec![self.event(ORG_CHANGED, &self.org())?];
        for (unit_id, parent_id) in [(self.unit_id, None), (self.hall_id, Some(self.unit_id))] {
            events.push(self.event(UNIT_CHANGED, &Self::unit(unit_id, parent_id))?);
        }
        events.push(self.event(SITE_CHANGED, &self.site())?);
        for index in 0..self.people.len() {
            events.push(self.event(EMPLOYEE_CHANGED, &self.employee(index))?);
        }
        #[expect(clippy::disallowed_methods, reason = "speaks as org would, with a token of its own making")]
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/internal/v1/events", stack.service_url(self.service)?);
        for delivery in events.chunks(DELIVERY) {
            let request = http.post(&url).bearer_auth(self.service_token("org")?);
            let request = request.header("content-type", "application/cloudevents-batch+json");
            let answer = request.body(serde_json::to_vec(delivery)?).send().await?;
            let (status, said) = (answer.status(), answer.text().await?);
            let applied = said.matches(r#""verdict":"applied""#).count();
            ensure!(
                status.is_success() && applied == delivery.len(),
                "{} says {status} to facts: {said}",
                self.service
            );
        }
        Ok(())
    }

    /// A fresh access token of somebody, for five minutes from now.
    pub fn token(&self, person: Person) -> Result<String> {
        self.clock.set(Clock::system().now());
        self.keys.access_token(person.user_id)
    }

    /// A path of the service within the organisation; `rest` starts with a slash.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/{}/v1/orgs/{}{rest}", self.service, self.org_id)
    }

    /// Where the service looks for the keys of access tokens while user is away.
    fn publish_keys(&self, stack: &Stack) -> Result<()> {
        let url = format!("{}/.well-known/jwks.json", stack.peer_url(self.service, "user")?);
        let mut admin = PgConnection::establish(&stack.database(self.service)?)?;
        sql_query("INSERT INTO jwks_cache (url, keys, fetched_at) VALUES ($1, $2, now())")
            .bind::<sql_types::Text, _>(url)
            .bind::<sql_types::Jsonb, _>(serde_json::to_value(self.keys.jwks())?)
            .execute(&mut admin)?;
        Ok(())
    }

    fn event(&self, kind: &str, fact: &impl Serialize) -> Result<Value> {
        let data = serde_json::to_value(fact)?;
        Ok(json!({
            "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/org", "type": kind, "subject": "any",
            "time": Clock::system().now(), "datacontenttype": "application/json", "orgid": self.org_id,
            "aggregateversion": data["version"], "data": data,
        }))
    }

    fn org(&self) -> OrgFact {
        let (name, time_zone, locale) = ("Crowd".into(), "Europe/Berlin".into(), "en".into());
        OrgFact { org_id: self.org_id, name, time_zone, locale, version: 1 }
    }

    fn unit(unit_id: UnitId, parent_id: Option<UnitId>) -> UnitFact {
        let name = if parent_id.is_some() { "Hall" } else { "Everybody" }.into();
        UnitFact { unit_id, name, parent_id, head_employee_id: None, deleted: false, version: 1 }
    }

    fn site(&self) -> SiteFact {
        SiteFact {
            site_id: self.site_id,
            name: "Works".into(),
            time_zone: "Europe/Berlin".into(),
            earlier_zones: None,
            geofence: Some(Geofence { latitude: 52.52, longitude: 13.405, radius_m: 300 }),
            holiday_calendar_id: None,
            allowed_networks: vec![],
            deleted: false,
            version: 1,
        }
    }

    /// What org says of one of the people, counted from 0, at first.
    pub fn employee(&self, index: usize) -> EmployeeFact {
        let person = self.people[index];
        let assignment = AssignmentFact {
            assignment_id: AssignmentId::generate(),
            unit_id: if index < self.hall { self.hall_id } else { self.unit_id },
            site_id: self.site_id,
            manager_id: (index > 0).then(|| self.people[0].employee_id),
            position: None,
            valid_from: date(2024, 1, 1),
            valid_to: None,
        };
        let grant = |role: &str, permissions: &[Permission], scope: Scope| Grant {
            role: role.into(),
            permissions: permissions.iter().copied().collect(),
            scope,
        };
        let mut grants = vec![grant("employee", &OWN, Scope::Own)];
        if index == 0 {
            grants.push(grant("owner", &Permission::ALL, Scope::Org));
        }
        EmployeeFact {
            employee_id: person.employee_id,
            number: format!("{:05}", index + 1),
            name: format!("Employee {}", index + 1),
            email: None,
            user_id: Some(person.user_id),
            status: EmployeeStatus::Active,
            hired_on: date(2024, 1, 1),
            left_on: None,
            assignments: vec![assignment],
            grants,
            version: 1,
        }
    }
}

/// Everybody punches, one after another, each time with a new key. Keeps what was answered with success.
pub struct Punches {
    /// Of each person, what a request starts with, up to its key.
    heads: Vec<Vec<u8>>,
    run: String,
    acknowledged: Mutex<Vec<PunchId>>,
}

/// A position within the geofence, as a telephone sends it.
const BODY: &str = r#"{"direction":"auto","source":"mobile","latitude":52.5201,"longitude":13.4049,"accuracy_m":12.5}"#;

impl Punches {
    /// Punches of this crowd, with fresh tokens: for at most five minutes.
    pub fn of(crowd: &Crowd) -> Result<Arc<Self>> {
        let path = crowd.path("/punches");
        let head = |person: &Person| -> Result<Vec<u8>> {
            let token = crowd.token(*person)?;
            let length = BODY.len();
            Ok(format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\nIdempotency-Key: "
            )
            .into_bytes())
        };
        let heads = crowd.people.iter().map(head).collect::<Result<_>>()?;
        Ok(Arc::new(Self { heads, run: random_token(9), acknowledged: Mutex::default() }))
    }

    /// How many were answered with success so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Holds what was answered against the table: each punch that was answered is a row, was answered to one request
    /// only, and no key has two rows. Answers how many were acknowledged. Blocks.
    pub fn verify(&self, stack: &Stack) -> Result<usize> {
        let mut admin = PgConnection::establish(&stack.database("attendance")?)?;
        let rows: Vec<Stored> =
            sql_query("SELECT punch_id, employee_id, idempotency_key FROM punches WHERE idempotency_key LIKE $1")
                .bind::<sql_types::Text, _>(format!("{}/%", self.run.replace('_', "\\_")))
                .load(&mut admin)
                .context("reading the punches back")?;
        let stored: HashSet<PunchId> = rows.iter().map(|row| row.punch_id).collect();
        ensure!(stored.len() == rows.len(), "an id was given to two punches");
        let keys: HashSet<_> = rows.iter().map(|row| (row.employee_id, row.idempotency_key.as_str())).collect();
        ensure!(keys.len() == rows.len(), "{} keys have {} punches", keys.len(), rows.len());
        let acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let distinct: HashSet<PunchId> = acknowledged.iter().copied().collect();
        ensure!(distinct.len() == acknowledged.len(), "one punch was the answer to two requests");
        let lost = distinct.difference(&stored).count();
        ensure!(lost == 0, "{lost} of {} acknowledged punches are not there", distinct.len());
        Ok(distinct.len())
    }
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = sql_types::Uuid)]
    punch_id: PunchId,
    #[diesel(sql_type = sql_types::Uuid)]
    employee_id: EmployeeId,
    #[diesel(sql_type = sql_types::Text)]
    idempotency_key: String,
}

impl Traffic for Punches {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        let person = usize::try_from(number).unwrap_or_default() % self.heads.len();
        into.extend_from_slice(&self.heads[person]);
        // Writing to a Vec does not fail.
        let _ = write!(into, "{}/{number}\r\n\r\n{BODY}", self.run);
    }

    /// 201, or 200 for one that was stored before its answer was lost.
    fn answered(&self, _number: u64, status: u16, body: &[u8]) -> bool {
        let id = matches!(status, 200 | 201).then(|| punch_id(body)).flatten();
        if let Some(id) = id {
            self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        }
        id.is_some()
    }
}

fn punch_id(body: &[u8]) -> Option<PunchId> {
    let name = br#""punch_id":""#;
    let start = body.windows(name.len()).position(|window| window == name)? + name.len();
    std::str::from_utf8(body.get(start..start + 36)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_punch_is_found_in_its_answer() {
        let id = PunchId::generate();
        let body = format!(r#"{{"employee_id":"x","punch_id":"{id}","at":"y"}}"#);
        assert_eq!(punch_id(body.as_bytes()), Some(id));
        assert_eq!(punch_id(b"{\"code\":\"unavailable\"}"), None);
    }

    #[test]
    fn requests_of_different_numbers_have_different_keys_and_people() {
        let punches = Punches::of(&Crowd::new(2).unwrap()).unwrap();
        let request = |number| {
            let mut bytes = Vec::new();
            punches.request(number, &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        let (first, second, third) = (request(0), request(1), request(2));
        let line = |request: &str, name: &str| request.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        assert_ne!(line(&first, "Idempotency-Key"), line(&third, "Idempotency-Key"));
        assert_ne!(line(&first, "Authorization"), line(&second, "Authorization"));
        assert_eq!(line(&first, "Authorization"), line(&third, "Authorization"));
        assert!(first.ends_with(&format!("\r\n\r\n{BODY}")));
    }
}
