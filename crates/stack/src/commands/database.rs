//! `rollcall-stack database`.

use crate::guard::Guard;
use crate::postgres::{Place, Postgres, Worth};
use crate::{lock, secrets};
use anyhow::Result;
use nix::sys::signal::{SigSet, Signal};
use std::io::Write;
use std::path::Path;

/// Runs PostgreSQL alone until a signal ends it; its superuser's URL is the one line on standard output.
pub fn database(run_dir: &Path) -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;

    let (lock, run_dir) = lock::run_directory(run_dir, |text| eprintln!("{text}"))?;
    let guard = Guard::start(Some(lock))?;
    secrets::passage(&run_dir.join("logs"))?;
    let place =
        Place { directory: run_dir.join("postgres"), log: run_dir.join("logs/postgres.log"), worth: Worth::Kept };
    let postgres = Postgres::start(&place, &guard)?;
    if let Some(notice) = &postgres.notice {
        eprintln!("{notice}");
    }
    writeln!(std::io::stdout(), "{}", postgres.admin_url("postgres"))?;
    signals.wait()?;
    postgres.stop();
    Ok(())
}
