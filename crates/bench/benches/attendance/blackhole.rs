//! Org is a black hole: what does that cost people who punch, while others, whom only org knows, wait for it?
//! `make bench-blackhole`.
//!
//! In turn org answers at once (that it knows nobody) and not at all, on the same line, in the same run, beside the same
//! load: a thousand punches a second of people whom attendance knows, and strangers who need org for everything.
//! `ROLLCALL_BENCH_SECONDS` is the time of each turn.

use crate::attendance;
use crate::rush::{PEOPLE, seconds};
use anyhow::{Result, ensure};
use rollcall_stack::crowd::{Crowd, Punches};
use rollcall_stack::faults::{Fault, HttpAnswer};
use rollcall_stack::load::{Load, Pace};
use rollcall_stack::strangers::Strangers;
use std::time::Duration;

const TURNS: usize = 4;
const WARM_UP: Duration = Duration::from_secs(2);
const PUNCHES: f64 = 1_000.0;
const STRANGERS: f64 = 50.0;
/// What the black hole may cost: this many times the p99 of a turn without.
const BOUND: f64 = 1.2;

pub(crate) async fn run() -> Result<()> {
    let lasting = Duration::from_secs(seconds()?);
    let crowd = Crowd::new(PEOPLE)?;
    let stack = crowd.stack()?.with_faults().without_build().start().await?;
    crowd.arrive(&stack).await?;
    let (address, line) = (attendance(&stack)?, stack.faults()?.between("attendance", "org")?);
    let mut turns: [Vec<f64>; 2] = Default::default();
    for turn in 0..TURNS * 2 {
        let hole = turn % 2 == 1;
        let knows_nobody = Fault::Answers(HttpAnswer::status(404));
        line.set(if hole { Fault::BlackHole } else { knows_nobody })?;
        let punches = Punches::of(&crowd)?;
        let hoped_for: &[u16] = if hole { &[503, 504] } else { &[404, 503] };
        let strangers = Strangers::new("attendance", "punches", &crowd.token(crowd.people[0])?, hoped_for);
        let load = |connections, rate| {
            Load::on(address).connections(connections).pace(Pace::Steady(rate)).warm_up(WARM_UP).lasting(lasting)
        };
        // Whoever waits for org holds a connection for ten seconds.
        let waiting = load(512, STRANGERS);
        let (known, unknown) =
            tokio::try_join!(load(64, PUNCHES).run_beside(&punches), waiting.run_beside(&strangers))?;
        println!("org {}: punches {known}; strangers {unknown}", if hole { "is a black hole" } else { "answers" });
        ensure!(known.failed() == 0, "punches failed: {known}");
        punches.verify(&stack)?;
        turns[usize::from(hole)].push(known.percentile(0.99).as_secs_f64() * 1e3);
    }
    stack.shutdown().await?;
    let [normal, hole] = turns.map(median);
    println!("p99 of a punch, median of {TURNS} turns: {normal:.2} ms, with a black hole {hole:.2} ms");
    println!("{:.2} × normal ({BOUND} allowed)", hole / normal);
    ensure!(hole <= normal * BOUND, "a black-holed org costs punches more than {BOUND} × normal");
    Ok(())
}

/// Of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    f64::midpoint(values[middle - 1], values[middle])
}
