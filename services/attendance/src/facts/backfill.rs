//! Takes over everything that org knows of an organisation, once.

use super::{Facts, keep};
use diesel::pg::PgConnection;
use rollcall_common::backfill::{Freshness, Generation, Source};
use rollcall_common::clock::Clock;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use rollcall_org_api::internal::{Orgs, Snapshot, orgs_path, snapshot_path};

/// What attendance keeps of an organisation: raised when it begins to keep more. 5: organisations, units, sites
/// with their earlier zones, employees, holiday calendars and delegations.
pub(crate) const GENERATION: Generation = 5;

impl Facts {
    /// An organisation was heard of: it is to be whole soon.
    pub(crate) fn wants_whole(&self, tenant: &Tenant) {
        self.copy.backfills.want(tenant);
    }

    /// Takes over one organisation after the other; runs for ever.
    pub(crate) async fn make_whole(&self) {
        self.copy.backfills.run(self).await;
    }
}

impl Source for Facts {
    const GENERATION: Generation = GENERATION;

    fn db(&self) -> &Database {
        &self.copy.db
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn orgs(&self, cursor: Option<String>) -> Result<(Vec<OrgId>, Option<String>), Fault> {
        let page: Orgs = self.copy.org.get_json(&orgs_path(cursor.as_deref())).await?;
        Ok((page.items.into_iter().map(|org| org.org_id).collect(), page.next_cursor))
    }

    async fn take_page(&self, tenant: Tenant, cursor: Option<String>) -> Result<Option<String>, Fault> {
        let page: Snapshot = self.copy.org.get_json(&snapshot_path(tenant.org_id(), cursor.as_deref())).await?;
        let next = page.next_cursor.clone();
        let keep = move |conn: &mut PgConnection| keep_page(conn, &tenant, &page).map(|()| page);
        let page = self.copy.db.transaction(&tenant, keep).await?;
        self.org_changed(tenant.org_id());
        page.employees.iter().for_each(|employee| self.employee_changed(tenant.org_id(), employee));
        Ok(next)
    }
}

/// Notes a page.
fn keep_page(conn: &mut PgConnection, tenant: &Tenant, page: &Snapshot) -> Result<(), Fault> {
    let how = Freshness::Same;
    keep::keep_org(conn, tenant, &page.org, how)?;
    page.units.iter().try_for_each(|unit| keep::keep_unit(conn, tenant, unit, how))?;
    page.sites.iter().try_for_each(|site| keep::keep_site(conn, tenant, site, how))?;
    page.holiday_calendars.iter().try_for_each(|calendar| keep::keep_calendar(conn, tenant, calendar, how))?;
    page.delegations.iter().try_for_each(|delegation| keep::keep_delegation(conn, tenant, delegation, how))?;
    keep::keep_employees(conn, tenant, &page.employees, how)
}
