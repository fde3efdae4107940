//! `rollcall topology apply`: renders, checks, puts in place, reloads, asks, and puts back what does not do well.

pub mod door;
pub mod generations;
mod units;

use crate::keys;
use crate::nginx;
use crate::render::nginx::{HOME, Place};
use crate::render::{self, Files, NGINX, Target};
use crate::steps::{Failure, Steps, done, told};
use crate::topology::Topology;
use anyhow::{Context, Result, bail, ensure};
use generations::{About, Generations, SOURCE};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;
use units::Systemd;

/// Where things are on this machine.
#[derive(Clone, Debug)]
pub struct Installation {
    root: PathBuf,
    /// None: its units are nobody's affair, as in a directory that is looked at.
    systemd: Option<Systemd>,
}

/// What is to be applied, and how.
#[derive(Debug)]
pub struct Wish {
    /// The topology; the installation's if it is not said.
    pub topology: Option<PathBuf>,
    /// Which of its hosts this machine is; by its name if it is not said.
    pub host: Option<String>,
    /// How long services may take to answer through the new nginx.
    pub patience: Duration,
}

/// A topology that holds, as it is for this machine.
#[derive(Debug)]
pub struct Rendered {
    /// The text it comes from.
    pub source: String,
    /// The topology.
    pub topology: Topology,
    /// Which host this machine is.
    pub host: String,
}

impl Installation {
    /// The one below `root`; `/` is the machine's own.
    pub fn new(root: &Path) -> Self {
        let systemd = (root == Path::new("/")).then(|| Systemd("systemctl".into()));
        Self { root: root.to_owned(), systemd }
    }

    /// The same, with another program in the place of `systemctl`.
    #[must_use]
    pub fn with_systemctl(mut self, program: &Path) -> Self {
        self.systemd = Some(Systemd(program.to_owned()));
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn is_machine(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The generations that were rendered here.
    pub fn generations(&self) -> Generations {
        Generations::new(&self.at("/etc/rollcall"))
    }

    /// The topology of the installation.
    pub fn topology_file(&self) -> PathBuf {
        self.at("/etc/rollcall/topology.toml")
    }

    fn pid_file(&self) -> PathBuf {
        self.at(HOME).join("nginx.pid")
    }

    fn place(&self, port: u16) -> Result<Place> {
        if self.is_machine() { Ok(Place::packaged(port)) } else { Place::below(&self.root, port) }
    }

    /// Reads and checks a topology, and finds out which host this is.
    pub fn read(&self, wish: &Wish) -> Result<Rendered> {
        let file = wish.topology.clone().unwrap_or_else(|| self.topology_file());
        let source = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let topology = Topology::parse(&file.display().to_string(), &source)?;
        let host = host_of(&topology, wish.host.as_deref())?;
        Ok(Rendered { source, topology, host })
    }

    /// The files of a topology, as generation `number`.
    pub fn render(&self, rendered: &Rendered, number: u64) -> Result<Files> {
        let Rendered { topology, host, .. } = rendered;
        let keys = keys::public_keys(topology, &self.at("/etc/rollcall/credentials"))?;
        let (place, generation) = (self.place(topology.nginx.port)?, number.to_string());
        Target { topology, host, keys: &keys, place: &place, generation: &generation }.files()
    }

    /// What nginx says of the configuration that `rendered` would give it; fine where this host has none.
    pub fn ask_nginx(&self, rendered: &Rendered, number: u64) -> Result<()> {
        if !rendered.topology.doors().contains(&rendered.host.as_str()) {
            return Ok(());
        }
        // The same, but that what it writes is written where nothing of the running one is.
        let scratch = tempfile::tempdir().context("a directory for nginx -t")?;
        let mut place = self.place(rendered.topology.nginx.port)?;
        place.home = render::nginx::plain(scratch.path())?;
        let settings = render::nginx::Settings::of(&rendered.topology, &number.to_string())?;
        let file = scratch.path().join(NGINX);
        fs::write(&file, place.render(&settings)?)?;
        nginx::check(scratch.path(), &file)
    }

    /// What applying would change, and what is in force now.
    pub fn difference(&self, rendered: &Rendered) -> Result<String> {
        let generations = self.generations();
        let current = generations.current()?;
        let old = current.map_or_else(|| Ok(Files::new()), |number| generations.files(number))?;
        // As the generation that is in force, so that its number is no difference.
        Ok(render::difference(&old, &self.render(rendered, current.unwrap_or(0))?))
    }

    /// Puts a topology in force. Answers the services that have to read their settings anew.
    pub fn apply(&self, wish: &Wish, steps: &Steps<'_>) -> Result<Vec<String>, Failure> {
        let prepared = self.prepare(wish, steps).map_err(Failure::Nothing)?;
        let Some(Prepared { from, to, _lock }) = prepared else {
            steps.say("nothing changes");
            return Ok(Vec::new());
        };
        self.turn(from, Some(to), wish.patience, steps)?;
        // What is left behind does no harm.
        if let Err(error) = self.generations().prune() {
            steps.say(&format!("  old generations are left: {error:#}"));
        }
        Ok(self.changed_settings(from, to))
    }

    /// The services whose settings differ between two generations.
    fn changed_settings(&self, from: Option<u64>, to: u64) -> Vec<String> {
        let generations = self.generations();
        let read = |number: Option<u64>| number.and_then(|number| generations.files(number).ok()).unwrap_or_default();
        let (old, new) = (read(from), read(Some(to)));
        let settings = new.iter().filter_map(|(name, text)| Some((name, name.strip_suffix(".toml")?, text)));
        let changed = settings.filter(|(name, _, text)| old.get(*name) != Some(*text));
        changed.map(|(_, service, _)| service.to_owned()).collect()
    }

    fn prepare(&self, wish: &Wish, steps: &Steps<'_>) -> Result<Option<Prepared>> {
        let rendered = steps.step("check topology", || {
            let rendered = self.read(wish)?;
            let note = format!("host {}", rendered.host);
            told(rendered, note)
        })?;
        let generations = self.generations();
        let (current, number) = (generations.current()?, generations.next()?);
        let files = steps.step("render", || {
            let files = self.render(&rendered, number)?;
            let note = format!("{} files", files.len());
            told(files, note)
        })?;
        steps.step("ask nginx", || done(self.ask_nginx(&rendered, number)?))?;
        let lock = self.lock()?;
        if current.is_some() && self.difference(&rendered)?.is_empty() {
            return Ok(None);
        }
        let about = About { host: rendered.host.clone(), replaces: current };
        steps.step("write", || {
            generations.write(number, &files, &rendered.source, &about)?;
            told((), format!("generation {number}"))
        })?;
        Ok(Some(Prepared { from: current, to: number, _lock: lock }))
    }

    /// Puts the generation in force that was before the one that is. Answers the services that have to read their settings
    /// anew.
    pub fn rollback(&self, patience: Duration, steps: &Steps<'_>) -> Result<Vec<String>, Failure> {
        let look = || -> Result<(u64, u64, File)> {
            let lock = self.lock()?;
            let generations = self.generations();
            let current = generations.current()?.context("no topology is in force")?;
            let before = generations.about(current)?.replaces;
            let before = before.with_context(|| format!("there is none before generation {current}"))?;
            generations.about(before).context("it is not kept any more")?;
            Ok((current, before, lock))
        };
        let (current, before, _lock) = look().map_err(Failure::Nothing)?;
        self.turn(Some(current), Some(before), patience, steps)?;
        Ok(self.changed_settings(Some(current), before))
    }

    /// One release or change at a time, of whatever kind.
    fn lock(&self) -> Result<File> {
        let path = self.at("/run/rollcall-deploy.lock");
        let told = || path.display().to_string();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(told)?;
        }
        let file = File::create(&path).with_context(told)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => bail!("another release or change is under way"),
            Err(fs::TryLockError::Error(error)) => Err(error).with_context(told),
        }
    }

    /// From one generation to another, and back when it does not do well.
    fn turn(&self, from: Option<u64>, to: Option<u64>, patience: Duration, steps: &Steps<'_>) -> Result<(), Failure> {
        let before = self.look_around(from, to).map_err(Failure::Nothing)?;
        let Err(error) = self.put_in_force(to, &before, patience, steps) else { return Ok(()) };
        steps.say(&format!("  {error:#}; putting back the one before"));
        match self.put_in_force(from, &before, patience, steps) {
            Ok(()) => Err(Failure::PutBack(error)),
            Err(again) => Err(Failure::Stuck(error, again)),
        }
    }

    /// How everything is before anything is changed.
    fn look_around(&self, from: Option<u64>, to: Option<u64>) -> Result<Before> {
        let units = units::changed(&self.files_of(from)?, &self.files_of(to)?);
        let running = self.systemd.as_ref().map(|systemd| systemd.look(&units)).transpose()?.unwrap_or_default();
        Ok(Before { health: self.health(from, to)?, units, running })
    }

    /// Who answers through nginx, of those that will be there after.
    fn health(&self, from: Option<u64>, to: Option<u64>) -> Result<door::Health> {
        let (Some((port, _)), Some((_, services))) = (self.door_of(from)?, self.door_of(to)?) else {
            return Ok(door::Health::new());
        };
        if door::running(&self.pid_file()).is_none() {
            return Ok(door::Health::new());
        }
        door::health(port, &services.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn files_of(&self, number: Option<u64>) -> Result<Files> {
        number.map_or_else(|| Ok(Files::new()), |number| self.generations().files(number))
    }

    fn put_in_force(&self, to: Option<u64>, before: &Before, patience: Duration, steps: &Steps<'_>) -> Result<()> {
        let Before { health, units: changed, running } = before;
        let name = to.map_or_else(|| "nothing".to_owned(), |number| format!("generation {number}"));
        steps.step("put in force", || {
            self.generations().turn_to(to)?;
            told((), name)
        })?;
        let new = self.files_of(to)?;
        if !changed.is_empty() {
            steps.step("tell systemd", || {
                units::link(&self.at("/etc/systemd/system"), &new)?;
                if let Some(systemd) = &self.systemd {
                    systemd.settle(changed, running)?;
                }
                told((), changed.join(", "))
            })?;
        }
        let Some((port, _)) = self.door_of(to)? else { return Ok(()) };
        let Some(pid) = door::running(&self.pid_file()) else {
            steps.say("  nginx does not run here: nothing to reload or to ask");
            return Ok(());
        };
        let generation = to.map(|number| number.to_string()).unwrap_or_default();
        steps.step("reload nginx", || done(door::reload(pid, port, &generation)?))?;
        steps.step("ask the services through nginx", || {
            let ill = health.iter().filter(|(_, found)| found.is_err()).map(|(name, _)| name.as_str());
            let ill: Vec<&str> = ill.collect();
            door::stays_well(port, health, patience)?;
            let note = format!("{} are well", health.len() - ill.len());
            let ill =
                if ill.is_empty() { ill.join(", ") } else { format!("; {} were not before either", ill.join(", ")) };
            told((), format!("{note}{ill}"))
        })
    }

    /// nginx's port in a generation, and the services behind it; none where it has no nginx on this machine.
    fn door_of(&self, number: Option<u64>) -> Result<Option<(u16, Vec<String>)>> {
        let Some(number) = number else { return Ok(None) };
        let generations = self.generations();
        let topology = Topology::read(&generations.directory(number).join(SOURCE))?;
        let here = topology.doors().contains(&generations.about(number)?.host.as_str());
        Ok(here.then(|| (topology.nginx.port, topology.services.keys().cloned().collect())))
    }
}

/// How everything was before a change: what is to be so again after it, and after the way back.
struct Before {
    /// Who answered through nginx.
    health: door::Health,
    /// Units whose drop-ins differ.
    units: Vec<String>,
    /// What ran of them.
    running: units::Before,
}

/// What is ready to be put in force, and the lock under which it was prepared.
struct Prepared {
    from: Option<u64>,
    to: u64,
    _lock: File,
}

/// Which of the hosts this machine is.
pub fn host_of(topology: &Topology, said: Option<&str>) -> Result<String> {
    if let Some(said) = said {
        ensure!(topology.hosts.contains_key(said), "--host {said}: no host is called so");
        return Ok(said.to_owned());
    }
    let mut hosts = topology.hosts.keys();
    if let (Some(only), None) = (hosts.next(), hosts.next()) {
        return Ok(only.clone());
    }
    let name = fs::read_to_string("/proc/sys/kernel/hostname").context("the name of this machine")?;
    let short = name.trim().split('.').next().unwrap_or_default();
    let known = topology.hosts.keys().find(|host| *host == short);
    known
        .cloned()
        .with_context(|| format!("no host is called {short:?} as this machine is: say which one it is, with --host"))
}
