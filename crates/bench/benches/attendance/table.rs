//! Ten million punches: of the organisation that is read, and of others around it in the same table.

use crate::workdays::PEOPLE;
use anyhow::Result;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;

/// Organisations, the one that is read included.
pub(crate) const ORGANISATIONS: usize = 20;
/// Days of the past in which everybody punched, up to the end of the month that is read and two weeks more.
const DAYS: usize = 250;
/// Coming, going to lunch, coming back, going home: minutes after midnight, UTC.
const TIMES: &str = "(VALUES (418, 'in'), (600, 'out'), (661, 'in'), (965, 'out')) AS times (minute, direction)";

/// Fills the table and brings its statistics up to date; answers how many rows it has.
pub(crate) fn fill(stack: &Stack, crowd: &Crowd) -> Result<i64> {
    let mut admin = PgConnection::establish(&stack.database("attendance")?)?;
    // Whole again below; for as long as it is filled, an index less is kept.
    admin.batch_execute("ALTER TABLE punches DROP CONSTRAINT punches_key; SET synchronous_commit = off")?;
    let own: Vec<String> = crowd.people.iter().map(|person| format!("('{}'::uuid)", person.employee_id)).collect();
    let own = format!("(VALUES {}) AS people (id)", own.join(","));
    admin.batch_execute(&insert(&format!("'{}'::uuid", crowd.org_id), &own))?;
    for number in 1..ORGANISATIONS {
        let people = format!(
            "(SELECT md5('{number}/' || person)::uuid FROM generate_series(1, {PEOPLE}) AS person) AS people (id)"
        );
        admin.batch_execute(&insert(&format!("md5('{number}')::uuid"), &people))?;
    }
    admin.batch_execute(
        "ALTER TABLE punches ADD CONSTRAINT punches_key UNIQUE (org_id, employee_id, idempotency_key)",
    )?;
    admin.batch_execute("VACUUM (ANALYZE) punches; ANALYZE; CHECKPOINT")?;
    Ok(sql::<BigInt>("SELECT count(*) FROM punches").get_result(&mut admin)?)
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
