//! Nine in the morning, on one machine: PostgreSQL with `fsync` and `synchronous_commit` on, attendance as its release
//! program, nginx and the load generator. `make bench-rush`.
//!
//! Beside each number of connections the same row is inserted by `pgbench`, one per transaction, prepared, into the
//! same table of the same server. `pgbench` is the superuser, whom row-level security costs nothing; the service is held
//! by it. What was acknowledged is then held against the table. `ROLLCALL_BENCH_SECONDS` is the time of each case.
//!
//! Each case says what part of the processors the neighbours of a virtual machine had meanwhile; what its disk does is not
//! told. One commit that is held up for 150 ms is the slowest hundredth of 1,000 punches a second for twelve seconds, so that
//! case has three rounds, of which the middle one counts: what is ours is in all of them.

use crate::{Case, address, attendance, pgbench};
use anyhow::{Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use rollcall_bench::{number, taken_by_neighbours};
use rollcall_stack::Stack;
use rollcall_stack::crowd::{Crowd, Punches};
use rollcall_stack::load::{Load, Pace, Report, Traffic};
use rollcall_stack::process::processor_time;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Employees who punch; each has a token of their own.
pub(crate) const PEOPLE: usize = 2_000;
const WARM_UP: Duration = Duration::from_secs(3);
/// Punches a second that are no rush.
const STEADY: f64 = 1_000.0;
/// Of [`STEADY`].
const ROUNDS: usize = 3;

/// What is required of the service.
struct Bounds {
    /// Punches a second by those of `pgbench` with as many connections.
    ratio: f64,
    /// Of 99 in a hundred answers.
    p99: Duration,
}

/// All cases, and whether the bounds held.
pub(crate) async fn run() -> Result<()> {
    let lasting = Duration::from_secs(seconds()?);
    let crowd = Crowd::new(PEOPLE)?;
    let stack = crowd.stack()?.without_build().start().await?;
    crowd.arrive(&stack).await?;
    let rush = Rush { crowd, stack, lasting };
    rush.conditions()?;
    let mut cases = Vec::new();
    let direct = attendance(&rush.stack)?;
    let nginx = address(&rush.stack.base_url())?;
    cases.push(rush.steady(direct).await?);
    rush.again(direct).await?;
    for connections in [64, 256] {
        let tps = rush.pgbench(connections)?;
        let bounds = (connections == 256).then_some(Bounds { ratio: 2.0, p99: Duration::from_millis(50) });
        cases.extend(rush.against(&format!("{connections} connections"), direct, connections, tps, bounds).await?);
        let bounds = (connections == 256).then_some(Bounds { ratio: 1.0, p99: Duration::MAX });
        cases.extend(rush.against(&format!("{connections} through nginx"), nginx, connections, tps, bounds).await?);
    }
    rush.stack.shutdown().await?;
    crate::judge(&cases)
}

/// A crowd, what it loads, and for how long.
struct Rush {
    crowd: Crowd,
    stack: Stack,
    lasting: Duration,
}

impl Rush {
    /// What the figures depend on.
    fn conditions(&self) -> Result<()> {
        let said = rollcall_bench::conditions(&self.stack, "attendance")?;
        println!("{said}; {PEOPLE} employees; {} s each case", self.lasting.as_secs());
        Ok(())
    }

    fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::establish(&self.stack.database("attendance")?)?)
    }

    /// One case: warm-up, load, and what was acknowledged held against the table.
    async fn punch(&self, name: &str, load: Load) -> Result<Report> {
        self.admin()?.batch_execute("CHECKPOINT")?;
        let punches = Punches::of(&self.crowd)?;
        let resident = || self.stack.process("attendance").map(|process| process.resident_bytes().unwrap_or(0) >> 20);
        let (before, used, taken) = (resident()?, self.processor_times(), taken_by_neighbours());
        let report = load.warm_up(WARM_UP).lasting(self.lasting).run_beside(&punches).await?;
        let after = resident()?;
        let taken = taken.zip(taken_by_neighbours()).map_or_else(String::new, |(before, after)| {
            let of_all = after.1.saturating_sub(before.1).max(1);
            format!("; neighbours had {} % of the processors", after.0.saturating_sub(before.0) * 100 / of_all)
        });
        println!("{name}: {report}; resident {before} → {after} MiB{taken}");
        let each = u32::try_from(punches.acknowledged().max(1))?;
        let each = self.processor_times().into_iter().zip(used).map(|((who, after), (_, before))| {
            format!("{who} {:.1}", (after.saturating_sub(before) / each).as_secs_f64() * 1e6)
        });
        println!("{name}: µs of a processor for each punch: {}", each.collect::<Vec<_>>().join(", "));
        let rows = punches.verify(&self.stack)?;
        println!("{name}: each of {rows} acknowledged punches is one row");
        Ok(report)
    }

    /// What has been used so far by each of those who share the processors.
    fn processor_times(&self) -> Vec<(String, Duration)> {
        let mut all = self.stack.processor_times();
        all.push(("load".to_owned(), processor_time(std::process::id()).unwrap_or_default()));
        all
    }

    /// Far from a rush: how long does one wait?
    async fn steady(&self, address: SocketAddr) -> Result<Case> {
        let (mut waits, mut failed) = (Vec::new(), 0);
        for round in 1..=ROUNDS {
            let load = Load::on(address).connections(64).pace(Pace::Steady(STEADY));
            let report = self.punch(&format!("1,000 a second, round {round}"), load).await?;
            waits.push(report.percentile(0.99));
            failed += report.failed();
        }
        waits.sort_unstable();
        let middle = waits[ROUNDS / 2];
        println!("1,000 a second: the middle p99 of {ROUNDS} rounds is {:.1} ms", middle.as_secs_f64() * 1e3);
        let held = middle < Duration::from_millis(10) && failed == 0;
        Ok(Case { name: "1,000 a second: p99 under 10 ms".to_owned(), held })
    }

    /// Punches that were stored before, sent again as fast as it goes: terminals that start anew with what they kept.
    async fn again(&self, address: SocketAddr) -> Result<()> {
        let punches = Punches::of(&self.crowd)?;
        let load = || Load::on(address).connections(256).lasting(self.lasting);
        load().run_beside(&punches).await?;
        let stored = u64::try_from(punches.acknowledged())?.max(1);
        let report = load().run_beside(&Arc::new(Again { punches, stored })).await?;
        println!("256 connections, {stored} stored punches again: {report}");
        ensure!(report.failed() == 0, "a punch that was stored is answered 200");
        Ok(())
    }

    fn pgbench(&self, connections: usize) -> Result<f64> {
        self.admin()?.batch_execute("CHECKPOINT")?;
        let measured = pgbench::run(&self.stack, self.crowd.org_id, connections, self.lasting)?;
        println!("pgbench, {connections} connections: {:.0}/s, mean {:.1} ms", measured.per_second, measured.mean_ms);
        Ok(measured.per_second)
    }

    /// As fast as it goes, against `pgbench`.
    async fn against(
        &self,
        name: &str,
        address: SocketAddr,
        connections: usize,
        tps: f64,
        bounds: Option<Bounds>,
    ) -> Result<Option<Case>> {
        let report = self.punch(name, Load::on(address).connections(connections)).await?;
        let ratio = report.per_second() / tps;
        println!("{name}: {ratio:.2} × pgbench");
        Ok(bounds.map(|bounds| {
            let fast = ratio >= bounds.ratio && report.percentile(0.99) < bounds.p99;
            Case { name: format!("{name}: {} × pgbench", bounds.ratio), held: fast && report.failed() == 0 }
        }))
    }
}

/// Requests that were answered before, one after another and from the first again.
struct Again {
    punches: Arc<Punches>,
    stored: u64,
}

impl Traffic for Again {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        self.punches.request(number % self.stored, into);
    }

    fn answered(&self, _number: u64, status: u16, _body: &[u8]) -> bool {
        status == 200
    }
}

/// How long each case lasts.
pub(crate) fn seconds() -> Result<u64> {
    number("ROLLCALL_BENCH_SECONDS", 12)
}
