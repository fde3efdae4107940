//! What an operator does: `rollcall-user keys rotate`, `rollcall-user accounts disable --email …`.
//!
//! A command works on the database. The instances that serve see a new key within `keys.reload_seconds`, long before it
//! signs, and an ended session within a second; the other services hear of it from the outbox that they dispatch.

use crate::accounts::{self, Changed};
use crate::app::App;
use crate::users::domain::EmailAddress;
use anyhow::{Context as _, anyhow, bail};
use clap::{Arg, ArgMatches, Command};

/// Their descriptions.
pub(crate) fn commands() -> Vec<Command> {
    let email = || Arg::new("email").long("email").value_name("ADDRESS").required(true).help("address of the account");
    vec![
        Command::new("keys")
            .about("Keys that sign access tokens")
            .subcommand_required(true)
            .subcommand(Command::new("rotate").about("Publish the next key now; it signs once everybody has read it")),
        Command::new("accounts")
            .about("Accounts of people")
            .subcommand_required(true)
            .subcommand(Command::new("disable").about("End everything an account has and refuse it").arg(email()))
            .subcommand(Command::new("enable").about("Let somebody sign in again").arg(email())),
    ]
}

/// Runs one; what it answers is for the operator.
pub(crate) async fn run(app: &App, name: &str, options: &ArgMatches) -> anyhow::Result<String> {
    match (name, options.subcommand()) {
        ("keys", Some(("rotate", _))) => {
            let next = app.rotate_keys().await?;
            let what = if next.made { "is published" } else { "waits already" };
            Ok(format!("key {} {what} and signs from {}", next.kid, next.signs_from))
        }
        ("accounts", Some(("disable", options))) => {
            let done = accounts::disable(app, email(options)?).await;
            Ok(told(done.context("the account was not disabled")?, "disabled"))
        }
        ("accounts", Some(("enable", options))) => {
            let done = accounts::enable(app, email(options)?).await;
            Ok(told(done.context("the account was not enabled")?, "enabled"))
        }
        _ => bail!("no such command: {name}"),
    }
}

fn told(done: Changed, state: &str) -> String {
    let was = if done.changed { "is" } else { "was already" };
    format!("account {} {was} {state}", done.user_id)
}

fn email(options: &ArgMatches) -> anyhow::Result<EmailAddress> {
    let text = options.get_one::<String>("email").context("--email is needed")?;
    EmailAddress::parse(text).map_err(|rejection| anyhow!("--email {}", rejection.detail))
}
