//! The steps of a start, in their order.

use super::{Builder, Stack};
use crate::faults::{Faults, NGINX, POSTGRES, Proxy, SMTP};
use crate::nginx::{self, Nginx};
use crate::postgres::{Place, Postgres, Worth};
use crate::provision::{self, Passwords};
use crate::service::Service;
use crate::settings::{Plan, Urls, set};
use crate::surroundings::{DOMAIN, Surroundings};
use crate::topology::Topology;
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

    pub(super) fn start_postgres(&mut self, temporary: bool, data: Option<PathBuf>) -> Result<()> {
        let start = Instant::now();
        let place = Place {
            directory: data.unwrap_or_else(|| self.run_dir.join("postgres")),
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

    pub(super) fn configure(&mut self, smtp: Option<u16>, overrides: &BTreeMap<String, Table>) -> Result<()> {
        let public_url = format!("http://localhost:{}", self.topology.nginx.port);
        let postgres = self.postgres()?;
        let mut services = BTreeMap::new();
        for (name, service) in &self.topology.services {
            let passwords = self.passwords.get(name).context("provisioned above")?;
            let seen = self.seen_by(name);
            let plan = Plan {
                topology: &seen,
                secrets: &self.run_dir.join("secrets"),
                mail: &self.run_dir.join("mail"),
                public_url: &public_url,
            };
            let urls = Urls {
                service: postgres.url_by(
                    self.port_seen_by(name, POSTGRES, postgres.port()),
                    &service.role,
                    &passwords.service,
                    &service.database,
                ),
                owner: postgres.url(&service.owner, &passwords.owner, &service.database),
            };
            let mut settings = plan.of(name, &urls)?;
            if self.names.is_some() {
                for (peer, there) in seen.services.iter().filter(|(peer, _)| *peer != name) {
                    let url = format!("http://{peer}.{DOMAIN}:{}", there.port);
                    if self.topology.acquaintances(name)?.contains(peer.as_str()) {
                        set(&mut settings, &format!("peers.{peer}.url"), url);
                    }
                }
            }
            if let Some(port) = smtp.filter(|_| name == "notification") {
                set(&mut settings, "mail.transport", "smtp");
                set(&mut settings, "mail.smtp.host", "127.0.0.1");
                set(&mut settings, "mail.smtp.port", i64::from(self.port_seen_by(name, SMTP, port)));
                set(&mut settings, "mail.smtp.tls", "none");
            }
            if let Some(changes) = overrides.get(name) {
                merge(&mut settings, changes);
            }
            let file = self.run_dir.join("config").join(format!("{name}.toml"));
            secrets::write(&file, toml::to_string(&settings)?.as_bytes())?;
            let log = self.log_of(name);
            fresh_log(&log)?;
            let mut process = Service::new(name, service.port, file, log, &self.guard);
            process.surround(self.surroundings_of(name));
            services.insert(name.clone(), process);
        }
        self.services = services;
        Ok(())
    }

    /// Puts a proxy on every line. Owners, who migrate, go past them.
    pub(super) fn draw_lines(&mut self, ports: &BTreeMap<String, u16>, smtp: Option<u16>) -> Result<()> {
        let mut faults = Faults::new()?;
        let postgres = self.postgres()?.port();
        for (name, port) in ports {
            for peer in self.topology.acquaintances(name)? {
                faults.add(name, peer, *ports.get(peer).context("every service has a port")?)?;
            }
            faults.add(name, POSTGRES, postgres)?;
            faults.add(NGINX, name, *port)?;
        }
        if let Some(port) = smtp {
            faults.add("notification", SMTP, port)?;
        }
        self.faults = Some(faults);
        Ok(())
    }

    fn surroundings_of(&self, name: &str) -> Surroundings {
        let mut surroundings = Surroundings::default();
        if let Some(names) = &self.names {
            surroundings.look_up_in(names);
        }
        if let Some((_, clock)) = self.timepiece.as_ref().filter(|(whose, _)| whose == name) {
            surroundings.keep_time_by(clock);
        }
        surroundings
    }

    /// Where `from` looks for `to`, which listens on `port`.
    fn port_seen_by(&self, from: &str, to: &str, port: u16) -> u16 {
        self.faults.as_ref().and_then(|faults| faults.between(from, to).ok()).map_or(port, Proxy::port)
    }

    /// The topology with the ports at which `from` finds the services.
    fn seen_by(&self, from: &str) -> Topology {
        let services = self.topology.services.iter();
        let ports = services.map(|(name, service)| (name.clone(), self.port_seen_by(from, name, service.port)));
        self.topology.on_ports(self.topology.nginx.port, &ports.collect())
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

    pub(super) fn start_nginx(&mut self, builder: &Builder) -> Result<()> {
        let start = Instant::now();
        let mut settings = nginx::Settings::of(&self.seen_by(NGINX), "stack")?;
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
        self.say(&format!("nginx on port {} ({})", settings.port, seconds(start)));
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
