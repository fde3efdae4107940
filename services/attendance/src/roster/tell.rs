//! Tells people that their plan is another one, in the transaction that plans, or that changes a shift.

use crate::facts::{Member, store as facts_store};
use crate::roster::domain::{NewEntry, Plans, Target, targets};
use crate::roster::store;
use crate::roster::told::{near, told};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::events::{ROSTER_CHANGED, RosterChanged};
use rollcall_attendance_api::shifts::Shift;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::RosterEntryId;

/// Tells everybody whom the new `entries`, stored under `ids`, have planned otherwise; whoever planned knows it.
pub(super) fn changed(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    by: &Member,
    (entries, ids): (&[NewEntry], &[RosterEntryId]),
    now: Timestamp,
) -> Result<(), Fault> {
    let from = entries.iter().map(|entry| entry.from).min();
    let to = entries.iter().map(|entry| entry.to).max();
    let Some(span) = from.zip(to).and_then(|(from, to)| near(from, to, now)) else { return Ok(()) };
    let concerned = entries.iter().map(|entry| entry.target);
    tell(conn, tenant, outbox, by, (concerned, span), now, |plans| plans.without(ids))
}

/// Tells everybody who is planned for a shift on one of the next days that it has other times since `version`, which
/// was stored now and holds from `from` on.
pub(crate) fn shift_changed(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    by: &Member,
    (version, from): (&Shift, Date),
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(span) = near(from, Date::MAX, now) else { return Ok(()) };
    let concerned = store::targets_of_shift(conn, tenant, version.shift_id, span)?;
    let of = (version.shift_id, version.version);
    tell(conn, tenant, outbox, by, (concerned, span), now, |plans| plans.without_version(of))
}

/// Tells those of `concerned` whose plan for any of the dates is another one than `before`.
fn tell(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    by: &Member,
    (concerned, span): (impl IntoIterator<Item = Target>, (Date, Date)),
    now: Timestamp,
    before: impl FnOnce(&Plans) -> Plans,
) -> Result<(), Fault> {
    let (mut named, mut units, mut sites) = (Vec::new(), Vec::new(), Vec::new());
    for target in concerned {
        match target {
            Target::Employee(id) => named.push(id),
            Target::Unit(id) => units.extend(by.org.unit_and_below(id)),
            Target::Site(id) => sites.push(id),
        }
    }
    let people = facts_store::people_concerned(conn, tenant, (&named, &units, &sites), span)?;
    let after = store::plans(conn, tenant, &targets(&by.org, &people), span)?;
    let before = before(&after);
    for one in told(&by.org, &people, (&before, &after), span, now) {
        if one.person.employee_id == by.employee.employee_id {
            continue;
        }
        let data = RosterChanged {
            employee_id: one.person.employee_id,
            employee_name: one.person.name.clone(),
            from: one.from,
            to: one.to,
            days: one.days,
            changed_by: by.employee.employee_id,
            changed_by_name: by.employee.name.clone(),
        };
        let (subject, org_id) = (data.employee_id.to_string(), Some(tenant.org_id()));
        outbox.emit(conn, &NewEvent { kind: ROSTER_CHANGED, subject, org_id, version: None, data: &data })?;
    }
    Ok(())
}
