//! What an operator does: `rollcall-notification deliveries list | show | replay`.
//!
//! A command works on the database; the instances that serve see what is due within a second.

use super::store::{self, Channel, Delivery};
use crate::app::App;
use anyhow::{Context as _, bail, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use diesel::PgConnection;
use jiff::Timestamp;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use serde_json::json;
use std::fmt::Write as _;
use uuid::Uuid;

/// Rows sent again by one statement, so that none is long.
const REPLAYED_AT_A_TIME: i64 = 1_000;

/// Their descriptions.
pub fn commands() -> Vec<Command> {
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("answer JSON");
    let channel = || {
        Arg::new("channel").long("channel").value_parser(["mail", "webhook"]).help("only this channel; all when absent")
    };
    let ids = || Arg::new("id").value_name("DELIVERY").value_parser(value_parser!(Uuid)).num_args(1..);
    let list = Command::new("list")
        .about("List deliveries, oldest first: those that were given up, or in another state")
        .arg(channel())
        .arg(
            Arg::new("state").long("state").value_parser(["dead", "queued", "sent", "delivered"]).default_value("dead"),
        )
        .arg(Arg::new("limit").long("limit").value_parser(value_parser!(i64).range(1..=10_000)).default_value("100"))
        .arg(json());
    let show = Command::new("show").about("Show a delivery").arg(ids().num_args(1).required(true)).arg(json());
    let replay = Command::new("replay")
        .about("Send again what was given up, as if it were new; a mail older than mail.give_up_hours gets one attempt")
        .arg(ids().required_unless_present("all"))
        .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).conflicts_with("id").help("all that was given up"))
        .arg(channel().requires("all"))
        .arg(json());
    let deliveries = Command::new("deliveries").about("Mail and webhooks").subcommand_required(true);
    vec![deliveries.subcommand(list).subcommand(show).subcommand(replay)]
}

/// Runs one; what it answers is for the operator.
pub async fn run(app: &App, name: &str, options: &ArgMatches) -> anyhow::Result<String> {
    ensure!(name == "deliveries", "no such command: {name}");
    match options.subcommand() {
        Some(("list", options)) => list(app, options).await,
        Some(("show", options)) => show(app, options).await,
        Some(("replay", options)) => replay(app, options).await,
        _ => bail!("no such command"),
    }
}

fn channels(options: &ArgMatches) -> Vec<Channel> {
    let wanted = options.get_one::<String>("channel");
    Channel::ALL.into_iter().filter(|channel| wanted.is_none_or(|name| name == channel.as_str())).collect()
}

async fn list(app: &App, options: &ArgMatches) -> anyhow::Result<String> {
    let state = options.get_one::<String>("state").context("--state is needed")?.clone();
    let most = *options.get_one::<i64>("limit").context("--limit is needed")?;
    let (channels, wanted) = (channels(options), state.clone());
    let load = move |conn: &mut PgConnection| {
        let (mut items, mut counts) = (Vec::new(), serde_json::Map::new());
        for channel in channels {
            items.extend(store::list(conn, channel, &wanted, most)?);
            counts.insert(channel.as_str().to_owned(), store::count(conn, channel, &wanted)?.into());
        }
        items.sort_by_key(|item| item.created_at);
        items.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok::<_, Fault>((items, counts))
    };
    let (items, counts) = app.core.db.transaction(Unscoped, load).await?;
    if options.get_flag("json") {
        return Ok(serde_json::to_string_pretty(&json!({ "state": state, "counts": counts, "items": items }))?);
    }
    let mut text = String::new();
    for item in &items {
        writeln!(text, "{}", line(item))?;
    }
    let counts: Vec<_> = counts.iter().map(|(channel, count)| format!("{count} {channel}")).collect();
    write!(text, "{state}: {}; {} shown", counts.join(", "), items.len())?;
    Ok(text)
}

fn line(item: &Delivery) -> String {
    format!(
        "{}  {:<7}  {}  {:>2} attempts  {}  {}",
        item.delivery_id,
        item.channel,
        item.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        item.attempts,
        item.kind,
        item.reason.as_deref().unwrap_or("-"),
    )
}

async fn show(app: &App, options: &ArgMatches) -> anyhow::Result<String> {
    let id = *options.get_one::<Uuid>("id").context("an id is needed")?;
    let load = move |conn: &mut PgConnection| {
        for channel in Channel::ALL {
            if let Some(found) = store::find(conn, channel, id)? {
                return Ok::<_, Fault>(Some(found));
            }
        }
        Ok(None)
    };
    let found = app.core.db.transaction(Unscoped, load).await?.with_context(|| format!("there is no delivery {id}"))?;
    if options.get_flag("json") {
        return Ok(serde_json::to_string_pretty(&found)?);
    }
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        ("delivery", found.delivery_id.to_string()),
        ("channel", found.channel),
        ("organisation", text(found.org_id.map(|id| id.to_string()))),
        ("event", found.event_id.to_string()),
        ("kind", found.kind),
        ("state", found.state),
        ("attempts", found.attempts.to_string()),
        ("reason", text(found.reason)),
        ("created", found.created_at.to_string()),
        ("finished", text(found.finished_at.map(|at| at.to_string()))),
    ];
    let details = found.details.as_object().cloned().unwrap_or_default();
    let told = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let details: Vec<_> = details.iter().map(|(name, value)| (name.as_str(), told(value))).collect();
    lines.extend(details);
    let lines: Vec<_> = lines.into_iter().map(|(name, value)| format!("{name:<13} {value}")).collect();
    Ok(lines.join("\n"))
}

async fn replay(app: &App, options: &ArgMatches) -> anyhow::Result<String> {
    let ids = options.get_many::<Uuid>("id").map(|ids| ids.copied().collect::<Vec<_>>());
    let (wanted, channels, now) = (ids.clone(), channels(options), app.core.clock.now());
    let mut replayed = Vec::new();
    for channel in channels {
        match &wanted {
            Some(ids) => replayed.extend(replay_these(app, channel, ids.clone(), now).await?),
            None => replayed.extend(replay_all(app, channel, now).await?),
        }
    }
    let left: Vec<Uuid> = ids.unwrap_or_default().into_iter().filter(|id| !replayed.contains(id)).collect();
    if options.get_flag("json") {
        return Ok(serde_json::to_string_pretty(&json!({ "replayed": replayed, "left": left }))?);
    }
    let mut text = format!("{} queued again", replayed.len());
    for id in left {
        write!(text, "\n{id} left alone: not there, not given up, or its webhook is off")?;
    }
    Ok(text)
}

async fn replay_these(app: &App, channel: Channel, ids: Vec<Uuid>, now: Timestamp) -> Result<Vec<Uuid>, Fault> {
    let again = move |conn: &mut PgConnection| Ok(store::replay(conn, channel, &ids, now)?);
    app.core.db.transaction(Unscoped, again).await
}

/// In portions, each of its own transaction: what fails again meanwhile is not taken a second time.
async fn replay_all(app: &App, channel: Channel, now: Timestamp) -> Result<Vec<Uuid>, Fault> {
    let (mut replayed, mut after) = (Vec::new(), None);
    loop {
        let load =
            move |conn: &mut PgConnection| Ok::<_, Fault>(store::dead_after(conn, channel, after, REPLAYED_AT_A_TIME)?);
        let dead = app.core.db.transaction(Unscoped, load).await?;
        let Some(last) = dead.last().copied() else { return Ok(replayed) };
        after = Some(last);
        let ids = dead.into_iter().map(|dead| dead.delivery_id).collect();
        replayed.extend(replay_these(app, channel, ids, now).await?);
    }
}
