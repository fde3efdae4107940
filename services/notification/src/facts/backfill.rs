//! Takes over everything that org knows of an organisation, once. Events bring whoever changes; an announcement to all
//! has to reach also those who have not changed since this service first heard of them.

use super::places;
use crate::app::App;
use crate::rules::store as waiting;
use diesel::pg::PgConnection;
use rollcall_common::backfill::{Generation, Source};
use rollcall_common::clock::Clock;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use rollcall_org_api::internal::{Orgs, Snapshot, orgs_path, snapshot_path};

impl Source for App {
    /// What is kept of an organisation: raised when more is. 1: organisations, units, sites and employees.
    const GENERATION: Generation = 1;

    fn db(&self) -> &Database {
        &self.core.db
    }

    fn clock(&self) -> &Clock {
        &self.core.clock
    }

    async fn orgs(&self, cursor: Option<String>) -> Result<(Vec<OrgId>, Option<String>), Fault> {
        let org = self.core.peers.get("org").map_err(Fault::Internal)?;
        let page: Orgs = org.get_json(&orgs_path(cursor.as_deref())).await?;
        Ok((page.items.into_iter().map(|org| org.org_id).collect(), page.next_cursor))
    }

    async fn take_page(&self, tenant: Tenant, cursor: Option<String>) -> Result<Option<String>, Fault> {
        let org = self.core.peers.get("org").map_err(Fault::Internal)?;
        let page: Snapshot = org.get_json(&snapshot_path(tenant.org_id(), cursor.as_deref())).await?;
        let (next, now) = (page.next_cursor.clone(), self.core.clock.now());
        let keep = move |conn: &mut PgConnection| {
            places::put_page(conn, &tenant, &page)?;
            Ok::<_, Fault>(waiting::hurry(conn, &tenant, now)?)
        };
        if self.core.db.transaction(&tenant, keep).await? {
            self.wakes.deferred.notify_one();
        }
        Ok(next)
    }
}
