//! Reading `workdays` with ten million punches in the table, of twenty organisations of 500 people: of one person and
//! month, and of a whole unit and month. `make bench-workdays`.
//!
//! Beside the figures it keeps the plans by which PostgreSQL ran the service's own statements (`auto_explain`, in
//! `benches/attendance/plans.txt`), and refuses one that reads `punches` by anything but the key that leads with the tenant.

use crate::{attendance, plans, table};
use anyhow::{Result, ensure};
use rollcall_stack::Stack;
use rollcall_stack::crowd::{Crowd, Person};
use rollcall_stack::load::{Load, Pace, Report, Traffic};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// People of the unit that is read, and of every other organisation.
pub(crate) const PEOPLE: usize = 500;
/// A month that everybody has worked.
const MONTH: (&str, &str) = ("2026-05-01", "2026-05-31");
const DAYS: usize = 31;

/// Fills the table, reads, and keeps the plans.
pub(crate) async fn run() -> Result<()> {
    let crowd = Crowd::new(PEOPLE)?;
    let mut stack = crowd.stack()?.without_build().start().await?;
    crowd.arrive(&stack).await?;
    plan_everybody(&crowd, &stack).await?;
    let rows = table::fill(&stack, &crowd)?;
    println!("{rows} punches of {} organisations; {PEOPLE} people in the unit", table::ORGANISATIONS);
    ensure!(rows >= 10_000_000, "{rows} punches are not ten million");

    let address = attendance(&stack)?;
    let one = Reads::new(crowd.people.iter().map(|person| read_of(&crowd, *person)), DAYS)?;
    let after_another = Load::on(address).warm_up(Duration::from_secs(2)).lasting(Duration::from_secs(10));
    let person = after_another.run_beside(&one).await?;
    println!("one person, one after another: {person}");
    let steady = Load::on(address).connections(16).pace(Pace::Steady(200.0));
    let steady = steady.warm_up(Duration::from_secs(2)).lasting(Duration::from_secs(10)).run_beside(&one).await?;
    println!("one person, 200 a second: {steady}");
    let unit = format!("unit_id={}&limit={PEOPLE}", crowd.unit_id);
    let whole = Reads::new(std::iter::once(get(&crowd, crowd.people[0], &unit)), DAYS * PEOPLE)?;
    let load = Load::on(address).warm_up(Duration::from_secs(3)).lasting(Duration::from_secs(20));
    let unit = load.run_beside(&whole).await?;
    println!("a unit of {PEOPLE}, one after another: {unit}");

    plans::keep(&mut stack, &crowd, &one, &whole).await?;
    stack.shutdown().await?;
    let held =
        |report: &Report, most: u64| report.percentile(0.99) < Duration::from_millis(most) && report.failed() == 0;
    ensure!(held(&person, 15) && held(&steady, 15), "not reached: p99 of one person and month under 15 ms");
    ensure!(held(&unit, 400), "not reached: p99 of a unit of {PEOPLE} and month under 400 ms");
    println!("all bounds held");
    Ok(())
}

fn read_of(crowd: &Crowd, person: Person) -> Result<Vec<u8>> {
    get(crowd, person, &format!("employee_id={}", person.employee_id))
}

fn get(crowd: &Crowd, by: Person, whose: &str) -> Result<Vec<u8>> {
    let path = crowd.path(&format!("/workdays?{whose}&from={}&to={}", MONTH.0, MONTH.1));
    let token = crowd.token(by)?;
    Ok(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes())
}

/// Readings, in turn; each has to bring so many days.
pub(crate) struct Reads {
    requests: Vec<Vec<u8>>,
    days: usize,
}

impl Reads {
    fn new(requests: impl Iterator<Item = Result<Vec<u8>>>, days: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { requests: requests.collect::<Result<_>>()?, days }))
    }
}

impl Traffic for Reads {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        let turn = usize::try_from(number).unwrap_or_default() % self.requests.len();
        into.extend_from_slice(&self.requests[turn]);
    }

    fn answered(&self, number: u64, status: u16, body: &[u8]) -> bool {
        // Of the first each day is counted, of the others only that there are as many bytes as days need.
        let whole = || number > 0 || body.windows(11).filter(|name| *name == b"\"work_date\"").count() == self.days;
        status == 200 && body.len() > self.days * 200 && whole()
    }
}

/// A shift for everybody, Mondays to Fridays, in two years.
async fn plan_everybody(crowd: &Crowd, stack: &Stack) -> Result<()> {
    let owner = crowd.token(crowd.people[0])?;
    #[expect(clippy::disallowed_methods, reason = "a client from outside: no retries, no service token")]
    let http = reqwest::Client::builder().no_proxy().build()?;
    let base = stack.service_url("attendance")?;
    let send = async |method: reqwest::Method, path: &str, body: Value| -> Result<Value> {
        let request = http.request(method, format!("{base}{}", crowd.path(path))).bearer_auth(&owner).json(&body);
        let answer = request.send().await?;
        let (status, said) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status} {said}");
        Ok(serde_json::from_str(&said)?)
    };
    let shift = json!({
        "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00",
        "breaks": [{"start": "12:00", "end": "13:00", "paid": false}],
    });
    let shift = send(reqwest::Method::POST, "/shifts", shift).await?;
    let shift = &shift["shift_id"];
    let cycle = json!([shift, shift, shift, shift, shift, null, null]);
    // The anchor is a Monday.
    let week = json!({ "name": "Week", "anchor_date": "2026-01-05", "cycle": cycle });
    let week = send(reqwest::Method::POST, "/rotations", week).await?;
    let entry = json!({
        "unit_id": crowd.unit_id, "from": "2026-01-05", "to": "2026-12-31", "rotation_id": week["rotation_id"],
    });
    send(reqwest::Method::PUT, "/roster", json!({ "entries": [entry] })).await?;
    Ok(())
}
