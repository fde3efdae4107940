//! What follows when databases were put back to a backup.
//!
//! Streams get new epochs, so a client that comes back with a position of the time that is lost is told to reload, and
//! neither misses nor repeats anything. Outside, the lost time has happened: mail that waits in the backup has most
//! likely been sent since, and so has that of every event up to the loss which is told again. None of it leaves by
//! itself: it is given up with a reason, and `deliveries replay` sends what an operator knows was not sent. Messages in
//! inboxes are stored again as any other. Webhooks get what waits and what is told again, by the id they had it under:
//! receivers drop it.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz};
use jiff_diesel::ToDiesel as _;
use rollcall_common::restored::{Restored, empty, raise_versions};

/// Why mail is given up that a database which was lost may have sent.
pub(crate) const MAY_HAVE_BEEN_SENT: &str = "restored: it may have been sent before";

/// Does what follows; answers what was done, a line each.
pub(crate) fn apply(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    if restored.is("notification") {
        let streams = diesel::sql_query("UPDATE user_streams SET epoch = floor(random() * 9007199254740991)::bigint");
        done.push(format!("{} streams begin anew: clients reload", streams.execute(conn)?));
        done.push(format!("{} mails are given up, because they may have been sent", give_up(conn, restored)?));
        done.push(raise_versions(conn, &["preferences", "webhooks"])?);
        diesel::sql_query("UPDATE webhook_deliveries SET leased_until = NULL WHERE leased_until IS NOT NULL")
            .execute(conn)?;
    }
    let mut copies: Vec<&str> = Vec::new();
    if restored.parted("notification", "org") {
        copies.extend(["org_facts", "employee_facts", "unit_facts", "site_facts", "whole_copies"]);
    }
    if restored.parted("notification", "user") {
        copies.push("user_facts");
    }
    if !copies.is_empty() {
        done.push(format!("{} copies of facts of others are dropped: backfill", empty(conn, &copies)?));
    }
    Ok(done)
}

/// Gives up what waited to be mailed, and notes up to when events may have been mailed of.
fn give_up(conn: &mut PgConnection, restored: &Restored) -> QueryResult<usize> {
    let (now, lost_at) = (restored.now.to_diesel(), restored.lost_at.to_diesel());
    let mails = diesel::sql_query(
        "UPDATE mail_deliveries SET state = 'dead', last_error = $1, finished_at = $2, leased_until = NULL
         WHERE state = 'queued'",
    );
    let mails = mails.bind::<Text, _>(MAY_HAVE_BEEN_SENT).bind::<Timestamptz, _>(now).execute(conn)?;
    // In inboxes they are; that they were due by mail before the loss is all that is forgotten.
    let owed = diesel::sql_query("DELETE FROM owed_messages WHERE due_at <= $1");
    let owed = owed.bind::<Timestamptz, _>(lost_at).execute(conn)?;
    let announced = diesel::sql_query("UPDATE announcements SET owed_at = $1 WHERE owed_at IS NULL");
    let announced = announced.bind::<Timestamptz, _>(lost_at).execute(conn)?;
    diesel::sql_query("INSERT INTO restores (restored_at, lost_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(lost_at)
        .execute(conn)?;
    Ok(mails + owed + announced)
}
