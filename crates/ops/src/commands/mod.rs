//! The subcommands: what they are given, and what they print.

pub(crate) mod compat;
pub(crate) mod status;
pub(crate) mod topology;

use std::io::Write as _;

/// Nothing was begun, as `rollcall-deploy` says it.
pub(crate) const REFUSED: u8 = 2;

/// A line on standard output. Nobody is left to be told when that is closed.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// What went wrong, on standard error, as a message for a person.
pub(crate) fn complain(error: &dyn std::fmt::Display) {
    eprintln!("rollcall: {error:#}");
}
