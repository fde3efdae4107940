//! Takes over everything that org knows of an organisation, once.

use super::{Facts, keep};
use crate::schema::backfills;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::backfill::Source;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use rollcall_org_api::internal::{Orgs, Snapshot, orgs_path, snapshot_path};

/// Which kinds of facts a copy has that is whole: 1 lacked holiday calendars, 2 delegations. An organisation that was
/// taken over by an older release is taken over again.
const PARTS: i16 = 3;

impl Facts {
    /// An organisation was heard of: it is to be whole soon.
    pub(crate) fn wants_whole(&self, tenant: &Tenant) {
        self.backfills.want(tenant);
    }

    /// Takes over one organisation after the other; runs for ever.
    pub(crate) async fn make_whole(&self) {
        self.backfills.run(self).await;
    }
}

impl Source for Facts {
    async fn orgs(&self, cursor: Option<String>) -> Result<(Vec<OrgId>, Option<String>), Fault> {
        let page: Orgs = self.org.get_json(&orgs_path(cursor.as_deref())).await?;
        Ok((page.items.into_iter().map(|org| org.org_id).collect(), page.next_cursor))
    }

    async fn is_whole(&self, tenant: Tenant) -> Result<bool, Fault> {
        self.db.transaction(&tenant, move |conn| is_whole(conn, &tenant)).await
    }

    async fn take_page(&self, tenant: Tenant, cursor: Option<String>) -> Result<Option<String>, Fault> {
        let page: Snapshot = self.org.get_json(&snapshot_path(tenant.org_id(), cursor.as_deref())).await?;
        let next = page.next_cursor.clone();
        let now = self.clock.now();
        let keep = move |conn: &mut PgConnection| keep_page(conn, &tenant, &page, now).map(|()| page);
        let page = self.db.transaction(&tenant, keep).await?;
        self.org_changed(tenant.org_id());
        page.employees.iter().for_each(|employee| self.employee_changed(tenant.org_id(), employee));
        Ok(next)
    }
}

fn is_whole(conn: &mut PgConnection, tenant: &Tenant) -> Result<bool, Fault> {
    let parts = backfills::table.find(tenant.org_id()).select(backfills::parts).first::<i16>(conn).optional()?;
    Ok(parts.is_some_and(|parts| parts >= PARTS))
}

/// Notes a page; with the last one, that the whole is there.
fn keep_page(conn: &mut PgConnection, tenant: &Tenant, page: &Snapshot, now: Timestamp) -> Result<(), Fault> {
    keep::keep_org(conn, tenant, &page.org)?;
    page.units.iter().try_for_each(|unit| keep::keep_unit(conn, tenant, unit))?;
    page.sites.iter().try_for_each(|site| keep::keep_site(conn, tenant, site))?;
    page.holiday_calendars.iter().try_for_each(|calendar| keep::keep_calendar(conn, tenant, calendar))?;
    page.delegations.iter().try_for_each(|delegation| keep::keep_delegation(conn, tenant, delegation))?;
    page.employees.iter().try_for_each(|employee| keep::keep_employee(conn, tenant, employee))?;
    if page.next_cursor.is_none() {
        let done = (backfills::done_at.eq(now.to_diesel()), backfills::parts.eq(PARTS));
        diesel::insert_into(backfills::table)
            .values((backfills::org_id.eq(tenant.org_id()), done))
            .on_conflict(backfills::org_id)
            .do_update()
            .set(done)
            .execute(conn)?;
    }
    Ok(())
}
