//! A service started as systemd starts it: with a listening socket handed over, and somebody to tell when it is ready.

use anyhow::{Context as _, Result, bail, ensure};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Moves standard input to descriptor 3, which is where `LISTEN_FDS` begin, and becomes the program: the process keeps
/// its number, which `LISTEN_PID` has to be.
const HAND_OVER: &str = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;

/// A command that will find `listener` handed over, non-blocking as by the units, and tells `notices` what it has to
/// tell.
pub fn command(program: &Path, listener: &TcpListener, notices: &Notices) -> Result<(Command, Stdio)> {
    listener.set_nonblocking(true)?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", HAND_OVER]).arg(program).env("NOTIFY_SOCKET", &notices.path);
    Ok((command, OwnedFd::from(listener.try_clone()?).into()))
}

/// What a service tells its manager (`sd_notify(3)`).
#[derive(Debug)]
pub struct Notices {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Notices {
    /// Listens at `path`, which is made anew.
    pub fn listen(path: PathBuf) -> Result<Self> {
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, socket })
    }

    /// Waits for a notice with the line `wanted`, e.g. `READY=1`, as long as `still` answers nothing. Blocks.
    pub fn wait_for(&self, wanted: &str, patience: Duration, still: impl Fn() -> Option<anyhow::Error>) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < patience {
            if let Some(error) = still() {
                return Err(error);
            }
            if self.next(Duration::from_millis(50))?.is_some_and(|notice| notice.lines().any(|line| line == wanted)) {
                return Ok(());
            }
        }
        bail!("no {wanted} within {patience:?}")
    }

    /// The next notice, if one comes in time. Blocks.
    pub fn next(&self, patience: Duration) -> Result<Option<String>> {
        ensure!(!patience.is_zero(), "no time to wait");
        self.socket.set_read_timeout(Some(patience))?;
        let mut buffer = [0; 4096];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Ok(Some(String::from_utf8_lossy(&buffer[..length]).into_owned())),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        // Left behind, it is one file more in a directory that goes with its stack.
        let _ = std::fs::remove_file(&self.path);
    }
}
