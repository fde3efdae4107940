//! Everything at once: kills, pauses and faults of lines, drawn by a seed, while companies are at work; then nothing that
//! was acknowledged is lost and nothing is there twice.
//!
//! `make chaos` goes on for five minutes with another seed each time (`SECONDS=`, `SEED=`); the test for half a minute,
//! with one that stays. The schedule is the same for a seed; what it hits is as the machine happens to run.

mod check;
mod schedule;
mod work;

use crate::PLACES;
use crate::company::Client;
use crate::screen::{HEARTBEAT, Screen};
use anyhow::{Context as _, Result, ensure};
use rollcall_stack::Stack;
use rollcall_stack::faults::{Fault, HttpAnswer, NGINX, POSTGRES, Proxy};
use schedule::{Act, Hurt, Step, schedule};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use work::Work;

const COMPANIES: usize = 2;
const SEED: u64 = 20_261_129;
const LASTING: u64 = 25;
/// What a client waits, which sends it again then.
const CLIENT: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_paused_and_cut_nothing_acknowledged_is_lost_and_nothing_doubled() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let (seed, seconds) = (number("ROLLCALL_CHAOS_SEED", SEED)?, number("ROLLCALL_CHAOS_SECONDS", LASTING)?);
    eprintln!("chaos: SEED={seed} SECONDS={seconds}");
    chaos(seed, Duration::from_secs(seconds)).await.with_context(|| format!("SEED={seed} SECONDS={seconds}"))
}

async fn chaos(seed: u64, lasting: Duration) -> Result<()> {
    let (path, value) = HEARTBEAT;
    let stack = Stack::builder().sign_in_limit("1000r/s", 1000).setting("notification", path, value);
    // One worker punches for hundreds.
    let stack = stack.setting("attendance", "punches.person_at_once", 1_000_000);
    let mut stack = stack.with_faults().start().await?;
    let client = Client::waiting(&stack, CLIENT)?;
    let mut companies = Vec::new();
    for _ in 0..COMPANIES {
        let work = Arc::new(Work::begin(&client).await?);
        let screen = Screen::open(work.owner()).await?;
        companies.push((work, screen));
    }
    let over = Arc::new(AtomicBool::new(false));
    let at_work: Vec<_> = companies
        .iter()
        .map(|(work, _)| {
            let (work, over) = (Arc::clone(work), Arc::clone(&over));
            tokio::spawn(async move { work.until(&over).await })
        })
        .collect();
    let steps = schedule(seed, lasting);
    let done = perform(&mut stack, &steps, lasting).await;
    over.store(true, Ordering::Relaxed);
    done?;
    for working in at_work {
        working.await??;
    }
    check::outboxes_drain(&stack).await?;
    let mut repeated = 0;
    for (work, screen) in &companies {
        let held = check::holds(&stack, work, screen).await?;
        eprintln!("chaos: {held}");
        repeated += work.repeated.load(Ordering::Relaxed);
    }
    eprintln!("chaos: {} steps, {repeated} requests sent again, nothing lost, nothing double", steps.len());
    ensure!(repeated > 0 || steps.is_empty(), "nobody noticed anything: nothing was tried");
    drop(companies);
    stack.shutdown().await
}

/// Does the steps and undoes them, each at its time or as soon as the one before is done.
async fn perform(stack: &mut Stack, steps: &[Step], lasting: Duration) -> Result<()> {
    let began = Instant::now();
    let mut moments: Vec<(Duration, bool, &Step)> =
        steps.iter().flat_map(|step| [(step.at, true, step), (step.at + step.lasts, false, step)]).collect();
    moments.sort_by_key(|(at, _, _)| *at);
    for (at, begins, step) in moments {
        sleep_until(began + at).await;
        if begins {
            eprintln!("chaos: {:6.2} s: {:?} for {:?}", at.as_secs_f64(), named(stack, &step.act)?, step.lasts);
            begin(stack, &step.act).await.with_context(|| format!("{step:?}"))?;
        } else {
            end(stack, &step.act).await.with_context(|| format!("the end of {step:?}"))?;
        }
    }
    sleep_until(began + lasting).await;
    stack.faults()?.clear()
}

async fn begin(stack: &mut Stack, act: &Act) -> Result<()> {
    match act {
        Act::Kill(name) => stack.kill(name).await,
        Act::KillPostgres => stack.kill_postgres().await,
        Act::Pause(name) => stack.pause(name),
        Act::Line(number, hurt) => {
            let ((from, to), line) = line(stack, *number)?;
            line.set(fault(*hurt, to == POSTGRES, from == NGINX))
        }
    }
}

async fn end(stack: &mut Stack, act: &Act) -> Result<()> {
    match act {
        Act::Kill(name) => {
            // Whoever starts is waited for, and one thing is healed after the other: it would be waited for in vain.
            stack.faults()?.between(name, POSTGRES)?.set(Fault::None)?;
            stack.start_service(name).await
        }
        Act::KillPostgres => stack.start_postgres_again().await,
        Act::Pause(name) => stack.resume(name),
        Act::Line(number, _) => line(stack, *number)?.1.set(Fault::None),
    }
}

fn line(stack: &Stack, number: u64) -> Result<(&(String, String), &Proxy)> {
    let lines: Vec<_> = stack.faults()?.lines().collect();
    let index = usize::try_from(number % u64::try_from(lines.len())?)?;
    Ok(lines[index])
}

/// What is done, in words.
fn named(stack: &Stack, act: &Act) -> Result<String> {
    Ok(match act {
        Act::Line(number, hurt) => {
            let ((from, to), _) = line(stack, *number)?;
            format!("{hurt:?} from {from} to {to}")
        }
        act => format!("{act:?}"),
    })
}

/// Databases do not speak HTTP, so what would be an answer there is a reset; and nobody speaks for a service to people.
fn fault(hurt: Hurt, database: bool, door: bool) -> Fault {
    match hurt {
        Hurt::Down => Fault::Down,
        Hurt::Reset => Fault::Reset,
        Hurt::Unavailable | Hurt::Nonsense if database || door => Fault::Reset,
        Hurt::BlackHole => Fault::BlackHole,
        Hurt::Slow => Fault::Slow { by: Duration::from_millis(50), jitter: Duration::from_millis(200) },
        Hurt::CutOff => Fault::CutOff,
        Hurt::Narrow => Fault::Narrow { bytes_per_second: 50_000 },
        Hurt::Unavailable => Fault::Answers(HttpAnswer::status(503)),
        Hurt::Nonsense => Fault::Answers(HttpAnswer::wrong_body()),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test goes on is no setting of a service")]
fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| name.to_owned()),
        Err(_) => Ok(default),
    }
}
