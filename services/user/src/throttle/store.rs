//! Rows of `throttles`.

use crate::error::Error;
use crate::schema::throttles;
use crate::sweep::ROWS;
use crate::throttle::domain::{Bucket, Meter, Rule};
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;

/// A count that nothing was added to for this long says nothing any more.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(48);

/// Counts an attempt in each bucket, or refuses it with [`Error::TooManyAttempts`]. The error rolls the transaction
/// back: an attempt that one bucket refuses is counted in none. Buckets are given from the widest to the narrowest,
/// by everybody, so that no two requests wait for each other.
pub fn charge(conn: &mut PgConnection, buckets: &[(Bucket, Rule)], now: Timestamp) -> Result<(), Error> {
    for (bucket, rule) in buckets {
        diesel::insert_into(throttles::table)
            .values((
                throttles::bucket.eq(bucket.0.as_slice()),
                throttles::failures.eq(0),
                throttles::counted_at.eq(now.to_diesel()),
                throttles::blocked_until.eq(now.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
        let charged = rule.charge(locked(conn, *bucket)?, now).map_err(Error::TooManyAttempts)?;
        put(conn, *bucket, charged)?;
    }
    Ok(())
}

/// Gives an attempt back that succeeded, or that was not made.
pub fn refund(conn: &mut PgConnection, buckets: &[(Bucket, Rule)], now: Timestamp) -> QueryResult<()> {
    for (bucket, rule) in buckets {
        if let Some(meter) = locked(conn, *bucket)? {
            put(conn, *bucket, rule.refund(meter, now))?;
        }
    }
    Ok(())
}

/// Forgives everything that was counted in a bucket.
pub fn clear(conn: &mut PgConnection, bucket: Bucket) -> QueryResult<()> {
    diesel::delete(throttles::table.find(bucket.0.as_slice())).execute(conn).map(drop)
}

/// Deletes a portion of the counts that say nothing any more; what somebody works with is left for the next time.
pub(crate) fn sweep(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let stale: Vec<Vec<u8>> = throttles::table
        .filter(throttles::counted_at.lt((now - FORGOTTEN).to_diesel()))
        .select(throttles::bucket)
        .order(throttles::counted_at)
        .limit(ROWS)
        .for_update()
        .skip_locked()
        .load(conn)?;
    diesel::delete(throttles::table.filter(throttles::bucket.eq_any(stale))).execute(conn)
}

fn locked(conn: &mut PgConnection, bucket: Bucket) -> QueryResult<Option<Meter>> {
    let row = throttles::table
        .find(bucket.0.as_slice())
        .select((throttles::failures, throttles::counted_at, throttles::blocked_until))
        .for_update()
        .first::<(i32, jiff_diesel::Timestamp, jiff_diesel::Timestamp)>(conn)
        .optional()?;
    Ok(row.map(|(failures, counted_at, blocked_until)| Meter {
        failures: u32::try_from(failures).unwrap_or(0),
        counted_at: counted_at.to_jiff(),
        blocked_until: blocked_until.to_jiff(),
    }))
}

fn put(conn: &mut PgConnection, bucket: Bucket, meter: Meter) -> QueryResult<()> {
    diesel::update(throttles::table.find(bucket.0.as_slice()))
        .set((
            throttles::failures.eq(i32::try_from(meter.failures).unwrap_or(i32::MAX)),
            throttles::counted_at.eq(meter.counted_at.to_diesel()),
            throttles::blocked_until.eq(meter.blocked_until.to_diesel()),
        ))
        .execute(conn)
        .map(drop)
}
