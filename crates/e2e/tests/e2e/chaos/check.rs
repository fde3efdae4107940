//! What has to hold when everything is well again: nothing acknowledged is lost, nothing is there twice, copies are what
//! their owner says.

use super::work::Work;
use crate::company::{eventually, find, text};
use crate::screen::Screen;
use anyhow::{Context as _, Result, ensure};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use rollcall_common::clock::Clock;
use rollcall_stack::Stack;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Every outbox is empty: everybody has been told everything.
pub async fn outboxes_drain(stack: &Stack) -> Result<()> {
    for service in ["user", "org", "attendance", "notification"] {
        let url = stack.database(service)?;
        eventually(&format!("the outbox of {service} drains"), || async {
            let left = number(&url, "SELECT count(*) AS number FROM outbox_deliveries").ok()?;
            (left == 0).then_some(())
        })
        .await?;
    }
    Ok(())
}

/// Everything about one company.
pub async fn holds(stack: &Stack, work: &Work, screen: &Screen) -> Result<String> {
    let done = work.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (owner, worker) = work.signed_in().await?;
    let company = &work.company;

    // Each acknowledged punch is a row, and no other is.
    let stored = worker.punches_of(&company.org_id, &company.worker_id).await?;
    let stored = counted(stored.iter().map(|punch| text(punch, "punch_id")))?;
    let punches = counted(done.punches.values().map(|(id, _)| Ok(id.clone())))?;
    same("punches", &stored, &punches)?;

    // And in one workday.
    let today = Clock::system().now().to_zoned(TimeZone::UTC).date();
    let (from, to) = (today - 2.days(), today + 1.days());
    let path = format!("workdays?employee_id={}&from={from}&to={to}", company.worker_id);
    let days = worker.get(&company.attendance(&path)).await?;
    let days = days["items"].as_array().context("items")?.iter();
    let shown = days.flat_map(|day| day["punches"].as_array().into_iter().flatten());
    same("punches in workdays", &counted(shown.map(|punch| text(punch, "punch_id")))?, &punches)?;

    // Everybody was told of everything once: in the inbox, and on the stream that was resumed again and again.
    let told = counted(done.punches.values().filter(|(_, told)| *told).map(|(id, _)| Ok(id.clone())))?;
    let inbox = eventually("all messages arrive", || async {
        let inbox = owner.inbox().await.ok()?;
        (about(&inbox, "punch_outside_geofence", "punch_id").len() >= told.len()).then_some(inbox)
    });
    same("messages of punches", &about(&inbox.await?, "punch_outside_geofence", "punch_id"), &told)?;
    let leave = counted(done.leave.iter().map(|id| Ok(id.clone())))?;
    let asked = about(&owner.inbox().await?, "leave_requested", "request_id");
    same("messages that leave is asked for", &asked, &leave)?;
    let decided = about(&worker.inbox().await?, "leave_decided", "request_id");
    same("messages that leave is decided", &decided, &leave)?;
    eventually("the screen shows everything", || async {
        let shown = screen.messages().ok()?;
        (about(&shown, "punch_outside_geofence", "punch_id").len() >= told.len()).then_some(())
    })
    .await?;
    same("messages on the screen", &about(&screen.messages()?, "punch_outside_geofence", "punch_id"), &told)?;

    // Leave is as it was acknowledged.
    for id in &done.leave {
        let request = worker.get(&company.attendance(&format!("leave-requests/{id}"))).await?;
        ensure!(request["status"] == "approved", "{request}");
    }

    // What was said last of the worker holds, for org and in both copies.
    let path = format!("/api/org/v1/orgs/{}/employees/{}", company.org_id, company.worker_id);
    let employee = owner.get(&path).await?;
    let name = find(&employee, "name").context("a name")?;
    ensure!(Some(&name) == done.name.as_ref(), "{name}, and not {:?}", done.name);
    for (service, table) in [("attendance", "employees"), ("notification", "employee_facts")] {
        let sql = format!("SELECT fact::text AS fact FROM {table} WHERE employee_id = '{}'", company.worker_id);
        let mut admin = PgConnection::establish(&stack.database(service)?)?;
        let facts: Vec<Fact> = sql_query(sql).load(&mut admin)?;
        ensure!(facts.len() == 1, "{service} knows the worker {} times", facts.len());
        let fact: Value = serde_json::from_str(&facts[0].fact)?;
        ensure!(fact["name"] == name.as_str(), "{service} calls {name} {}", fact["name"]);
        let version = employee.get("version").or_else(|| employee["employee"].get("version"));
        ensure!(version.is_none_or(|version| *version == fact["version"]), "{service}: {fact}, not {employee}");
    }
    Ok(format!("{} punches, {} messages of them, {} leaves", punches.len(), told.len(), leave.len()))
}

/// How often each is there.
fn counted(ids: impl Iterator<Item = Result<String>>) -> Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(id?).or_default() += 1;
    }
    Ok(counts)
}

/// What messages of this kind are about, and how often.
fn about(messages: &[Value], kind: &str, field: &str) -> BTreeMap<String, u32> {
    let of_kind = messages.iter().filter(|message| message["kind"] == kind);
    let mut counts = BTreeMap::new();
    for id in of_kind.filter_map(|message| message["about"][field].as_str()) {
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

fn same(what: &str, there: &BTreeMap<String, u32>, expected: &BTreeMap<String, u32>) -> Result<()> {
    let lost: Vec<_> = expected.keys().filter(|id| !there.contains_key(*id)).collect();
    let double: Vec<_> = there.iter().filter(|(_, count)| **count > 1).collect();
    let strange: Vec<_> = there.keys().filter(|id| !expected.contains_key(*id)).collect();
    ensure!(lost.is_empty(), "{what}: {} of {} lost: {lost:?}", lost.len(), expected.len());
    ensure!(double.is_empty(), "{what}: double: {double:?}");
    ensure!(strange.is_empty(), "{what}: acknowledged to nobody: {strange:?}");
    Ok(())
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = sql_types::Text)]
    fact: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

fn number(url: &str, sql: &str) -> Result<i64> {
    let mut admin = PgConnection::establish(url)?;
    Ok(sql_query(sql).get_result::<Number>(&mut admin)?.number)
}
