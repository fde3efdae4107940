//! `events list | show | replay | discard`: what other services have not taken, for whoever operates this one.

use crate::clock::Clock;
use crate::db::{Database, Unscoped};
use crate::describe::EventDescription;
use crate::events::letters::{self, Letter, Which};
use crate::server::Service;
use crate::settings::BaseSettings;
use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use rollcall_ids::EventId;
use std::fmt::Write as _;
use std::io::Write as _;

/// Name of the command.
pub const NAME: &str = "events";

/// The command and its own.
pub fn command() -> Command {
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("print JSON");
    let subscriber = || Arg::new("subscriber").long("subscriber").value_name("SERVICE").help("those to this one alone");
    let event = || Arg::new("event").value_name("EVENT_ID").value_parser(value_parser!(EventId));
    let limit = Arg::new("limit").long("limit").default_value("50").value_parser(value_parser!(i64).range(1..));
    let state = Arg::new("state").long("state").value_parser(["dead", "pending", "all"]).default_value("dead");
    let all = Arg::new("all").long("all").action(ArgAction::SetTrue).help("every dead event");
    Command::new(NAME)
        .about("Events that other services have not taken")
        .subcommand_required(true)
        .subcommand(
            Command::new("list")
                .about("Which they are, oldest first: those that nobody tries to send any more, unless said otherwise")
                .args([subscriber(), state.help("in which state"), limit.help("so many at most"), json()]),
        )
        .subcommand(
            Command::new("show")
                .about("One event, with what it says and what became of it; it may hold personal data")
                .args([event().required(true), json()]),
        )
        .subcommand(
            Command::new("replay")
                .about("Have dead events sent again; who had one before takes it for the same")
                .args([event().conflicts_with("all").required_unless_present("all"), all, subscriber(), json()]),
        )
        .subcommand(
            Command::new("discard").about("Give a dead event up for good: its subscriber will never apply it").args([
                event().required(true),
                subscriber(),
                json(),
            ]),
        )
}

/// Runs the command and prints its answer.
pub(super) fn run<S: Service>(settings: &BaseSettings, options: &ArgMatches) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let db = Database::new(&settings.database);
    let secret = EventDescription::secret_kinds(&S::events());
    let answer = runtime.block_on(answer(&db, &Clock::system(), &secret, options))?;
    writeln!(std::io::stdout().lock(), "{}", answer.trim_end())?;
    Ok(())
}

/// What the command answers; events of the types `secret` are not kept when they are given up.
pub async fn answer(
    db: &Database,
    clock: &Clock,
    secret: &[&'static str],
    options: &ArgMatches,
) -> anyhow::Result<String> {
    let (name, options) = options.subcommand().context("no such command")?;
    let is = |flag: &str| options.try_get_one::<bool>(flag).ok().flatten().copied().unwrap_or(false);
    let text = |name: &str| options.try_get_one::<String>(name).ok().flatten().cloned();
    let which = Which {
        event_id: options.try_get_one("event").ok().flatten().copied(),
        subscriber: text("subscriber"),
        state: text("state").filter(|state| state != "all"),
        limit: options.try_get_one("limit").ok().flatten().copied(),
    };
    if name == "replay" {
        let now = clock.now();
        let replayed = db.transaction(Unscoped, move |conn| letters::replay(conn, &which, now)).await?;
        return Ok(if is("json") {
            serde_json::json!({ "replayed": replayed }).to_string()
        } else {
            format!("{replayed} to be sent again")
        });
    }
    if name == "discard" {
        let secret = secret.to_vec();
        let discarded = db.transaction(Unscoped, move |conn| letters::discard(conn, &which, &secret)).await?;
        return Ok(if is("json") {
            serde_json::json!({ "discarded": discarded }).to_string()
        } else {
            format!("{discarded} discarded")
        });
    }
    let mut found = db.transaction(Unscoped, move |conn| letters::list(conn, &which)).await?;
    if name == "list" {
        for letter in &mut found {
            letter.data = None;
        }
    } else if found.is_empty() {
        anyhow::bail!("no such event waits: it was taken by everybody, or never was");
    }
    Ok(if is("json") {
        serde_json::to_string_pretty(&found)?
    } else if name == "list" {
        table(&found)?
    } else {
        found.iter().map(whole).collect::<Result<Vec<_>, _>>()?.join("\n")
    })
}

fn table(letters: &[Letter]) -> Result<String, std::fmt::Error> {
    let mut text = format!("{:<36}  {:<12}  {:<7}  {:>5}  {:<20}  TYPE (WHY)\n", "EVENT", "TO", "STATE", "TRIED", "OF");
    for letter in letters {
        let Letter { event_id, subscriber, state, attempts, kind, .. } = letter;
        let why = letter.last_error.as_deref().unwrap_or("-");
        let of = letter.occurred_at.strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(text, "{event_id:<36}  {subscriber:<12}  {state:<7}  {attempts:>5}  {of:<20}  {kind} ({why})")?;
    }
    writeln!(text, "{} events", letters.len())?;
    Ok(text)
}

fn whole(letter: &Letter) -> anyhow::Result<String> {
    let mut text = String::new();
    let fields = serde_json::to_value(letter)?;
    for (name, value) in fields.as_object().into_iter().flatten().filter(|(name, _)| *name != "data") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(text, "{name:<16} {value}")?;
    }
    writeln!(text, "{}", serde_json::to_string_pretty(&letter.data)?)?;
    Ok(text)
}
