//! The steps of a start, in their order.

use super::{Builder, Stack};
use crate::nginx::{self, Nginx};
use crate::postgres::{Place, Postgres, Worth};
use crate::provision::{self, Passwords};
use crate::service::Service;
use crate::settings::{Plan, Urls};
use crate::{binaries, secrets};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use toml::Table;

impl Stack {
    fn say(&self, line: &str) {
        (self.progress)(line);
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.run_dir.join("logs").join(format!("{name}.log"))
    }

    pub(super) fn start_postgres(&mut self, temporary: bool) -> Result<()> {
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

    pub(super) fn provision(&mut self) -> Result<()> {
        let mut admin = self.postgres()?.admin("postgres")?;
        for (name, service) in &self.topology.services {
            let passwords = Passwords { owner: secrets::random_hex(16), service: secrets::random_hex(16) };
            provision::roles(&mut admin, service, &passwords)?;
            provision::database(&mut admin, service, &service.database)?;
            self.passwords.insert(name.clone(), passwords);
        }
        Ok(())
    }

    pub(super) fn configure(
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

    pub(super) fn hold_sockets(&mut self) -> Result<()> {
        self.services.values_mut().try_for_each(Service::hold_socket)
    }

    pub(super) fn migrate(&self, names: &[String]) -> Result<()> {
        let start = Instant::now();
        for name in names {
            self.service(name)?.migrate()?;
        }
        self.say(&format!("databases migrated ({})", seconds(start)));
        Ok(())
    }

    /// One after another, so that who calls finds who is called.
    pub(super) fn start_services(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            let start = Instant::now();
            let service = self.services.get_mut(name).context("every service has settings")?;
            (self.progress)(&format!("waiting for {name} on {} …", service.base_url()));
            service.start()?;
            service.wait_until_ready()?;
            (self.progress)(&format!("{name} is ready ({})", seconds(start)));
        }
        Ok(())
    }

    pub(super) fn start_nginx(&mut self, builder: &Builder, ports: BTreeMap<String, u16>, port: u16) -> Result<()> {
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
