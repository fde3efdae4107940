//! `kill -9` in the middle of the rush, of the service and of PostgreSQL, again and again: what was answered is there,
//! once, and the service comes back by itself. `ROLLCALL_CRASH_ROUNDS` makes it longer.

use crate::PLACES;
use anyhow::{Context as _, Result, ensure};
use rollcall_stack::Stack;
use rollcall_stack::crowd::{Crowd, Punches};
use rollcall_stack::load::{Load, Report};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PEOPLE: usize = 200;
const CONNECTIONS: usize = 64;
/// Kills of a run, unless told otherwise.
const ROUNDS: u32 = 3;
/// Between two kills, so that a rush is under way at each.
const BETWEEN: Duration = Duration::from_millis(1_500);
/// From when PostgreSQL answers until the service does.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Service,
    PostgreSql,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_in_the_rush_again_and_again_loses_none_and_doubles_none() -> Result<()> {
    rush(Victim::Service).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_in_the_rush_again_and_again_loses_none_and_the_service_comes_back_by_itself() -> Result<()> {
    rush(Victim::PostgreSql).await
}

async fn rush(victim: Victim) -> Result<()> {
    let _place = PLACES.acquire().await?;
    let crowd = Crowd::new(PEOPLE)?;
    let mut stack = crowd.stack()?.start().await?;
    crowd.arrive(&stack).await?;
    let rounds = rounds()?;
    let punches = Punches::of(&crowd)?;
    // Everybody sends again what was not answered, with the key that it had. Longer than all kills take: the load is
    // ended below.
    let load = Load::on(address(&stack)?).connections(CONNECTIONS).lasting(Duration::from_hours(1)).until_answered();
    let end = load.ending();
    let running = tokio::spawn({
        let punches = Arc::clone(&punches);
        async move { load.run_beside(&punches).await }
    });
    let killed = kill_again_and_again(&mut stack, victim, rounds, &punches).await;
    end.now();
    let report: Report = running.await??;
    killed?;
    ensure!(report.failed() == 0, "an answer that a client cannot repeat: {report}");
    ensure!(report.repeated > 0, "nothing was under way when {victim:?} was killed: {report}");
    let verified = tokio::task::spawn_blocking(move || punches.verify(&stack).map(|count| (count, stack)));
    let (acknowledged, stack) = verified.await??;
    ensure!(acknowledged == report.good(), "{acknowledged} acknowledged: {report}");
    stack.shutdown().await
}

async fn kill_again_and_again(stack: &mut Stack, victim: Victim, rounds: u32, punches: &Punches) -> Result<()> {
    for round in 1..=rounds {
        let told = || format!("round {round}, killing {victim:?}");
        let before = punches.acknowledged();
        sleep(BETWEEN).await;
        ensure!(punches.acknowledged() > before, "{}: no rush is under way", told());
        let process = stack.process("attendance")?.pid();
        match victim {
            Victim::Service => {
                stack.kill("attendance").await?;
                stack.start_service("attendance").await.with_context(told)?;
            }
            Victim::PostgreSql => {
                stack.kill_postgres().await?;
                // Long enough that every connection of the pool has failed.
                sleep(Duration::from_millis(500)).await;
                stack.start_postgres_again().await.with_context(told)?;
            }
        }
        let (back, before) = (Instant::now(), punches.acknowledged());
        while punches.acknowledged() < before + CONNECTIONS {
            ensure!(back.elapsed() < BACK_WITHIN, "{}: not back within {BACK_WITHIN:?}", told());
            sleep(Duration::from_millis(10)).await;
        }
        if victim == Victim::PostgreSql {
            ensure!(stack.process("attendance")?.pid() == process, "{}: another process serves", told());
        }
    }
    Ok(())
}

fn address(stack: &Stack) -> Result<SocketAddr> {
    let url = stack.service_url("attendance")?;
    let port = url.rsplit_once(':').context("an address with a port")?.1.parse()?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[expect(clippy::disallowed_methods, reason = "how long a test goes on is no setting of a service")]
fn rounds() -> Result<u32> {
    match std::env::var("ROLLCALL_CRASH_ROUNDS") {
        Ok(rounds) => rounds.parse().context("ROLLCALL_CRASH_ROUNDS"),
        Err(_) => Ok(ROUNDS),
    }
}
