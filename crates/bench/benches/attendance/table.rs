//! Ten million punches: of the organisation that is read, and of others around it in the same table.

use crate::workdays::UNIT;
use anyhow::Result;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;

/// Organisations around the one that is read, each as large as the unit of it that is read: in all ten million punches.
pub(crate) const OTHERS: usize = 16;
/// Days of the past in which everybody punched, up to the end of the month that is read and two weeks more.
const DAYS: usize = 250;
/// Coming, going to lunch, coming back, going home: minutes after midnight, UTC.
const TIMES: &str = "(VALUES (418, 'in'), (600, 'out'), (661, 'in'), (965, 'out')) AS times (minute, direction)";

/// Connections that fill it at the same time.
const AT_ONCE: usize = 2;

/// Fills the table and brings its statistics up to date; answers how many rows it has.
///
/// The keys are taken off meanwhile and made whole again at the end, which is several times faster than keeping them for
/// each row; they are put back as the migrations have made them.
pub(crate) fn fill(stack: &Stack, crowd: &Crowd) -> Result<i64> {
    let url = stack.database("attendance")?;
    let mut admin = PgConnection::establish(&url)?;
    // A checkpoint in the middle would write most pages twice.
    admin.batch_execute("ALTER SYSTEM SET max_wal_size = '16GB'")?;
    admin.batch_execute("SELECT pg_reload_conf()")?;
    let keys: Vec<Key> = sql_query(
        "SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint \
         WHERE conrelid = 'punches'::regclass AND contype IN ('p', 'u') ORDER BY contype",
    )
    .load(&mut admin)?;
    for Key { name, .. } in &keys {
        admin.batch_execute(&format!("ALTER TABLE punches DROP CONSTRAINT {name}"))?;
    }
    let mut statements: Vec<String> = (0..=OTHERS).map(|number| insert_of(number, crowd)).collect();
    // The one that is read is as large as four others, and has one connection almost to itself.
    statements.rotate_left(OTHERS / 2 + 2);
    statements.push(today(crowd));
    std::thread::scope(|scope| {
        let share = |statements: &[String]| -> Result<()> {
            let mut connection = PgConnection::establish(&url)?;
            connection.batch_execute("SET synchronous_commit = off; SET work_mem = '256MB'")?;
            statements.iter().try_for_each(|statement| Ok(connection.batch_execute(statement)?))
        };
        let shares = statements.chunks(statements.len().div_ceil(AT_ONCE));
        let threads: Vec<_> = shares.map(|statements| scope.spawn(move || share(statements))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("filling has panicked"))?)
    })?;
    admin.batch_execute("SET maintenance_work_mem = '1GB'")?;
    for Key { name, definition } in &keys {
        admin.batch_execute(&format!("ALTER TABLE punches ADD CONSTRAINT {name} {definition}"))?;
    }
    admin.batch_execute("VACUUM (ANALYZE) punches")?;
    admin.batch_execute("ANALYZE")?;
    admin.batch_execute("CHECKPOINT")?;
    Ok(sql::<BigInt>("SELECT count(*) FROM punches").get_result(&mut admin)?)
}

/// A key of the table, as the catalogue has it.
#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// Of today: everybody has come, and every other one has gone.
fn today(crowd: &Crowd) -> String {
    let hours = "(VALUES (3, 'in'), (1, 'out')) AS times (hours, direction)";
    format!(
        "INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, site_id, exceptions, \
         received_at, recorded_by) \
         SELECT '{0}', gen_random_uuid(), id, at, direction, 'mobile', false, '{1}', '[]', at, id \
         FROM {2}, {hours}, LATERAL (SELECT now() - hours * interval '1 hour' AS at) AS moment \
         WHERE direction = 'in' OR hashtext(id::text) % 2 = 0",
        crowd.org_id,
        crowd.site_id,
        own(crowd)
    )
}

fn own(crowd: &Crowd) -> String {
    let own: Vec<String> = crowd.people.iter().map(|person| format!("('{}'::uuid)", person.employee_id)).collect();
    format!("(VALUES {}) AS people (id)", own.join(","))
}

/// The rows of one organisation: of the one that is read when `number` is 0.
fn insert_of(number: usize, crowd: &Crowd) -> String {
    if number == 0 {
        return insert(&format!("'{}'::uuid", crowd.org_id), &own(crowd));
    }
    let people =
        format!("(SELECT md5('{number}/' || person)::uuid FROM generate_series(1, {UNIT}) AS person) AS people (id)");
    insert(&format!("md5('{number}')::uuid"), &people)
}

/// The rows of one organisation, day by day, as they would have come: a person's are spread over the table.
fn insert(org: &str, people: &str) -> String {
    format!(
        "INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, site_id, exceptions, \
         received_at, recorded_by, idempotency_key, fingerprint) \
         SELECT {org}, gen_random_uuid(), id, at, direction, 'mobile', false, {org}, '[]', at, id, at::text, \
         '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' \
         FROM generate_series(0, {DAYS} - 1) AS day, {TIMES}, {people}, LATERAL (SELECT \
         '2026-06-15'::timestamptz - day * interval '1 day' + minute * interval '1 minute' \
         + (hashtext(id::text || day) % 300) * interval '1 second' AS at) AS moment ORDER BY day DESC, minute"
    )
}
