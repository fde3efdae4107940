//! The whole: PostgreSQL, the four services and nginx, as real processes.

use crate::guard::Guard;
use crate::nginx::{self, Nginx};
use crate::postgres::{Place, Postgres, Worth};
use crate::process::{self, Process};
use crate::provision::{self, Passwords};
use crate::service::Service;
use crate::settings::{Plan, Urls};
use crate::topology::Topology;
use crate::{binaries, lock, ports, secrets};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task;
use toml::Table;

/// Says what is going on, a line at a time.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// How a stack is to be started.
#[derive(Clone)]
pub struct Builder {
    run_dir: Option<PathBuf>,
    topology_ports: bool,
    nginx_port: Option<u16>,
    sign_in: Option<(String, u32)>,
    settings: BTreeMap<String, Table>,
    build: bool,
    progress: Progress,
}

/// A running stack. Dropped, it stops what it started; killed, its reaper does.
pub struct Stack {
    run_dir: PathBuf,
    topology: Topology,
    passwords: BTreeMap<String, Passwords>,
    nginx: Option<Nginx>,
    services: BTreeMap<String, Service>,
    postgres: Option<Postgres>,
    progress: Progress,
    // Last: what it watches has ended when it goes.
    guard: Guard,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("run_dir", &self.run_dir).finish_non_exhaustive()
    }
}

impl Builder {
    /// Keeps data, logs and secrets in this directory; without it they are temporary.
    #[must_use]
    pub fn run_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.run_dir = Some(directory.into());
        self
    }

    /// The services take the ports of `deploy/topology.toml` where those are free; without it, any free ones.
    #[must_use]
    pub fn topology_ports(mut self) -> Self {
        self.topology_ports = true;
        self
    }

    /// nginx listens here; without it, on the topology's port if those are wanted, else on a free one.
    #[must_use]
    pub fn nginx_port(mut self, port: u16) -> Self {
        self.nginx_port = Some(port);
        self
    }

    /// nginx's limit by address on sign-in paths, e.g. `"10r/s"`, and how many may come at once above it.
    #[must_use]
    pub fn sign_in_limit(mut self, rate: &str, burst: u32) -> Self {
        self.sign_in = Some((rate.to_owned(), burst));
        self
    }

    /// One setting of one service, by its dotted path.
    #[must_use]
    pub fn setting(mut self, service: &str, path: &str, value: impl Into<toml::Value>) -> Self {
        let table = self.settings.entry(service.to_owned()).or_default();
        crate::settings::set(table, path, value);
        self
    }

    /// Uses the programs that are there instead of asking cargo to bring them up to date.
    #[must_use]
    pub fn without_build(mut self) -> Self {
        self.build = false;
        self
    }

    /// Says what is going on.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Starts everything and waits until it is ready.
    pub async fn start(self) -> Result<Stack> {
        task::spawn_blocking(move || self.start_blocking()).await?
    }

    /// Like [`Self::start`], for callers without a runtime.
    pub fn start_blocking(self) -> Result<Stack> {
        let topology = Topology::load()?;
        if self.build {
            binaries::build(topology.services.keys().map(String::as_str))?;
        }
        let say = Arc::clone(&self.progress);
        let (guard, run_dir) = self.open_run_dir()?;
        let ports = self.ports(&topology)?;
        let nginx_port = match self.nginx_port {
            Some(port) => port,
            None if self.topology_ports => topology.nginx.port,
            None => ports::free()?,
        };
        ensure!(
            !ports::is_taken(nginx_port),
            "port {nginx_port} is taken by another program; choose another with PORT="
        );
        let mut stack = Stack {
            run_dir,
            topology,
            passwords: BTreeMap::new(),
            nginx: None,
            services: BTreeMap::new(),
            postgres: None,
            progress: say,
            guard,
        };
        // From here on a failure drops the stack, which stops what was started.
        stack.start_postgres(self.run_dir.is_none())?;
        stack.provision()?;
        stack.configure(&ports, nginx_port, &self.settings)?;
        stack.migrate()?;
        stack.start_services()?;
        stack.start_nginx(&self, ports, nginx_port)?;
        Ok(stack)
    }

    fn open_run_dir(&self) -> Result<(Guard, PathBuf)> {
        let (guard, run_dir) = if let Some(wanted) = &self.run_dir {
            let (lock, run_dir) = lock::run_directory(wanted, |text| (self.progress)(text))?;
            (Guard::start(Some(lock))?, run_dir)
        } else {
            let guard = Guard::start(None)?;
            let run_dir = tempfile::Builder::new().prefix("rollcall-stack-").tempdir()?.keep();
            guard.remove_at_end(&run_dir)?;
            secrets::open_to_pass(&run_dir)?;
            (guard, run_dir)
        };
        secrets::passage(&run_dir.join("logs"))?;
        for private in ["secrets", "config", "mail"] {
            secrets::directory(&run_dir.join(private))?;
        }
        Ok((guard, run_dir))
    }

    fn ports(&self, topology: &Topology) -> Result<BTreeMap<String, u16>> {
        let one = |(name, service): (&String, &crate::topology::Service)| {
            if self.topology_ports && !ports::is_taken(service.port) {
                return Ok((name.clone(), service.port));
            }
            let port = ports::free()?;
            if self.topology_ports {
                (self.progress)(&format!("port {} is taken, {name} listens on {port}", service.port));
            }
            Ok((name.clone(), port))
        };
        topology.services.iter().map(one).collect()
    }
}

impl Stack {
    /// A stack with temporary data on free ports, unless told otherwise.
    pub fn builder() -> Builder {
        Builder {
            run_dir: None,
            topology_ports: false,
            nginx_port: None,
            sign_in: None,
            settings: BTreeMap::new(),
            build: true,
            progress: Arc::new(|_| {}),
        }
    }

    /// The address of nginx, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.nginx.as_ref().map(Nginx::base_url).unwrap_or_default()
    }

    /// The address of one service, behind nginx's back.
    pub fn service_url(&self, name: &str) -> Result<String> {
        Ok(self.service(name)?.base_url())
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

    /// Stops a service in order and starts it again.
    pub async fn restart(&mut self, name: &str) -> Result<()> {
        self.stop_service(name).await?;
        self.start_service(name).await
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
        let services = self.services.values().filter_map(Service::process);
        let others = [self.postgres.as_ref().map(Postgres::process), self.nginx.as_ref().map(Nginx::process)];
        let mut all = services.chain(others.into_iter().flatten());
        all.find_map(|process| process.exited().map(|status| process.failure(&format!("has ended ({status})"))))
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

    fn say(&self, line: &str) {
        (self.progress)(line);
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.run_dir.join("logs").join(format!("{name}.log"))
    }

    fn start_postgres(&mut self, temporary: bool) -> Result<()> {
        let start = Instant::now();
        let place = Place {
            directory: self.run_dir.join("postgres"),
            log: self.log_of("postgres"),
            worth: if temporary { Worth::Temporary } else { Worth::Kept },
        };
        fresh_log(&place.log)?;
        let postgres = Postgres::start(&place, &self.guard)?;
        if let Some(notice) = &postgres.notice {
            self.say(notice);
        }
        if let Some(outside) = postgres.data_outside(&self.run_dir).filter(|_| temporary) {
            self.guard.remove_at_end(outside)?;
        }
        let (major, port) = (postgres.binaries().major, postgres.port());
        self.say(&format!("PostgreSQL {major} on port {port} ({})", seconds(start)));
        self.postgres = Some(postgres);
        Ok(())
    }

    fn provision(&mut self) -> Result<()> {
        let mut admin = self.postgres()?.admin("postgres")?;
        for (name, service) in &self.topology.services {
            let passwords = Passwords { owner: secrets::random_hex(16), service: secrets::random_hex(16) };
            provision::roles(&mut admin, service, &passwords)?;
            provision::database(&mut admin, service, &service.database)?;
            self.passwords.insert(name.clone(), passwords);
        }
        Ok(())
    }

    fn configure(
        &mut self,
        ports: &BTreeMap<String, u16>,
        nginx_port: u16,
        overrides: &BTreeMap<String, Table>,
    ) -> Result<()> {
        let public_url = format!("http://localhost:{nginx_port}");
        let plan = Plan {
            topology: &self.topology,
            ports,
            secrets: &self.run_dir.join("secrets"),
            mail: &self.run_dir.join("mail"),
            public_url: &public_url,
        };
        let postgres = self.postgres()?;
        let mut services = BTreeMap::new();
        for (name, service) in &self.topology.services {
            let passwords = self.passwords.get(name).context("provisioned above")?;
            let urls = Urls {
                service: postgres.url(&service.role, &passwords.service, &service.database),
                owner: postgres.url(&service.owner, &passwords.owner, &service.database),
            };
            let mut settings = plan.of(name, &urls)?;
            if let Some(changes) = overrides.get(name) {
                merge(&mut settings, changes);
            }
            let file = self.run_dir.join("config").join(format!("{name}.toml"));
            secrets::write(&file, toml::to_string(&settings)?.as_bytes())?;
            let log = self.log_of(name);
            fresh_log(&log)?;
            let port = ports.get(name).copied().context("every service has a port")?;
            services.insert(name.clone(), Service::new(name, port, file, log, &self.guard));
        }
        self.services = services;
        Ok(())
    }

    fn migrate(&self) -> Result<()> {
        let start = Instant::now();
        for name in self.topology.deployment_order()? {
            self.service(name)?.migrate()?;
        }
        self.say(&format!("databases migrated ({})", seconds(start)));
        Ok(())
    }

    /// One after another, so that who calls finds who is called.
    fn start_services(&mut self) -> Result<()> {
        for name in self.topology.deployment_order()? {
            let start = Instant::now();
            let service = self.services.get_mut(name).context("every service has settings")?;
            (self.progress)(&format!("waiting for {name} on {} …", service.base_url()));
            service.start()?;
            service.wait_until_ready()?;
            (self.progress)(&format!("{name} is ready ({})", seconds(start)));
        }
        Ok(())
    }

    fn start_nginx(&mut self, builder: &Builder, ports: BTreeMap<String, u16>, port: u16) -> Result<()> {
        let start = Instant::now();
        let mut settings = nginx::Settings::new(port, ports);
        if let Some((rate, burst)) = &builder.sign_in {
            settings.sign_in_rate.clone_from(rate);
            settings.sign_in_burst = *burst;
        }
        let logs = self.run_dir.join("logs");
        fresh_log(&self.log_of("nginx"))?;
        let static_files = binaries::repository().join("nginx/static");
        let nginx = Nginx::start(&settings, &self.run_dir.join("nginx"), &logs, &static_files, &self.guard)?;
        if let Some(notice) = &nginx.notice {
            self.say(notice);
        }
        self.say(&format!("nginx on port {port} ({})", seconds(start)));
        self.nginx = Some(nginx);
        Ok(())
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
        if let Some(postgres) = self.postgres.take() {
            postgres.stop();
        }
    }
}

/// Every run starts its logs anew; the last run's stay beside them.
fn fresh_log(log: &Path) -> Result<()> {
    match fs::rename(log, log.with_extension("log.1")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn merge(into: &mut Table, changes: &Table) {
    for (key, value) in changes {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(changes)) => merge(inner, changes),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

fn seconds(start: Instant) -> String {
    format!("{:.1} s", start.elapsed().as_secs_f64())
}
