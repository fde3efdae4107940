//! Says each step and how long it took, as `rollcall-deploy` does.

use anyhow::{Context as _, Result};
use std::time::Instant;

/// Who is told.
pub struct Steps<'a>(pub &'a dyn Fn(&str));

impl Steps<'_> {
    /// Does one step; what it answers may be told in a few words.
    pub fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<Told<T>>) -> Result<T> {
        let start = Instant::now();
        let done = work();
        let took = start.elapsed().as_secs_f64();
        match done {
            Ok(Told { value, note }) if note.is_empty() => {
                (self.0)(&format!("  {what} ({took:.1} s)"));
                Ok(value)
            }
            Ok(Told { value, note }) => {
                (self.0)(&format!("  {what}: {note} ({took:.1} s)"));
                Ok(value)
            }
            Err(error) => Err(error).with_context(|| format!("{what} failed ({took:.1} s)")),
        }
    }

    /// Says a line that is no step.
    pub fn say(&self, line: &str) {
        (self.0)(line);
    }
}

/// What a step answers, and what there is to say of it.
#[derive(Debug)]
pub struct Told<T> {
    value: T,
    note: String,
}

/// An answer with a few words.
pub fn told<T>(value: T, note: impl Into<String>) -> Result<Told<T>> {
    Ok(Told { value, note: note.into() })
}

/// An answer that speaks for itself.
pub fn done<T>(value: T) -> Result<Told<T>> {
    told(value, "")
}

/// How a command that changes something can fail; the exit codes are those of `rollcall-deploy`.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 2: something refused before anything was changed.
    #[error("{0:#}; nothing was changed")]
    Nothing(anyhow::Error),
    /// Exit code 1: it was changed, did not do well, and the old one is in force again.
    #[error("{0:#}; the one before is in force again")]
    PutBack(anyhow::Error),
    /// Exit code 1: and the way back failed too.
    #[error("{0:#}; and the one before could not be put back: {1:#}")]
    Stuck(anyhow::Error, anyhow::Error),
}

impl Failure {
    /// What the process ends with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Nothing(_) => 2,
            Self::PutBack(_) | Self::Stuck(..) => 1,
        }
    }
}
