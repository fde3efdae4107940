//! The plans of the service's own statements: `auto_explain` writes them into the server's log while it serves.

use crate::attendance;
use crate::workdays::Reads;
use anyhow::{Context as _, Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;
use rollcall_stack::load::{Load, Pace, Traffic};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/attendance/plans.txt");
/// Every statement of the role, with what it read and how long it took.
const EXPLAIN: &str = "ALTER ROLE rollcall_attendance SET session_preload_libraries = 'auto_explain'; \
    ALTER ROLE rollcall_attendance SET auto_explain.log_min_duration = 0; \
    ALTER ROLE rollcall_attendance SET auto_explain.log_analyze = on; \
    ALTER ROLE rollcall_attendance SET auto_explain.log_buffers = on";

/// Reads each once, keeps the plans that touch `punches`, and refuses one that does not go by the key that leads with the
/// tenant, or that asks for the tenant anew for every row.
pub(crate) async fn keep(stack: &mut Stack, crowd: &Crowd, all: &[(&str, &Arc<Reads>)]) -> Result<()> {
    PgConnection::establish(&stack.database("attendance")?)?.batch_execute(EXPLAIN)?;
    let log = stack.run_dir().join("logs/postgres.log");
    let mut text = String::from(
        "How PostgreSQL ran the statements that read `punches`, with ten million rows in the table; written by\n\
         `make bench-workdays`.\n",
    );
    for (name, reads) in all {
        // New connections know the setting; the second reading finds everything in memory, as the measured ones did.
        stack.restart("attendance").await?;
        read(stack, reads).await?;
        let start = std::fs::metadata(&log)?.len();
        read(stack, reads).await?;
        let plan = plan(&log, start, crowd)?;
        ensure!(plan.contains("punches_pkey"), "another way than by the key that leads with the tenant:\n{plan}");
        ensure!(!plan.contains("Seq Scan on punches"), "the whole table is read:\n{plan}");
        let mut filters = plan.lines().filter(|line| line.trim_start().starts_with("Filter:"));
        ensure!(filters.all(|filter| !filter.contains("current_setting")), "a setting is read for every row:\n{plan}");
        write!(text, "\n{name}\n\n{plan}")?;
    }
    PgConnection::establish(&stack.database("attendance")?)?
        .batch_execute("ALTER ROLE rollcall_attendance RESET session_preload_libraries")?;
    stack.restart("attendance").await?;
    std::fs::write(FILE, text)?;
    println!("plans are in {FILE}");
    Ok(())
}

/// Exactly one request.
async fn read(stack: &Stack, reads: &Arc<impl Traffic>) -> Result<()> {
    let load = Load::on(attendance(stack)?).pace(Pace::Steady(1.0)).lasting(Duration::from_millis(900));
    let report = load.run_beside(reads).await?;
    ensure!(report.good() == 1 && report.failed() == 0, "one reading: {report}");
    Ok(())
}

/// The entry of the log for the statement that reads `punches`, without the statement's own text: its ids are of this run.
fn plan(log: &Path, start: u64, crowd: &Crowd) -> Result<String> {
    let text = std::fs::read_to_string(log)?;
    let text = &text[usize::try_from(start)?..];
    // An entry goes on in lines that start with a tab.
    let entries = text.split("  plan:\n").skip(1);
    let mut wanted = entries.map(|entry| {
        let lines = entry.lines().take_while(|line| line.starts_with('\t')).skip(1);
        lines.map(|line| line.trim_start_matches('\t')).collect::<Vec<_>>().join("\n")
    });
    let plan =
        wanted.find(|plan| plan.contains(" on punches")).context("no statement that reads punches in the log")?;
    let plan = plan.replace(&crowd.org_id.to_string(), "…");
    Ok(shortened(&plan))
}

/// A list of 500 ids says nothing.
fn shortened(plan: &str) -> String {
    let line = |line: &str| {
        let cut = line.char_indices().nth(220).map_or(line.len(), |(at, _)| at);
        let more = if cut < line.len() { " …" } else { "" };
        format!("{}{more}", &line[..cut])
    };
    let mut lines: Vec<String> = plan.lines().map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}
