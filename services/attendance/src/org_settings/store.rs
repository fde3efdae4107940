//! Settings in the database.

use super::domain;
use crate::schema::org_settings as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use rollcall_attendance_api::approvals::RequestKind;
use rollcall_attendance_api::settings::OrgSettings;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use serde_json::Value;

/// The settings and their version; 0: nobody has said anything. Of what a newer release has stored, fields and columns of
/// exports that this one does not know are left out: half the service asks for settings, and must not stop after a
/// rollback. A new kind of value in a field that it knows, a profile aside, is an error: a release before the one that
/// writes such a value has to read it.
pub(crate) fn read(conn: &mut PgConnection, tenant: &Tenant) -> Result<(OrgSettings, i64), Fault> {
    let row = table::table.find(tenant.org_id()).select((table::settings, table::version));
    let row: Option<(Value, i64)> = row.first(conn).optional()?;
    match row {
        None => Ok((OrgSettings::default(), 0)),
        Some((stored, version)) => {
            let (settings, unknown) = domain::known(stored).map_err(Fault::internal)?;
            if !unknown.is_empty() {
                let org_id = tenant.org_id();
                tracing::warn!(%org_id, ?unknown, "settings of a newer release are left out");
            }
            Ok((settings, version))
        }
    }
}

/// How many have to approve a request of this kind.
pub(crate) fn levels(conn: &mut PgConnection, tenant: &Tenant, kind: RequestKind) -> Result<u8, Fault> {
    Ok(domain::levels(&read(conn, tenant)?.0, kind))
}

/// Replaces the settings of version `version`; false: they are of another by now.
pub(super) fn replace(
    conn: &mut PgConnection,
    tenant: &Tenant,
    settings: &OrgSettings,
    version: i64,
) -> Result<bool, Fault> {
    let value = serde_json::to_value(settings).map_err(Fault::internal)?;
    let changed = if version == 0 {
        diesel::insert_into(table::table)
            .values((table::org_id.eq(tenant.org_id()), table::settings.eq(value), table::version.eq(1)))
            .on_conflict_do_nothing()
            .execute(conn)?
    } else {
        diesel::update(table::table.find(tenant.org_id()).filter(table::version.eq(version)))
            .set((table::settings.eq(value), table::version.eq(version + 1)))
            .execute(conn)?
    };
    Ok(changed == 1)
}
