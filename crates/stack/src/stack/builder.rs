//! How a stack is to be started.

use super::{Progress, Stack};
use crate::guard::Guard;
use crate::surroundings::{Names, Timepiece};
use crate::topology::{Service, Topology};
use crate::{binaries, lock, ports, secrets, settings};
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task;
use toml::Table;

/// How a stack is to be started.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own that a caller makes or leaves")]
pub struct Builder {
    run_dir: Option<PathBuf>,
    topology_ports: bool,
    nginx_port: Option<u16>,
    pub(super) sign_in: Option<(String, u32)>,
    only: Option<BTreeSet<String>>,
    settings: BTreeMap<String, Table>,
    build: bool,
    pub(super) hold_sockets: bool,
    pub(super) environment: BTreeMap<String, String>,
    faults: bool,
    smtp: Option<u16>,
    pub(super) data: Option<PathBuf>,
    timepiece: Option<String>,
    names: bool,
    progress: Progress,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            run_dir: None,
            topology_ports: false,
            nginx_port: None,
            sign_in: None,
            only: None,
            settings: BTreeMap::new(),
            build: true,
            hold_sockets: false,
            environment: BTreeMap::new(),
            faults: false,
            smtp: None,
            data: None,
            timepiece: None,
            names: false,
            progress: Arc::new(|_| {}),
        }
    }

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

    /// Starts these services and no others: they are all that is measured, or the rest is away.
    #[must_use]
    pub fn only(mut self, services: &[&str]) -> Self {
        self.only = Some(services.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// One setting of one service, by its dotted path.
    #[must_use]
    pub fn setting(mut self, service: &str, path: &str, value: impl Into<toml::Value>) -> Self {
        let table = self.settings.entry(service.to_owned()).or_default();
        settings::set(table, path, value);
        self
    }

    /// The stack makes the sockets of the services and hands them over, as systemd does: needed for
    /// [`Stack::release`]. What connects while a service is down then waits for the next process.
    #[must_use]
    pub fn hold_sockets(mut self) -> Self {
        self.hold_sockets = true;
        self
    }

    /// A variable in the environment of every service.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Every line between two parts leads through a proxy that can make it fail: [`Stack::faults`].
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Mail leaves by SMTP, to a server on this port of this machine, and is not written into files.
    #[must_use]
    pub fn smtp(mut self, port: u16) -> Self {
        self.smtp = Some(port);
        self
    }

    /// PostgreSQL keeps its data in this directory, where the disk is another.
    #[must_use]
    pub fn data_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// This service has a clock of its own, which can jump: [`Stack::timepiece`].
    #[must_use]
    pub fn with_timepiece(mut self, service: &str) -> Self {
        self.timepiece = Some(service.to_owned());
        self
    }

    /// The services look for each other by name, and the names can go: [`Stack::names`].
    #[must_use]
    pub fn with_names(mut self) -> Self {
        self.names = true;
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
        let topology = Topology::built_in()?;
        if self.build {
            binaries::build()?;
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
            topology: topology.on_ports(nginx_port, &ports),
            passwords: BTreeMap::new(),
            nginx: None,
            services: BTreeMap::new(),
            postgres: None,
            standby: None,
            faults: None,
            timepiece: None,
            names: None,
            progress: say,
            guard,
        };
        // From here on a failure drops the stack, which stops what was started.
        stack.start_postgres(self.run_dir.is_none(), self.data.clone())?;
        stack.provision()?;
        if self.names {
            stack.names = Some(Names::new(&stack.run_dir)?);
        }
        if let Some(service) = &self.timepiece {
            let clock = Timepiece::new(stack.run_dir.join(format!("{service}.clock")))?;
            stack.timepiece = Some((service.clone(), clock));
        }
        if self.faults {
            stack.draw_lines(&ports, self.smtp)?;
        }
        stack.configure(self.smtp, &self.settings)?;
        stack.services.values_mut().for_each(|service| service.set_environment(&self.environment));
        if self.hold_sockets {
            stack.hold_sockets()?;
        }
        let order = stack.topology.deployment_order()?;
        let wanted = |name: &&str| self.only.as_ref().is_none_or(|only| only.contains(*name));
        let names: Vec<String> = order.into_iter().filter(wanted).map(str::to_owned).collect();
        stack.migrate(&names)?;
        stack.start_services(&names)?;
        stack.start_nginx(&self)?;
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
        let one = |(name, service): (&String, &Service)| {
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
