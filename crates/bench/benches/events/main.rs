//! Events from the outbox of one service to their effects in another, on one machine: PostgreSQL that flushes every
//! commit, HTTP over the loopback. `make bench-events`.
//!
//! First between two services on `common` and nothing else, with one upsert for each event; then to attendance as its
//! release program, which keeps employees and their assignments. Beside it `pgbench` does the subscriber's upsert of the
//! same rows, one per transaction. What arrived is held against what was written.
//!
//! `ROLLCALL_BENCH_RATE` is how many events a second are written, `ROLLCALL_BENCH_SECONDS` for how long.

#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

mod flow;
mod lags;
mod parts;

use anyhow::{Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use flow::{Flow, float};
use lags::Lags;
use parts::COPY_CHANGED;
use rollcall_bench::{number, pgbench};
use rollcall_common::server::Service as _;
use rollcall_org_api::events::EMPLOYEE_CHANGED;
use rollcall_stack::Stack;
use rollcall_stack::binaries;
use rollcall_stack::crowd::Crowd;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// People who change, one after the other.
const PEOPLE: usize = 2_000;
/// Events of one business transaction: somebody plans a team, corrects a few people, imports a file.
const EACH: usize = 10;
/// Events that are waiting when nobody writes any more.
const BACKLOG: usize = 50_000;
/// The longest that 99 of a hundred events may take at the steady rate.
const P99: Duration = Duration::from_millis(250);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    ensure!(binaries::directory()?.ends_with("release"), "without optimisation there is nothing to measure");
    rollcall_common::telemetry::init("bench", "warn")?;
    let (rate, seconds) = (number("ROLLCALL_BENCH_RATE", 5_000)?, number("ROLLCALL_BENCH_SECONDS", 15)?);
    let crowd = Crowd::new(PEOPLE)?;
    let stack = crowd.stack()?.without_build().start().await?;
    crowd.arrive(&stack).await?;
    println!("{}; {PEOPLE} people, {EACH} events a transaction", rollcall_bench::conditions(&stack, "org")?);
    let subscriber = parts::subscriber(&crowd, &stack).await?;
    let emitter = parts::emitter(&crowd, &stack, &subscriber).await?;
    let lags = Arc::new(Lags::new());
    subscriber.service().measure(&lags);
    let flow = Flow::new(emitter.service().core(), &crowd, &lags);
    let bench = Bench { crowd, stack, flow, lags };

    bench.steady(1_000, 3).await?;
    let p99 = bench.steady(rate, seconds).await?;
    let drained = bench.backlog().await?;
    bench.compare(drained)?;
    let attended = bench.attended(rate, seconds).await?;
    emitter.stop().await?;
    subscriber.stop().await?;
    bench.stack.shutdown().await?;
    ensure!(p99 <= P99, "not reached: p99 within {P99:?} at {rate}/s, and not {p99:?}");
    ensure!(drained >= float(rate), "not reached: {rate}/s, and not {drained:.0}/s");
    ensure!(attended >= float(rate), "not reached: {rate}/s to attendance, and not {attended:.0}/s");
    println!("all bounds held");
    Ok(())
}

struct Bench {
    crowd: Crowd,
    stack: Stack,
    flow: Arc<Flow>,
    lags: Arc<Lags>,
}

impl Bench {
    fn checkpoint(&self) -> Result<()> {
        Ok(PgConnection::establish(&self.stack.database("org")?)?.batch_execute("CHECKPOINT")?)
    }

    /// So many a second, for so long; answers the p99.
    async fn steady(&self, rate: usize, seconds: usize) -> Result<Duration> {
        self.checkpoint()?;
        let began = Instant::now();
        let wrote = self.flow.write(COPY_CHANGED, rate * seconds, EACH, Some(float(rate))).await?;
        let took = self.lags.wait(rate * seconds).await?;
        let of = |share: usize| took[(took.len() - 1) * share / 100];
        println!(
            "{rate}/s for {seconds} s: written in {:.1} s, all in effect after {:.1} s: lag p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            wrote.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            of(50),
            of(99),
            of(100)
        );
        self.verify("copies").await?;
        Ok(of(99))
    }

    /// Many events that were written as fast as it goes; answers how many a second had their effect, from the first
    /// transaction to the last effect.
    async fn backlog(&self) -> Result<f64> {
        self.checkpoint()?;
        let began = Instant::now();
        let wrote = self.flow.write(COPY_CHANGED, BACKLOG, EACH, None).await?;
        self.lags.wait(BACKLOG).await?;
        let all = began.elapsed();
        let per_second = float(BACKLOG) / all.as_secs_f64();
        println!(
            "as fast as it goes: {BACKLOG} written at {:.0}/s, in effect at {per_second:.0}/s beside that",
            float(BACKLOG) / wrote.as_secs_f64()
        );
        Ok(per_second)
    }

    /// The subscriber's upsert, and nothing else of all this, by `pgbench`.
    fn compare(&self, drained: f64) -> Result<()> {
        let fact = serde_json::to_string(&self.crowd.employee(1))?.replace(':', ": ");
        let script = format!(
            "\\set person random(1, {PEOPLE})\n\
             INSERT INTO copies (org_id, employee_id, fact, version) VALUES ('{}', lpad(:person::text, 32, '0')::uuid, \
             '{fact}', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) \
             ON CONFLICT (org_id, employee_id) DO UPDATE \
             SET fact = excluded.fact, version = excluded.version, effects = copies.effects + 1 \
             WHERE copies.version < excluded.version;\n",
            rollcall_ids::OrgId::generate()
        );
        for connections in [1, 8] {
            self.checkpoint()?;
            let theirs =
                pgbench::run(&self.stack, "notification", &script, connections, Duration::from_secs(8))?.per_second;
            println!(
                "pgbench, the upsert alone, one a transaction, {connections} connections: {theirs:.0}/s; ours {:.2} × that",
                drained / theirs
            );
        }
        Ok(())
    }

    /// The same changes, told to attendance; answers how many a second it has kept.
    async fn attended(&self, rate: usize, seconds: usize) -> Result<f64> {
        self.checkpoint()?;
        let (began, events) = (Instant::now(), rate * seconds);
        let wrote = self.flow.write(EMPLOYEE_CHANGED, events, EACH, Some(float(rate))).await?;
        while self.waiting()? > 0 {
            ensure!(began.elapsed() < Duration::from_mins(2), "attendance does not take them all");
            sleep(Duration::from_millis(20)).await;
        }
        let kept = float(events) / began.elapsed().as_secs_f64().max(wrote.as_secs_f64());
        println!(
            "attendance: {events} changes of employees, written in {:.1} s, kept with their assignments after {:.1} s",
            wrote.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        self.verify("employees").await?;
        // What is left of the last batch when the writers stop is no matter of the rate.
        Ok(if began.elapsed() <= wrote + Duration::from_secs(1) { float(rate) } else { kept })
    }

    fn waiting(&self) -> Result<i64> {
        count(&self.stack, "org", "SELECT count(*) AS n FROM outbox_deliveries")
    }

    /// Every copy is as its original, and no delivery is left.
    async fn verify(&self, table: &'static str) -> Result<()> {
        let service = if table == "copies" { "notification" } else { "attendance" };
        let sum = |table: &str| {
            format!(
                "SELECT bit_xor(hashtextextended(employee_id::text || ' ' || version, 0)) AS n FROM {table} WHERE org_id = '{}'",
                self.crowd.org_id
            )
        };
        while self.waiting()? > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        let originals = count(&self.stack, "org", &sum("people"))?;
        ensure!(originals == count(&self.stack, service, &sum(table))?, "{table} are not as the originals");
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

fn count(stack: &Stack, service: &str, sql: &str) -> Result<i64> {
    Ok(sql_query(sql).get_result::<Count>(&mut PgConnection::establish(&stack.database(service)?)?)?.n)
}
