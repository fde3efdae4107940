//! Secrets of one stack: random, and in files that only the owner reads.

use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// `bytes` random bytes in hexadecimal: safe in URLs, in SQL and in files.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    rollcall_common::secret::fill(&mut buffer);
    hex(&buffer)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Writes a file that only its owner may read, from its first byte on. It is always a new file: one that is
/// there may be readable by others, or be a link to somewhere else.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let told = || format!("could not write {}", path.display());
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(told);
        }
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.with_context(told)?.write_all(content).with_context(told)
}

/// Reads the secret at `path`, or makes and keeps one with `new`.
pub fn read_or_write(path: &Path, new: impl FnOnce() -> String) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) => Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = new();
            write(path, secret.as_bytes())?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

/// Makes a directory, and those above it, that only its owner may enter.
pub fn directory(path: &Path) -> Result<()> {
    make(path, 0o700)
}

/// Makes a directory, and those above it, that others may pass through but not list.
pub fn passage(path: &Path) -> Result<()> {
    make(path, 0o711)
}

/// Makes a directory, and those above it, that everybody may read.
pub fn readable(path: &Path) -> Result<()> {
    make(path, 0o755)
}

/// Lets others pass through a directory that is there.
pub fn open_to_pass(path: &Path) -> Result<()> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o711))?)
}

fn make(path: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("could not make {}", path.display()))
}
