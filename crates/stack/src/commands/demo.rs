//! `rollcall-stack demo`.

use crate::demo::{self, Demo};
use anyhow::Result;
use std::io::Write;
use std::path::Path;

/// Loads the demo company into the stack that runs behind nginx on `port`, and says how to sign in.
pub async fn demo(run_dir: &Path, port: u16) -> Result<()> {
    let demo = Demo::new(format!("http://127.0.0.1:{port}"), run_dir);
    let company = demo.load(|line| eprintln!("  {line}")).await?;
    let text = demo::welcome(&format!("http://localhost:{port}"), &company);
    write!(std::io::stdout(), "{text}")?;
    Ok(())
}
