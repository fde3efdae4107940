//! Preferences in the database. Who has said nothing has no row.

use super::domain::{Wishes, written};
use crate::schema::preferences;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::auth::Caller;
use rollcall_common::fault::Fault;
use rollcall_ids::UserId;
use rollcall_notification_api::inbox::Category;
use rollcall_notification_api::preferences::{NewPreferences, Ways};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// The caller's wishes and their version; 0: nothing was said.
pub fn own(conn: &mut PgConnection, caller: &Caller) -> Result<(Wishes, i64), Fault> {
    let row: Option<(serde_json::Value, i64)> = preferences::table
        .find(caller.user_id)
        .select((preferences::wishes, preferences::version))
        .first(conn)
        .optional()?;
    row.map_or_else(|| Ok((Wishes::default(), 0)), |(kept, version)| Ok((read(kept)?, version)))
}

/// Keeps the caller's wishes in the place of version `before`; answers the new version. None: somebody was faster.
pub fn put(
    conn: &mut PgConnection,
    caller: &Caller,
    wishes: &Wishes,
    before: i64,
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    let kept = NewPreferences {
        categories: wishes.categories.clone(),
        quiet_hours: wishes.quiet.map(written),
        digest: wishes.digest,
    };
    let kept = serde_json::to_value(kept).map_err(Fault::internal)?;
    let rows = if before == 0 {
        diesel::insert_into(preferences::table)
            .values((
                preferences::user_id.eq(caller.user_id),
                preferences::wishes.eq(kept),
                preferences::version.eq(1),
                preferences::updated_at.eq(now.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?
    } else {
        diesel::update(preferences::table.find(caller.user_id).filter(preferences::version.eq(before)))
            .set((
                preferences::wishes.eq(kept),
                preferences::version.eq(before + 1),
                preferences::updated_at.eq(now.to_diesel()),
            ))
            .execute(conn)?
    };
    Ok((rows == 1).then_some(before + 1))
}

/// The wishes of these users; who has said nothing is missing from the answer. For whoever tells them something.
pub fn of(conn: &mut PgConnection, users: &[UserId]) -> Result<HashMap<UserId, Wishes>, Fault> {
    let rows: Vec<(UserId, serde_json::Value)> = preferences::table
        .filter(preferences::user_id.eq_any(users))
        .select((preferences::user_id, preferences::wishes))
        .load(conn)?;
    rows.into_iter().map(|(user_id, kept)| Ok((user_id, read(kept)?))).collect()
}

/// What is read of a row: a category that only a later release knows is passed over.
#[derive(Deserialize)]
struct Kept {
    #[serde(default)]
    categories: BTreeMap<String, Ways>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct Rest {
    #[serde(default)]
    quiet_hours: Option<rollcall_notification_api::preferences::QuietHours>,
    #[serde(default)]
    digest: rollcall_notification_api::preferences::Digest,
}

fn read(kept: serde_json::Value) -> Result<Wishes, Fault> {
    let Kept { categories, rest: Rest { quiet_hours, digest } } =
        serde_json::from_value(kept).map_err(Fault::internal)?;
    let known = categories.into_iter().filter_map(|(name, ways)| Some((Category::from_name(&name)?, ways)));
    let new = NewPreferences { categories: known.collect(), quiet_hours, digest };
    // What was checked when it was kept is checked again: a row that is wrong is a defect, not a silence.
    super::domain::check(&new)
        .map_err(|_| Fault::internal(anyhow::anyhow!("preferences are kept that could not have been asked for")))
}
