//! The tables of imports and of their lines.

use crate::error::Error;
use crate::imports::domain::{Import, LineError, LineVerdict, MOST_KEPT, MOST_OPEN, Tally, Verdict};
use crate::schema::{import_lines, imports};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{ImportId, OrgId};
use serde_json::Value;

/// How long an instance has an import to itself; after that it counts as gone, and another takes over.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// Imports that make room for one more, at most: as many as a request has time for.
const FORGOTTEN_BY_ONE: i64 = 5;
/// Lines written in one statement.
const BATCH: usize = 1_000;

/// What is kept of an import for the worker.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = imports)]
pub(crate) struct Work {
    pub(crate) status: String,
    pub(crate) source: Option<String>,
    pub(crate) mapping: Value,
    pub(crate) actor: Value,
}

/// Makes room for one more: refuses it while too many are open, and forgets the oldest of those that are not.
pub(crate) fn make_room(conn: &mut PgConnection, tenant: &Tenant) -> Result<(), Error> {
    // Two that come at once see each other. The organisation itself is locked for as long as a file is taken over.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('imports of ' || $1, 0))")
        .bind::<Text, _>(tenant.org_id().to_string())
        .execute(conn)?;
    let of_org = || imports::table.filter(imports::org_id.eq(tenant.org_id()));
    let open: i64 = of_org().filter(imports::source.is_not_null()).count().get_result(conn)?;
    if open >= MOST_OPEN {
        return Err(Error::ImportsOpen);
    }
    let over: Vec<ImportId> = of_org()
        .filter(imports::source.is_null())
        .order(imports::import_id.desc())
        .offset(MOST_KEPT - MOST_OPEN)
        .limit(FORGOTTEN_BY_ONE)
        .select(imports::import_id)
        .load(conn)?;
    diesel::delete(of_org().filter(imports::import_id.eq_any(over))).execute(conn)?;
    Ok(())
}

/// Adds one that is to be checked.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    import_id: ImportId,
    work: &Work,
    at: Timestamp,
) -> Result<Import, Error> {
    let import = diesel::insert_into(imports::table)
        .values((
            imports::org_id.eq(tenant.org_id()),
            imports::import_id.eq(import_id),
            imports::status.eq(&work.status),
            imports::source.eq(&work.source),
            imports::mapping.eq(&work.mapping),
            imports::actor.eq(&work.actor),
            imports::created_at.eq(at.to_diesel()),
        ))
        .returning(Import::as_returning())
        .get_result(conn)?;
    Ok(import)
}

/// One import.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant, id: ImportId) -> Result<Option<Import>, Error> {
    Ok(imports::table.find((tenant.org_id(), id)).select(Import::as_select()).first(conn).optional()?)
}

/// One import, held until the transaction ends.
pub(crate) fn lock(conn: &mut PgConnection, tenant: &Tenant, id: ImportId) -> Result<Option<Import>, Error> {
    let locked =
        imports::table.find((tenant.org_id(), id)).select(Import::as_select()).for_update().first(conn).optional()?;
    Ok(locked)
}

/// What the worker needs of one.
pub(crate) fn work(conn: &mut PgConnection, tenant: &Tenant, id: ImportId) -> Result<Option<Work>, Error> {
    Ok(imports::table.find((tenant.org_id(), id)).select(Work::as_select()).first(conn).optional()?)
}

/// A page, newest first.
pub(crate) fn list(conn: &mut PgConnection, tenant: &Tenant, page: &Page<ImportId>) -> Result<Vec<Import>, Error> {
    let mut query = imports::table
        .filter(imports::org_id.eq(tenant.org_id()))
        .order(imports::import_id.desc())
        .limit(page.fetch())
        .select(Import::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(imports::import_id.lt(after));
    }
    Ok(query.load(conn)?)
}

/// A page of the lines, all or those of one verdict.
pub(crate) fn lines(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: ImportId,
    verdict: Option<Verdict>,
    page: &Page<i32>,
) -> Result<Vec<LineVerdict>, Error> {
    let mut query = import_lines::table
        .filter(import_lines::org_id.eq(tenant.org_id()).and(import_lines::import_id.eq(id)))
        .order(import_lines::line.asc())
        .limit(page.fetch())
        .select((import_lines::line, import_lines::verdict, import_lines::errors))
        .into_boxed();
    if let Some(verdict) = verdict {
        query = query.filter(import_lines::verdict.eq(verdict.name()));
    }
    if let Some(after) = page.after {
        query = query.filter(import_lines::line.gt(after));
    }
    let rows: Vec<(i32, String, Value)> = query.load(conn)?;
    let line = |(line, verdict, errors): (i32, String, Value)| {
        let verdict = serde_json::from_value(Value::String(verdict)).map_err(Fault::internal)?;
        let errors: Vec<LineError> = serde_json::from_value(errors).map_err(Fault::internal)?;
        Ok(LineVerdict { line, verdict, errors })
    };
    rows.into_iter().map(line).collect()
}

/// Starts the commit of one that is locked; `actor` is whoever asked for it.
pub(crate) fn start_commit(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: ImportId,
    actor: &Value,
) -> Result<Import, Error> {
    let import = diesel::update(imports::table.find((tenant.org_id(), id)))
        .set((
            imports::status.eq("committing"),
            imports::actor.eq(actor),
            imports::lines_done.eq(0),
            imports::claimed_until.eq(None::<jiff_diesel::Timestamp>),
            imports::version.eq(imports::version + 1),
        ))
        .returning(Import::as_returning())
        .get_result(conn)?;
    Ok(import)
}

/// Shows how far the work is.
pub(crate) fn progress(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: ImportId,
    (total, done): (i32, i32),
    now: Timestamp,
) -> Result<(), Error> {
    diesel::update(imports::table.find((tenant.org_id(), id)))
        .filter(imports::status.eq_any(["checking", "committing"]))
        .set((
            imports::lines_total.eq(total),
            imports::lines_done.eq(done),
            imports::claimed_until.eq((now + LEASE).to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends a step: its verdicts, and the status that follows. What is over, or can never be taken over, keeps no file.
pub(crate) fn finish(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: ImportId,
    (status, lines): (&'static str, &[LineVerdict]),
    now: Timestamp,
) -> Result<(), Error> {
    diesel::delete(import_lines::table)
        .filter(import_lines::org_id.eq(tenant.org_id()).and(import_lines::import_id.eq(id)))
        .execute(conn)?;
    for batch in lines.chunks(BATCH) {
        let row = |line: &LineVerdict| {
            Ok((
                import_lines::org_id.eq(tenant.org_id()),
                import_lines::import_id.eq(id),
                import_lines::line.eq(line.line),
                import_lines::verdict.eq(line.verdict.name()),
                import_lines::errors.eq(serde_json::to_value(&line.errors).map_err(Fault::internal)?),
            ))
        };
        let rows = batch.iter().map(row).collect::<Result<Vec<_>, Fault>>()?;
        diesel::insert_into(import_lines::table).values(rows).execute(conn)?;
    }
    let tally = Tally::of(lines);
    let total = i32::try_from(lines.len()).unwrap_or(i32::MAX);
    let row = imports::table.find((tenant.org_id(), id));
    diesel::update(row)
        .set((
            imports::status.eq(status),
            imports::lines_total.eq(total),
            imports::lines_done.eq(total),
            imports::created.eq(tally.created),
            imports::changed.eq(tally.changed),
            imports::unchanged.eq(tally.unchanged),
            imports::rejected.eq(tally.rejected),
            imports::claimed_until.eq(None::<jiff_diesel::Timestamp>),
            imports::version.eq(imports::version + 1),
        ))
        .execute(conn)?;
    if status != "checked" {
        diesel::update(row).set(imports::finished_at.eq(now.to_diesel())).execute(conn)?;
    }
    if status != "checked" || tally.rejected > 0 {
        diesel::update(row).set(imports::source.eq(None::<String>)).execute(conn)?;
    }
    Ok(())
}

/// An import that waits to be worked on, in whatever organisation.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Claimed {
    #[diesel(sql_type = Uuid)]
    pub(crate) org_id: OrgId,
    #[diesel(sql_type = Uuid)]
    pub(crate) import_id: ImportId,
}

/// Takes one that nobody works on: the oldest of the next organisation after `last`, so that each has its turn however much
/// one of them sends. A policy lets this job see the imports of all organisations.
pub(crate) fn claim(conn: &mut PgConnection, last: OrgId, now: Timestamp) -> Result<Option<Claimed>, Error> {
    diesel::sql_query("SELECT set_config('app.job', $1, true)").bind::<Text, _>("imports").execute(conn)?;
    let claimed = diesel::sql_query(
        "UPDATE imports SET claimed_until = $2 WHERE (org_id, import_id) = ( \
             SELECT org_id, import_id FROM imports \
             WHERE status IN ('checking', 'committing') AND (claimed_until IS NULL OR claimed_until < $1) \
             ORDER BY org_id <= $3, org_id, created_at LIMIT 1 FOR UPDATE SKIP LOCKED \
         ) RETURNING org_id, import_id",
    )
    .bind::<Timestamptz, _>(now.to_diesel())
    .bind::<Timestamptz, _>((now + LEASE).to_diesel())
    .bind::<Uuid, _>(last)
    .get_result(conn)
    .optional()?;
    Ok(claimed)
}

/// How long a file that was checked waits to be taken over.
const UNTAKEN: SignedDuration = SignedDuration::from_hours(24);

/// Some that were checked and not taken over in their time, in whatever organisations.
pub(crate) fn untaken(conn: &mut PgConnection, now: Timestamp) -> Result<Vec<Claimed>, Error> {
    diesel::sql_query("SELECT set_config('app.job', $1, true)").bind::<Text, _>("imports").execute(conn)?;
    let untaken = diesel::sql_query(
        "SELECT org_id, import_id FROM imports \
         WHERE status = 'checked' AND source IS NOT NULL AND created_at < $1 ORDER BY created_at LIMIT 200",
    );
    Ok(untaken.bind::<Timestamptz, _>((now - UNTAKEN).to_diesel()).load(conn)?)
}

/// How long an import that is over can be looked at.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Imports forgotten by one statement; each has a row for every line of its file, twenty thousand at most.
pub(crate) const FORGOTTEN_AT_A_TIME: usize = 20;

/// Forgets imports that were over long ago, with their lines, [`FORGOTTEN_AT_A_TIME`] at most, and those that were checked
/// and never taken over; answers how many.
pub(crate) fn forget_old(conn: &mut PgConnection, now: Timestamp) -> Result<usize, Error> {
    diesel::sql_query("SELECT set_config('app.job', $1, true)").bind::<Text, _>("imports").execute(conn)?;
    let old = diesel::sql_query(
        "DELETE FROM imports WHERE (org_id, import_id) IN ( \
             SELECT org_id, import_id FROM imports \
             WHERE status NOT IN ('checking', 'committing') AND created_at < $1 ORDER BY created_at LIMIT $2)",
    );
    let most = i64::try_from(FORGOTTEN_AT_A_TIME).unwrap_or(1);
    Ok(old.bind::<Timestamptz, _>((now - KEPT).to_diesel()).bind::<BigInt, _>(most).execute(conn)?)
}
