//! Reading with ten million punches in the table, of an organisation of 2,000 people and of others around it: the
//! workdays of one person and month, those of a whole unit and month, who is in now; then the month of everybody taken
//! out as a file and locked. `make bench-workdays`.
//!
//! Beside the figures it keeps the plans by which PostgreSQL ran the service's own statements (`auto_explain`, in
//! `benches/attendance/plans.txt`), and refuses one that reads `punches` by anything but the key that leads with the tenant.

use crate::company::Owner;
use crate::{Case, attendance, payroll, plans, table};
use anyhow::{Result, ensure};
use rollcall_stack::crowd::{Crowd, Person};
use rollcall_stack::load::{Load, Pace, Report, Traffic};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// People of the organisation that is read.
pub(crate) const PEOPLE: usize = 2_000;
/// People of its unit that is read, and of every other organisation.
pub(crate) const UNIT: usize = 500;
/// A month that everybody has worked.
pub(crate) const MONTH: (&str, &str) = ("2026-05-01", "2026-05-31");
pub(crate) const DAYS: usize = 31;

/// Fills the table, reads, and keeps the plans.
pub(crate) async fn run() -> Result<()> {
    let crowd = Crowd::new(PEOPLE)?.in_a_hall(UNIT);
    let mut stack = crowd.stack()?.without_build().start().await?;
    crowd.arrive(&stack).await?;
    let owner = Owner::of(&crowd, &stack)?;
    owner.plan_everybody().await?;
    let began = Instant::now();
    let rows = table::fill(&stack, &crowd)?;
    println!(
        "{rows} punches of {} organisations, written in {:.0} s; {PEOPLE} people in the one that is read, {UNIT} in the unit",
        table::OTHERS + 1,
        began.elapsed().as_secs_f64()
    );
    ensure!(rows >= 10_000_000, "{rows} punches are not ten million");

    let mut cases = Vec::new();
    let mut judge = |name: &str, report: &Report, most: u64| {
        println!("{name}: {report}");
        let held = report.percentile(0.99) < Duration::from_millis(most) && report.failed() == 0;
        cases.push(Case { name: format!("{name}: p99 under {most} ms"), held });
    };
    let address = attendance(&stack)?;
    let one = Reads::new(crowd.people.iter().map(|person| read_of(&crowd, *person)), "work_date", DAYS)?;
    let load = Load::on(address).warm_up(Duration::from_secs(2)).lasting(Duration::from_secs(8));
    judge("one person and month, one after another", &load.run_beside(&one).await?, 15);
    let load = Load::on(address).connections(16).pace(Pace::Steady(200.0));
    let load = load.warm_up(Duration::from_secs(2)).lasting(Duration::from_secs(8));
    judge("one person and month, 200 a second", &load.run_beside(&one).await?, 15);
    let unit = format!("/workdays?unit_id={}&limit={UNIT}&from={}&to={}", crowd.hall_id, MONTH.0, MONTH.1);
    let unit = Reads::new(std::iter::once(get(&crowd, crowd.people[0], &unit)), "work_date", DAYS * UNIT)?;
    let load = Load::on(address).warm_up(Duration::from_secs(3)).lasting(Duration::from_secs(15));
    judge("a unit of 500 and month, one after another", &load.run_beside(&unit).await?, 400);
    let now = Reads::new(std::iter::once(get(&crowd, crowd.people[0], "/now")), "since", PEOPLE / 3)?;
    let load = Load::on(address).warm_up(Duration::from_secs(1)).lasting(Duration::from_secs(8));
    judge(&format!("who of {PEOPLE} is in now, one after another"), &load.run_beside(&now).await?, 400);

    let all = [("One person and month", &one), ("A unit of 500 and month", &unit), ("Who of 2,000 is in now", &now)];
    plans::keep(&mut stack, &crowd, &all).await?;
    payroll::exports(&owner, &mut stack, &mut cases).await?;
    payroll::lock(&owner).await?;
    stack.shutdown().await?;
    crate::judge(&cases)
}

fn read_of(crowd: &Crowd, person: Person) -> Result<Vec<u8>> {
    let path = format!("/workdays?employee_id={}&from={}&to={}", person.employee_id, MONTH.0, MONTH.1);
    get(crowd, person, &path)
}

fn get(crowd: &Crowd, by: Person, path: &str) -> Result<Vec<u8>> {
    let path = crowd.path(path);
    let token = crowd.token(by)?;
    Ok(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes())
}

/// Readings, in turn; each has to bring so many items.
pub(crate) struct Reads {
    requests: Vec<Vec<u8>>,
    /// What every item has: a field of this name.
    field: String,
    items: usize,
}

impl Reads {
    fn new(requests: impl Iterator<Item = Result<Vec<u8>>>, field: &str, items: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { requests: requests.collect::<Result<_>>()?, field: format!("\"{field}\""), items }))
    }
}

impl Traffic for Reads {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        let turn = usize::try_from(number).unwrap_or_default() % self.requests.len();
        into.extend_from_slice(&self.requests[turn]);
    }

    fn answered(&self, number: u64, status: u16, body: &[u8]) -> bool {
        // Of the first each item is counted, of the others only that there are as many bytes as the items need.
        let named = || body.windows(self.field.len()).filter(|name| *name == self.field.as_bytes()).count();
        status == 200 && body.len() > self.items * 200 && (number > 0 || named() >= self.items)
    }
}
