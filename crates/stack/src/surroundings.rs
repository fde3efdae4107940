//! What a service finds around it and cannot tell from the real thing: the time, and who has which address.
//!
//! Both lie in files of the stack that are changed while the service runs. The time needs Debian's `libfaketime`, names
//! need `unshare` (util-linux) and the right to mount, which root has and in most systems everybody in a namespace of
//! their own; where either is missing, its `available` says so.

use anyhow::{Context as _, Result, bail, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What names of services end in, when they are looked up by name.
pub const DOMAIN: &str = "rollcall.test";
/// Makes the two files the system's own for the program that follows, and becomes it.
const WITH_NAMES: &str = r#"mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@""#;

/// How the program of a service is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    prefix: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Surroundings {
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut words = self.prefix.iter().map(OsString::as_os_str).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or(program.as_os_str()));
        command.args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn keep_time_by(&mut self, clock: &Timepiece) {
        self.environment.extend([
            ("LD_PRELOAD", clock.library.clone().into_os_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.file.clone().into_os_string()),
            ("FAKETIME_CACHE_DURATION", "1".into()),
            ("FAKETIME_DONT_RESET", "1".into()),
            // Only the time of day jumps; what measures durations does not.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ]);
    }

    pub(crate) fn look_up_in(&mut self, names: &Names) {
        let unshare = names.unshare.iter().copied().chain(["/bin/sh", "-c", WITH_NAMES]).map(OsString::from);
        self.prefix.extend(unshare.chain([names.hosts.clone().into(), names.servers.clone().into()]));
    }
}

/// The clock of a service.
#[derive(Clone, Debug)]
pub struct Timepiece {
    library: PathBuf,
    file: PathBuf,
}

impl Timepiece {
    /// Whether there is what it takes; why not, otherwise.
    pub fn available() -> Result<()> {
        Self::library().map(drop)
    }

    pub(crate) fn new(file: PathBuf) -> Result<Self> {
        let clock = Self { library: Self::library()?, file };
        clock.set_ahead(0)?;
        Ok(clock)
    }

    /// The clock is this many seconds ahead from within a second on, or behind.
    pub fn set_ahead(&self, seconds: i64) -> Result<()> {
        // Renamed into its place, so that nobody reads half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        fs::rename(&new, &self.file).with_context(|| self.file.display().to_string())
    }

    fn library() -> Result<PathBuf> {
        let lib = Path::new("/usr/lib");
        let places = fs::read_dir(lib).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found = places.map(|place| place.join("faketime/libfaketime.so.1")).filter(|file| file.is_file());
        found.next().context("clocks jump with Debian's libfaketime, which is not installed")
    }
}

/// Which address has which name.
#[derive(Clone, Debug)]
pub struct Names {
    hosts: PathBuf,
    servers: PathBuf,
    unshare: &'static [&'static str],
}

impl Names {
    /// Whether there is what it takes; why not, otherwise.
    pub fn available() -> Result<()> {
        Self::unshare().map(drop)
    }

    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let names =
            Self { hosts: directory.join("hosts"), servers: directory.join("resolv.conf"), unshare: Self::unshare()? };
        // Nobody answers there: what the file does not know does not resolve, and that is said at once.
        fs::write(&names.servers, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
        names.known(true)?;
        Ok(names)
    }

    /// Whether the services' names lead to this machine, or nowhere.
    pub fn known(&self, known: bool) -> Result<()> {
        let services = ["user", "org", "attendance", "notification"].into_iter().filter(|_| known);
        let names = services.map(|service| format!("127.0.0.1 {service}.{DOMAIN}\n"));
        let text = format!("127.0.0.1 localhost\n{}", names.collect::<String>());
        // In its place: another file of this name would not be the one that is mounted.
        fs::write(&self.hosts, text).with_context(|| self.hosts.display().to_string())
    }

    fn unshare() -> Result<&'static [&'static str]> {
        let ways: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--map-root-user", "--mount"]];
        for way in ways {
            let test = ["/bin/sh", "-c", "mount --bind /etc/hosts /etc/hosts"];
            let tried = Command::new(way[0]).args(&way[1..]).args(test).stderr(Stdio::null()).status();
            if tried.is_ok_and(|status| status.success()) {
                return Ok(way);
            }
        }
        bail!("names are taken away in a mount namespace, which this system does not give us")
    }
}

/// A small file system in memory, for a disk that is full; unmounted when it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// So many MiB. An error says why there is none: it takes root.
    pub fn of(mebibytes: u32) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("rollcall-disk-").tempdir()?;
        let options = format!("size={mebibytes}m,mode=0711");
        let tried = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "rollcall"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        ensure!(tried.is_ok_and(|status| status.success()), "a small disk is a mount, which takes root");
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the room that is left.
    pub fn fill(&self) -> Result<()> {
        let mut filler = fs::File::create(self.filler())?;
        // Ends with the error that is wanted.
        let copied = std::io::copy(&mut std::io::repeat(0), &mut filler);
        let full = copied.err().and_then(|error| error.raw_os_error()) == Some(nix::libc::ENOSPC);
        ensure!(full, "the disk does not fill up");
        Ok(())
    }

    /// Gives the room back.
    pub fn empty(&self) -> Result<()> {
        fs::remove_file(self.filler()).context("the filler")
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still holds a file there ends with its starter.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
