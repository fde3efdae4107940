//! The whole: PostgreSQL, the four services and nginx, as real processes.

mod builder;
mod steps;

pub use builder::Builder;

use crate::faults::{Faults, POSTGRES};
use crate::guard::Guard;
use crate::nginx::Nginx;
use crate::ports;
use crate::postgres::Postgres;
use crate::process::{self, Process};
use crate::provision::Passwords;
use crate::service::Service;
use crate::surroundings::{Names, Timepiece};
use crate::topology::Topology;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task;

/// Says what is going on, a line at a time.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// A running stack. Dropped, it stops what it started; killed, its reaper does.
pub struct Stack {
    run_dir: PathBuf,
    topology: Topology,
    passwords: BTreeMap<String, Passwords>,
    nginx: Option<Nginx>,
    services: BTreeMap<String, Service>,
    postgres: Option<Postgres>,
    standby: Option<Postgres>,
    faults: Option<Faults>,
    timepiece: Option<(String, Timepiece)>,
    names: Option<Names>,
    progress: Progress,
    // Last: what it watches has ended when it goes.
    guard: Guard,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("run_dir", &self.run_dir).finish_non_exhaustive()
    }
}

impl Stack {
    /// A stack with temporary data on free ports, unless told otherwise.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The address of nginx, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.nginx.as_ref().map(Nginx::base_url).unwrap_or_default()
    }

    /// The address of one service, behind nginx's back.
    pub fn service_url(&self, name: &str) -> Result<String> {
        Ok(self.service(name)?.base_url())
    }

    /// The lines between its parts, to make them fail ([`Builder::with_faults`]).
    pub fn faults(&self) -> Result<&Faults> {
        self.faults.as_ref().context("the stack was started without faults")
    }

    /// The clock of the service that has one of its own ([`Builder::with_timepiece`]).
    pub fn timepiece(&self) -> Result<&Timepiece> {
        self.timepiece.as_ref().map(|(_, clock)| clock).context("no service has a clock of its own")
    }

    /// The names by which services look for each other ([`Builder::with_names`]).
    pub fn names(&self) -> Result<&Names> {
        self.names.as_ref().context("the services look for each other by address")
    }

    /// Starts a standby of PostgreSQL, without which nothing is committed from then on.
    pub async fn start_standby(&mut self) -> Result<()> {
        let (postgres, standby) = self.blocking_with_postgres(|postgres| postgres.standby()).await?;
        self.postgres = Some(postgres);
        let standby = standby?;
        if let Some(outside) = standby.data_outside(&self.run_dir) {
            self.guard.remove_at_end(outside)?;
        }
        self.standby = Some(standby);
        Ok(())
    }

    /// Kills PostgreSQL and puts the standby in its place: the lines of a stack with faults lead there from now on.
    pub async fn fail_over(&mut self) -> Result<()> {
        self.kill_postgres().await?;
        let standby = self.standby.take().context("there is no standby")?;
        let (standby, promoted) = task::spawn_blocking(move || {
            let promoted = standby.promote();
            (standby, promoted)
        })
        .await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, standby.port()));
        self.faults()?.to(POSTGRES).for_each(|line| line.point_to(address));
        self.postgres = Some(standby);
        promoted
    }

    /// The address at which one service looks for another.
    pub fn peer_url(&self, from: &str, to: &str) -> Result<String> {
        let url = self.service_url(to)?;
        let Some(faults) = &self.faults else { return Ok(url) };
        Ok(format!("http://127.0.0.1:{}", faults.between(from, to)?.port()))
    }

    /// Where data, logs, secrets and mail are.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Where mails are written to, one `.eml` each.
    pub fn mail_dir(&self) -> PathBuf {
        self.run_dir.join("mail")
    }

    /// Superuser's connection URL of a service's database: for asserting across tenants, which no policy stops.
    pub fn database(&self, service: &str) -> Result<String> {
        let database = &self.topology.service(service)?.database;
        Ok(self.postgres()?.admin_url(database))
    }

    /// The process of a service, while it runs.
    pub fn process(&self, name: &str) -> Result<&Process> {
        self.service(name)?.process().with_context(|| format!("{name} is not running"))
    }

    /// A program of PostgreSQL's, e.g. `pgbench`, of the version that runs.
    pub fn postgres_program(&self, name: &str) -> Result<PathBuf> {
        Ok(self.postgres()?.binaries().program(name))
    }

    /// Ends PostgreSQL, all of its processes, with SIGKILL.
    pub async fn kill_postgres(&mut self) -> Result<()> {
        self.with_postgres(Postgres::kill).await
    }

    /// Starts PostgreSQL that was killed, on the port that it had, and waits until it answers.
    pub async fn start_postgres_again(&mut self) -> Result<()> {
        self.with_postgres(Postgres::start_again).await
    }

    async fn with_postgres(&mut self, act: impl FnOnce(&mut Postgres) -> Result<()> + Send + 'static) -> Result<()> {
        let (postgres, result) = self.blocking_with_postgres(act).await?;
        self.postgres = Some(postgres);
        result
    }

    async fn blocking_with_postgres<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Postgres) -> T + Send + 'static,
    ) -> Result<(Postgres, T)> {
        let mut postgres = self.postgres.take().context("PostgreSQL is not running")?;
        let acting = task::spawn_blocking(move || {
            let result = act(&mut postgres);
            (postgres, result)
        });
        Ok(acting.await?)
    }

    /// Ends a service with SIGKILL.
    pub async fn kill(&mut self, name: &str) -> Result<()> {
        self.with(name, |service| {
            service.kill();
            Ok(())
        })
        .await
    }

    /// Stops a service in order.
    pub async fn stop_service(&mut self, name: &str) -> Result<()> {
        self.with(name, |service| {
            service.stop();
            Ok(())
        })
        .await
    }

    /// Starts a service that was stopped or killed, and waits until it is ready.
    pub async fn start_service(&mut self, name: &str) -> Result<()> {
        self.with(name, |service| {
            service.start()?;
            service.wait_until_ready()
        })
        .await
    }

    /// Starts another instance of a service, on a port of its own, and waits until it is ready. It ends when what this
    /// answers is dropped.
    pub async fn start_beside(&self, name: &str) -> Result<Service> {
        let mut instance = self.service(name)?.beside(ports::free()?)?;
        task::spawn_blocking(move || {
            instance.start()?;
            instance.wait_until_ready()?;
            Ok(instance)
        })
        .await?
    }

    /// Stops a service in order and starts it again.
    pub async fn restart(&mut self, name: &str) -> Result<()> {
        self.stop_service(name).await?;
        self.start_service(name).await
    }

    /// Releases a service as `scripts/deploy` does: another process beside the one that serves, on the same socket
    /// ([`Builder::hold_sockets`]); when it is ready, the old one is stopped. `program` is what to start, where it is
    /// not the service's own.
    pub async fn release(&mut self, name: &str, program: Option<PathBuf>, patience: Duration) -> Result<()> {
        self.with(name, move |service| service.release(program, patience)).await
    }

    /// Holds a service still: its connections stay open and nothing answers.
    pub fn pause(&self, name: &str) -> Result<()> {
        self.service(name)?.pause()
    }

    /// Lets it go on.
    pub fn resume(&self, name: &str) -> Result<()> {
        self.service(name)?.resume()
    }

    /// The first process that has ended though nobody asked it to, as an error that shows its log.
    pub fn fallen(&self) -> Option<anyhow::Error> {
        self.processes()
            .find_map(|process| process.exited().map(|status| process.failure(&format!("has ended ({status})"))))
    }

    /// Processor time that each part has used so far, with the processes that it started.
    pub fn processor_times(&self) -> Vec<(String, Duration)> {
        self.processes()
            .map(|process| (process.name().to_owned(), process.processor_time().unwrap_or_default()))
            .collect()
    }

    /// All that run.
    fn processes(&self) -> impl Iterator<Item = &Process> {
        let others = [self.postgres.as_ref().map(Postgres::process), self.nginx.as_ref().map(Nginx::process)];
        self.services.values().filter_map(Service::process).chain(others.into_iter().flatten())
    }

    /// Stops everything in order.
    pub async fn shutdown(self) -> Result<()> {
        task::spawn_blocking(move || drop(self)).await?;
        Ok(())
    }

    async fn with(&mut self, name: &str, act: impl FnOnce(&mut Service) -> Result<()> + Send + 'static) -> Result<()> {
        let told = || format!("no service is called {name:?}");
        let (key, mut service) = self.services.remove_entry(name).with_context(told)?;
        let (service, result) = task::spawn_blocking(move || {
            let result = act(&mut service);
            (service, result)
        })
        .await?;
        self.services.insert(key, service);
        result
    }

    fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| format!("no service is called {name:?}"))
    }

    fn postgres(&self) -> Result<&Postgres> {
        self.postgres.as_ref().context("PostgreSQL is not running")
    }

    fn show_logs(&self) {
        let others = [self.postgres.as_ref().map(Postgres::process), self.nginx.as_ref().map(Nginx::process)];
        let logs = self.services.values().map(|service| service.log().as_path());
        for log in logs.chain(others.into_iter().flatten().map(Process::log)) {
            let tail = process::tail(log, 15).unwrap_or_default();
            eprintln!("--- {}\n{tail}", log.display());
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The files are about to go; what they end with says why the test failed.
            self.show_logs();
        }
        if let Some(nginx) = self.nginx.take() {
            nginx.process().stop(Duration::from_secs(12));
        }
        for service in self.services.values() {
            service.ask_to_stop();
        }
        for service in self.services.values_mut() {
            service.stop();
        }
        for postgres in [self.postgres.take(), self.standby.take()].into_iter().flatten() {
            postgres.stop();
        }
    }
}
