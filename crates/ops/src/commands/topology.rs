//! `rollcall topology check | render | diff | apply | rollback`.

use super::{REFUSED, complain, say};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rollcall_ops::apply::{Installation, Wish};
use rollcall_ops::steps::{Failure, Steps};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Which {
    /// The file; /etc/rollcall/topology.toml if it is not said.
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Which of the hosts in it this machine is; without it the only one, or the one with the machine's name.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Where the installation is.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    root: PathBuf,
}

#[derive(Args)]
pub(crate) struct Patience {
    /// Seconds that services may take to answer through nginx, before the old configuration is put back.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    probe: u64,
}

#[derive(Args)]
pub(crate) struct After {
    /// Then restart the services whose settings changed, one after another, with rollcall-deploy.
    #[arg(long)]
    restart: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say what is wrong with it: its own rules, and nginx's opinion of what is rendered. 0: nothing, 2: something.
    Check(Which),
    /// Print or write what is rendered from it.
    Render {
        #[command(flatten)]
        which: Which,
        /// Write the files into this directory.
        #[arg(long, value_name = "DIRECTORY")]
        out: Option<PathBuf>,
    },
    /// Show what applying it would change. 0: nothing, 1: something, 2: it is wrong.
    Diff(Which),
    /// Put it in force: check, render, ask nginx, turn the link, reload, ask every service through nginx; what does not
    /// do well is put back. 0: it is in force, 1: the old one is, 2: nothing was changed.
    Apply {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        after: After,
    },
    /// Put the generation in force that was before.
    Rollback {
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        after: After,
        /// Where the installation is.
        #[arg(long, value_name = "DIRECTORY", default_value = "/")]
        root: PathBuf,
    },
}

pub(crate) fn run(command: Command) -> u8 {
    match command {
        Command::Check(which) => exit(check(&which)),
        Command::Render { which, out } => exit(render(&which, out.as_deref())),
        Command::Diff(which) => exit(diff(&which)),
        Command::Apply { which, patience, after } => {
            let wish = wish(&which, Duration::from_secs(patience.probe));
            let outcome = Installation::new(&which.root).apply(&wish, &Steps(&say));
            finish(outcome, "it is in force", after.restart)
        }
        Command::Rollback { patience, after, root } => {
            let outcome = Installation::new(&root).rollback(Duration::from_secs(patience.probe), &Steps(&say));
            finish(outcome, "the generation before is in force", after.restart)
        }
    }
}

fn exit(outcome: Result<u8>) -> u8 {
    outcome.unwrap_or_else(|error| {
        complain(&format_args!("{error:#}"));
        REFUSED
    })
}

fn wish(which: &Which, patience: Duration) -> Wish {
    Wish { topology: which.topology.clone(), host: which.host.clone(), patience }
}

fn check(which: &Which) -> Result<u8> {
    let installation = Installation::new(&which.root);
    let rendered = installation.read(&wish(which, Duration::ZERO))?;
    installation.ask_nginx(&rendered, 0)?;
    let order = rendered.topology.deployment_order()?.join(", ");
    say(&format!("nothing is wrong with it; this is host {}; order of deployment: {order}", rendered.host));
    Ok(0)
}

fn render(which: &Which, out: Option<&Path>) -> Result<u8> {
    let installation = Installation::new(&which.root);
    let files = installation.render(&installation.read(&wish(which, Duration::ZERO))?, 0)?;
    for (name, text) in files {
        let Some(out) = out else {
            say(&format!("==> {name} <==\n{text}"));
            continue;
        };
        let path = out.join(&name);
        let told = || path.display().to_string();
        fs::create_dir_all(path.parent().unwrap_or(out)).with_context(told)?;
        fs::write(&path, text).with_context(told)?;
        say(&path.display().to_string());
    }
    Ok(0)
}

fn diff(which: &Which) -> Result<u8> {
    let installation = Installation::new(&which.root);
    let rendered = installation.read(&wish(which, Duration::ZERO))?;
    installation.ask_nginx(&rendered, 0)?;
    let difference = installation.difference(&rendered)?;
    say(if difference.is_empty() { "nothing changes" } else { difference.trim_end() });
    Ok(u8::from(!difference.is_empty()))
}

/// What is done about the services whose settings changed, once a topology is in force.
fn finish(outcome: Result<Vec<String>, Failure>, done: &str, restart: bool) -> u8 {
    let changed = match outcome {
        Ok(changed) => changed,
        Err(failure) => {
            complain(&failure);
            return failure.exit_code();
        }
    };
    say(&format!("topology: {done}"));
    if !restart {
        for service in changed {
            say(&format!("  {service} reads its settings when it is started next: rollcall-deploy --again {service}"));
        }
        return 0;
    }
    for service in changed {
        // The program is the one that served before: a short look is enough.
        let status = std::process::Command::new("rollcall-deploy").args([&service, "--again", "--soak", "5"]).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            complain(&format_args!("{service} was not restarted and has its old settings; the topology is in force"));
            return 1;
        }
    }
    0
}
