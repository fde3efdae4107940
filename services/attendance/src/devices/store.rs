//! Devices in the database.

use crate::devices::domain::{Described, Door, Heard};
use crate::facts::domain::Org;
use crate::punches::store::{of_word, word};
use crate::schema::devices as table;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::devices::{Device, DeviceKind};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{DeviceId, EmployeeId, OrgId, SiteId};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
pub(crate) struct Row {
    device_id: DeviceId,
    name: String,
    kind: String,
    site_id: SiteId,
    allowed_employees: Option<Value>,
    disabled: bool,
    version: i64,
    created_at: jiff_diesel::Timestamp,
    last_seen_at: Option<jiff_diesel::Timestamp>,
    reported_until: jiff_diesel::Timestamp,
    silent_since: Option<jiff_diesel::Timestamp>,
}

impl Row {
    /// As clients see it.
    pub(crate) fn view(self, org: &Org) -> Result<Device, Fault> {
        Ok(Device {
            device_id: self.device_id,
            name: self.name,
            kind: of_word(self.kind)?,
            site_id: self.site_id,
            time_zone: org.zone_of(self.site_id).to_owned(),
            allowed_employees: people(self.allowed_employees)?,
            disabled: self.disabled,
            last_seen_at: self.last_seen_at.map(jiff_diesel::Timestamp::to_jiff),
            reported_until: self.reported_until.to_jiff(),
            silent_since: self.silent_since.map(jiff_diesel::Timestamp::to_jiff),
            created_at: self.created_at.to_jiff(),
            version: self.version,
        })
    }
}

fn people(ids: Option<Value>) -> Result<Option<Vec<EmployeeId>>, Fault> {
    ids.map(serde_json::from_value).transpose().map_err(Fault::internal)
}

fn encoded(ids: Option<&Vec<EmployeeId>>) -> Result<Option<Value>, Fault> {
    ids.map(serde_json::to_value).transpose().map_err(Fault::internal)
}

/// Devices of an organisation that are switched on at most: all of them are in memory with it, some with an allow-list of two
/// thousand people.
const MOST: i64 = 2_000;

/// Refuses one more that is switched on when there are too many; `pointer` is what asks for it.
fn must_have_room(conn: &mut PgConnection, tenant: &Tenant, pointer: &str) -> Result<(), Fault> {
    // Two that are switched on at once see each other.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('devices of ' || $1, 0))")
        .bind::<Text, _>(tenant.org_id().to_string())
        .execute(conn)?;
    let on = table::table.filter(table::org_id.eq(tenant.org_id()).and(table::disabled.eq(false)));
    if on.count().get_result::<i64>(conn)? >= MOST {
        return Err(Fault::invalid(pointer, "too_many", format!("at most {MOST} devices are switched on")));
    }
    Ok(())
}

/// Adds a device with a secret.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (described, kind): (&Described, DeviceKind),
    secret_hash: [u8; 32],
    by: EmployeeId,
    now: Timestamp,
) -> Result<Row, Fault> {
    must_have_room(conn, tenant, "/name")?;
    Ok(diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::device_id.eq(DeviceId::generate()),
            table::name.eq(&described.name),
            table::kind.eq(word(&kind)?),
            table::site_id.eq(described.site_id),
            table::allowed_employees.eq(encoded(described.allowed.as_ref())?),
            table::secret_hash.eq(secret_hash.to_vec()),
            table::disabled.eq(described.disabled),
            table::version.eq(1),
            table::created_at.eq(now.to_diesel()),
            table::created_by.eq(by),
            table::reported_until.eq(now.to_diesel()),
        ))
        .returning(Row::as_returning())
        .get_result(conn)?)
}

/// What becomes of a device.
pub(crate) enum Change<'a> {
    /// It is described anew.
    Describe(&'a Described),
    /// It gets another secret; the old one is worth nothing.
    Secret([u8; 32]),
}

/// Changes a device of version `expected`: 404 when there is none, 412 when it is of another version.
pub(crate) fn change(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (device_id, expected): (DeviceId, i64),
    change: &Change<'_>,
    now: Timestamp,
) -> Result<Row, Fault> {
    let key = (tenant.org_id(), device_id);
    let read = table::table.find(key).select((table::version, table::disabled, table::site_id)).for_update();
    let read: Option<(i64, bool, SiteId)> = read.first(conn).optional()?;
    let (version, was_disabled, was_at) = read.ok_or(Fault::NotFound)?;
    if version != expected {
        return Err(Fault::PreconditionFailed);
    }
    if was_disabled && matches!(change, Change::Describe(it) if !it.disabled) {
        must_have_room(conn, tenant, "/disabled")?;
    }
    let device = table::table.find(key);
    let next = table::version.eq(expected + 1);
    let changed = match change {
        Change::Secret(hash) => {
            let set = (next, table::secret_hash.eq(hash.to_vec()));
            diesel::update(device).set(set).returning(Row::as_returning()).get_result(conn)?
        }
        Change::Describe(it) => {
            // What is switched on again is not waited for in the time it was off, and what is hung up elsewhere not in the
            // time before it hung there.
            let afresh = (was_disabled && !it.disabled) || was_at != it.site_id;
            let silent_since = table::silent_since.eq(None::<jiff_diesel::Timestamp>);
            let again = afresh.then(|| (table::reported_until.eq(now.to_diesel()), silent_since));
            let set = (
                next,
                table::name.eq(&it.name),
                table::site_id.eq(it.site_id),
                table::allowed_employees.eq(encoded(it.allowed.as_ref())?),
                table::disabled.eq(it.disabled),
                again,
            );
            diesel::update(device).set(set).returning(Row::as_returning()).get_result(conn)?
        }
    };
    Ok(changed)
}

/// One of them.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, id: DeviceId) -> Result<Option<Row>, Fault> {
    Ok(table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn).optional()?)
}

/// A page of them, oldest first.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<DeviceId>,
    limit: i64,
) -> Result<Vec<Row>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .order(table::device_id)
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::device_id.gt(after));
    }
    Ok(query.load(conn)?)
}

type DoorRow = (DeviceId, String, SiteId, Option<Value>, Vec<u8>);

/// Those that are switched on.
pub(crate) fn doors(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Door>, Fault> {
    let rows: Vec<DoorRow> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::disabled.eq(false)))
        .select((table::device_id, table::kind, table::site_id, table::allowed_employees, table::secret_hash))
        .load(conn)?;
    let door = |(device_id, kind, site_id, allowed, hash): DoorRow| {
        let secret_hash = hash.try_into().map_err(|_| Fault::internal(anyhow::anyhow!("a stored hash is none")))?;
        let allowed = people(allowed)?.map(|ids| ids.into_iter().collect());
        Ok(Door { device_id, kind: of_word(kind)?, site_id, allowed, secret_hash })
    };
    rows.into_iter().map(door).collect()
}

/// Until when each device that is switched on has reported.
pub(crate) fn reports(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<(DeviceId, SiteId, Timestamp)>, Fault> {
    let rows: Vec<(DeviceId, SiteId, jiff_diesel::Timestamp)> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::disabled.eq(false)))
        .order(table::device_id)
        .select((table::device_id, table::site_id, table::reported_until))
        .load(conn)?;
    Ok(rows.into_iter().map(|(device, site, until)| (device, site, until.to_jiff())).collect())
}

/// Until when every device that is switched on has reported, for each site that has any.
pub(crate) fn reported(conn: &mut PgConnection, tenant: &Tenant) -> Result<HashMap<SiteId, Timestamp>, Fault> {
    let rows: Vec<(SiteId, Option<jiff_diesel::Timestamp>)> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::disabled.eq(false)))
        .group_by(table::site_id)
        .select((table::site_id, diesel::dsl::min(table::reported_until)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(site_id, until)| Some((site_id, until?.to_jiff()))).collect())
}

/// Notes what was heard of devices of any organisations; never less than is known.
pub(crate) fn seen(conn: &mut PgConnection, mut heard: Vec<((OrgId, DeviceId), Heard)>) -> Result<(), Fault> {
    const STATEMENT: &str = "
        UPDATE devices SET last_seen_at = greatest(last_seen_at, heard.at),
            reported_until = greatest(reported_until, heard.until), silent_since = NULL
        FROM unnest($1, $2, $3, $4) AS heard (org_id, device_id, at, until)
        WHERE devices.org_id = heard.org_id AND devices.device_id = heard.device_id";
    // Two instances that note the same devices take them in the same order.
    heard.sort_unstable_by_key(|(key, _)| *key);
    let until = |(_, heard): &(_, Heard)| heard.reported_until.map(jiff_diesel::ToDiesel::to_diesel);
    conn.batch_execute("SELECT set_config('app.job', 'note_devices_seen', true)")?;
    diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(heard.iter().map(|((org_id, _), _)| *org_id).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(heard.iter().map(|((_, device_id), _)| *device_id).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(heard.iter().map(|(_, heard)| heard.at.to_diesel()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(heard.iter().map(until).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

/// A device that nothing was heard of for long.
#[derive(QueryableByName)]
pub(crate) struct Silent {
    #[diesel(sql_type = Uuid)]
    pub(crate) device_id: DeviceId,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Uuid)]
    pub(crate) site_id: SiteId,
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub(crate) since: Timestamp,
}

/// Notes of which devices that are switched on nothing was heard since `before`, and answers those of which it was not noted
/// yet.
pub(crate) fn fall_silent(conn: &mut PgConnection, tenant: &Tenant, before: Timestamp) -> Result<Vec<Silent>, Fault> {
    // What is switched on, or hung up elsewhere, is heard of by that.
    const STATEMENT: &str = "
        UPDATE devices SET silent_since = greatest(last_seen_at, reported_until)
        WHERE org_id = $1 AND NOT disabled AND silent_since IS NULL AND greatest(last_seen_at, reported_until) < $2
        RETURNING device_id, name, site_id, silent_since AS since";
    let noted = diesel::sql_query(STATEMENT);
    Ok(noted.bind::<Uuid, _>(tenant.org_id()).bind::<Timestamptz, _>(before.to_diesel()).load(conn)?)
}
