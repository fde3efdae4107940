//! A second server that follows the first, without which nothing is committed, and that takes its place.

use super::{Place, Postgres, SUPERUSER, spawn};
use crate::{ports, secrets};
use anyhow::{Context as _, Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Bool)]
    found: bool,
}

impl Postgres {
    /// Starts a standby from a copy of this server. From when this returns, a commit here is answered when it is on both
    /// disks: what was acknowledged is there after [`Self::promote`]. Blocks.
    pub fn standby(&self) -> Result<Self> {
        let place = Place { directory: self.place.directory.with_extension("standby"), ..self.place.clone() };
        secrets::passage(&place.directory)?;
        let (home, notice) = self.account.directory(&place.directory.join("server"))?;
        let data = home.join("data");
        let mut copy = Command::new(self.binaries.program("pg_basebackup"));
        copy.arg("--pgdata").arg(&data).args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--dbname"]);
        copy.arg(format!(
            "host=127.0.0.1 port={} user={SUPERUSER} password={} application_name=standby",
            self.port, self.password
        ));
        let output = self.account.run(copy).current_dir(&home).output().context("could not run pg_basebackup")?;
        ensure!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        let port = ports::free()?;
        let process = spawn(&self.binaries, self.account, &data, port, &place, &self.guard)?;
        let standby = Self {
            process,
            binaries: self.binaries.clone(),
            port,
            password: self.password.clone(),
            home,
            account: self.account,
            place,
            guard: self.guard.clone(),
            notice,
        };
        standby.wait_until_ready()?;
        let mut admin = self.admin(SUPERUSER)?;
        admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")?;
        admin.batch_execute("SELECT pg_reload_conf()")?;
        let follows = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') AS found";
        let started = Instant::now();
        while !sql_query(follows).get_result::<Found>(&mut admin)?.found {
            ensure!(started.elapsed() < FOLLOWS_WITHIN, standby.process.failure("does not follow"));
            thread::sleep(Duration::from_millis(20));
        }
        Ok(standby)
    }

    /// Makes a standby the server that is written to. Blocks.
    pub fn promote(&self) -> Result<()> {
        self.admin(SUPERUSER)?.batch_execute("SELECT pg_promote(true, 30)").context("promoting the standby")
    }
}
