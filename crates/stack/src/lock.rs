//! One stack per run directory.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A crashed stack is stopped by its reaper, which holds the lock until that is done.
const WAIT: Duration = Duration::from_secs(20);

/// Makes the run directory and locks it; the second value is its absolute path. Given to
/// [`crate::guard::Guard::start`], the lock is held until the last process of the stack has ended.
pub fn run_directory(path: &Path, say: impl Fn(&str)) -> Result<(File, PathBuf)> {
    crate::secrets::passage(path)?;
    let path = path.canonicalize().with_context(|| path.display().to_string())?;
    let name = path.join("stack.lock");
    let file = OpenOptions::new().create(true).append(true).open(&name)?;
    let start = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok((file, path)),
            Err(TryLockError::Error(error)) => return Err(error).context("stack.lock"),
            Err(TryLockError::WouldBlock) if start.elapsed() > WAIT => {
                bail!("another stack is running in {}", path.display())
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    say(&format!("waiting for another stack in {} to end", path.display()));
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
