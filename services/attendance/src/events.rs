//! Events of org become the local copy.

use crate::facts::{Facts, GENERATION, keep};
use diesel::pg::PgConnection;
use rollcall_common::backfill::{Freshness, Generation};
use rollcall_common::events::{CloudEvent, EventConsumer};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_org_api::events::{
    DELEGATION_CHANGED, EMPLOYEE_CHANGED, HOLIDAY_CALENDAR_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED,
};
use rollcall_org_api::facts::EmployeeFact;
use std::sync::Arc;

/// Keeps the copy fresh.
pub(crate) struct Consumer {
    pub(crate) facts: Arc<Facts>,
}

impl EventConsumer for Consumer {
    fn generation(&self) -> Generation {
        GENERATION
    }

    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        // An event without an organisation has nothing to say here.
        let Some(tenant) = tenant else { return Ok(()) };
        self.facts.wants_whole(tenant);
        match event.kind.as_str() {
            ORG_CHANGED => keep::keep_org(conn, tenant, &event.data()?, Freshness::Newer),
            UNIT_CHANGED => keep::keep_unit(conn, tenant, &event.data()?, Freshness::Newer),
            SITE_CHANGED => keep::keep_site(conn, tenant, &event.data()?, Freshness::Newer),
            HOLIDAY_CALENDAR_CHANGED => keep::keep_calendar(conn, tenant, &event.data()?, Freshness::Newer),
            EMPLOYEE_CHANGED => keep::keep_employees(conn, tenant, [&event.data()?], Freshness::Newer),
            DELEGATION_CHANGED => keep::keep_delegation(conn, tenant, &event.data()?, Freshness::Newer),
            _ => Ok(()),
        }
    }

    /// In which order they come does not matter: each state has its version.
    fn apply_all(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, events: &[&CloudEvent]) -> Result<(), Fault> {
        let (people, others): (Vec<_>, Vec<_>) =
            events.iter().copied().partition(|event| event.kind == EMPLOYEE_CHANGED);
        others.into_iter().try_for_each(|event| self.apply(conn, tenant, event))?;
        let Some(tenant) = tenant.filter(|_| !people.is_empty()) else { return Ok(()) };
        self.facts.wants_whole(tenant);
        let people = people.into_iter().map(CloudEvent::data::<EmployeeFact>).collect::<Result<Vec<_>, _>>()?;
        keep::keep_employees(conn, tenant, &people, Freshness::Newer)
    }

    fn committed(&self, event: &CloudEvent) {
        let Some(org_id) = event.orgid else { return };
        match event.kind.as_str() {
            ORG_CHANGED | UNIT_CHANGED | SITE_CHANGED | HOLIDAY_CALENDAR_CHANGED => self.facts.org_changed(org_id),
            // It was applied, so it decodes.
            EMPLOYEE_CHANGED => {
                if let Ok(fact) = event.data::<EmployeeFact>() {
                    self.facts.employee_changed(org_id, &fact);
                }
            }
            _ => {}
        }
    }
}
