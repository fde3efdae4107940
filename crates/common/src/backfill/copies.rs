//! Which copies are whole, and may be believed to be.
//!
//! A copy that was taken over is made whole by events from then on, as long as whoever takes them keeps all that the
//! copy has. A release that is rolled back keeps less: it takes types and fields that it does not know for nothing. So
//! what a consumer keeps has a number, its generation, which the code raises when it begins to keep more; each event is
//! noted with the generation that took it, each copy with the one that took it over and since when. A copy of a lower
//! generation, or one that began before a lower generation took its last event, is whole no more.
//!
//! Looked at is what was taken, and not what is running: so it does not matter how long two releases overlap, or whether
//! the older one knows of generations at all.

use crate::db::{Database, Unscoped};
use crate::fault::Fault;
use crate::schema::whole_copies as copies;
use crate::tenant::Tenant;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, SmallInt, Timestamptz};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;

/// What a consumer keeps of events and of what it takes over. Two programs of the same generation keep the same; the
/// higher one keeps all that the lower one does. From 1; 0 is a program that keeps no copy, or knows no generations.
pub type Generation = i16;

/// By how much the clocks of two instances may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(2);

/// How a fact has to compare with what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It has to be newer: an event, or an answer.
    Newer,
    /// The same version is written again, because another generation may have kept less of it: a page of the whole.
    Same,
}

impl Freshness {
    /// What is kept gives way when its version, less this, is below that of the fact.
    pub const fn allowance(self) -> i64 {
        match self {
            Self::Newer => 0,
            Self::Same => 1,
        }
    }
}

/// Whether the copy of an organisation was taken over, by this generation or a higher one.
pub(super) async fn is_whole(db: &Database, tenant: Tenant, generation: Generation) -> Result<bool, Fault> {
    let find = move |conn: &mut PgConnection| {
        let by = copies::table.find(tenant.org_id()).select(copies::generation).first::<Generation>(conn).optional()?;
        Ok(by.is_some_and(|by| by >= generation))
    };
    db.transaction(tenant, find).await
}

/// Notes that the copy of an organisation was taken over.
pub(super) async fn note_whole(
    db: &Database,
    tenant: Tenant,
    generation: Generation,
    (begun, done): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    let note = move |conn: &mut PgConnection| {
        let what = (
            copies::generation.eq(generation),
            copies::begun_at.eq(begun.to_diesel()),
            copies::done_at.eq(done.to_diesel()),
        );
        diesel::insert_into(copies::table)
            .values((copies::org_id.eq(tenant.org_id()), what))
            .on_conflict(copies::org_id)
            .do_update()
            .set(what)
            .execute(conn)?;
        Ok(())
    };
    db.transaction(tenant, note).await
}

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    taken_at: Option<jiff_diesel::Timestamp>,
}

/// Forgets that copies were whole of which a lower generation has taken events since; answers how many.
pub(super) async fn doubt(db: &Database, generation: Generation) -> Result<usize, Fault> {
    let doubt = move |conn: &mut PgConnection| {
        // A look into the index for each generation there may have been, and none of the rows between.
        let last: Last = diesel::sql_query(
            "SELECT max(taken_at) AS taken_at FROM generate_series(0, $1 - 1) AS lower,
                 LATERAL (SELECT max(consumed_at) AS taken_at FROM consumed_events WHERE generation = lower) AS of_it",
        )
        .bind::<SmallInt, _>(generation)
        .get_result(conn)?;
        let since = last.taken_at.map_or(Timestamp::UNIX_EPOCH, |at| at.to_jiff() + SKEW);
        conn.batch_execute("SELECT set_config('app.job', 'doubt_copies', true)")?;
        let doubtful = copies::generation.lt(generation).or(copies::begun_at.le(since.to_diesel()));
        Ok(diesel::delete(copies::table.filter(doubtful)).execute(conn)?)
    };
    db.transaction(Unscoped, doubt).await
}
