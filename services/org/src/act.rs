//! A change as it is made: who makes it, when, and the two traces that every change leaves in its transaction: an
//! audit event, and an event for the other services.

use crate::audit::domain::{Actor, Entry};
use crate::audit::store;
use crate::delegations::domain::Delegation;
use crate::employees::domain::Dossier;
use crate::error::Error;
use crate::orgs::domain::Org;
use crate::roles::custom::CustomRole;
use crate::sites::domain::Site;
use crate::units::domain::Unit;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_org_api::events;
use rollcall_org_api::facts::{HolidayCalendarFact, SiteFact, UnitFact};
use serde::Serialize;
use uuid::Uuid;

/// Who changes something, and when.
#[derive(Clone)]
pub(crate) struct Act {
    /// Where events leave through.
    pub(crate) outbox: Outbox,
    /// Who.
    pub(crate) actor: Actor,
    /// When.
    pub(crate) at: Timestamp,
    /// The date of `at` in the organisation's zone.
    pub(crate) today: Date,
}

impl Act {
    /// Traces of a change to the organisation itself.
    pub(crate) fn org(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        before: Option<&Org>,
        after: &Org,
    ) -> Result<(), Error> {
        self.record(conn, tenant, action, "org", after.org_id.0, before, Some(after))?;
        self.emit(conn, tenant, events::ORG_CHANGED, after.org_id.to_string(), Some(after.version), &after.fact())
    }

    /// Traces of a change to a unit.
    pub(crate) fn unit(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        before: Option<&Unit>,
        after: &Unit,
    ) -> Result<(), Error> {
        self.record(conn, tenant, action, "unit", after.unit_id.0, before, Some(after))?;
        self.emit(conn, tenant, events::UNIT_CHANGED, after.unit_id.to_string(), Some(after.version), &after.fact())
    }

    /// Traces of a change to a site.
    pub(crate) fn site(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        before: Option<&Site>,
        after: &Site,
    ) -> Result<(), Error> {
        self.record(conn, tenant, action, "site", after.site_id.0, before, Some(after))?;
        self.emit(conn, tenant, events::SITE_CHANGED, after.site_id.to_string(), Some(after.version), &after.fact())
    }

    /// Traces of the removal of a unit, with its last version.
    pub(crate) fn unit_removed(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        before: &Unit,
        version: i64,
    ) -> Result<(), Error> {
        self.record(conn, tenant, "unit.deleted", "unit", before.unit_id.0, Some(before), None)?;
        let fact = UnitFact { deleted: true, version, ..before.fact() };
        self.emit(conn, tenant, events::UNIT_CHANGED, before.unit_id.to_string(), Some(version), &fact)
    }

    /// Traces of the removal of a site, with its last version.
    pub(crate) fn site_removed(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        before: &Site,
        version: i64,
    ) -> Result<(), Error> {
        self.record(conn, tenant, "site.deleted", "site", before.site_id.0, Some(before), None)?;
        let fact = SiteFact { deleted: true, version, ..before.fact() };
        self.emit(conn, tenant, events::SITE_CHANGED, before.site_id.to_string(), Some(version), &fact)
    }

    /// Traces of a change to a holiday calendar; the others are told the whole of it.
    pub(crate) fn calendar(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        (before, after): (Option<&HolidayCalendarFact>, &HolidayCalendarFact),
    ) -> Result<(), Error> {
        let id = after.holiday_calendar_id;
        let left = Some(after).filter(|fact| !fact.deleted);
        self.record(conn, tenant, action, "holiday_calendar", id.0, before, left)?;
        self.emit(conn, tenant, events::HOLIDAY_CALENDAR_CHANGED, id.to_string(), Some(after.version), after)
    }

    /// Traces of a change to a delegation.
    pub(crate) fn delegation(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        (before, after): (Option<&Delegation>, &Delegation),
    ) -> Result<(), Error> {
        let fact = after.fact();
        let left = Some(after).filter(|_| !fact.deleted);
        self.record(conn, tenant, action, "delegation", after.delegation_id.0, before, left)?;
        let subject = after.delegation_id.to_string();
        self.emit(conn, tenant, events::DELEGATION_CHANGED, subject, Some(after.version), &fact)
    }

    /// Trace of a change to a role of the organisation's own. It has a name and no id, so the organisation stands as
    /// the subject; the other services learn of it through its holders.
    pub(crate) fn role(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        before: Option<&CustomRole>,
        after: Option<&CustomRole>,
    ) -> Result<(), Error> {
        self.record(conn, tenant, action, "role", tenant.org_id().0, before, after)
    }

    /// Traces of a change to an employee, their assignments or their roles.
    pub(crate) fn employee(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        before: Option<&Dossier>,
        after: &Dossier,
    ) -> Result<(), Error> {
        store::append(conn, tenant, self.employee_entry(action, before, after)?)?;
        self.employee_fact(conn, tenant, after)
    }

    /// The audit event of a change to an employee, to be appended.
    pub(crate) fn employee_entry(
        &self,
        action: &'static str,
        before: Option<&Dossier>,
        after: &Dossier,
    ) -> Result<Entry, Error> {
        let before = before.map(|dossier| dossier.view(self.today));
        let view = after.view(self.today);
        Ok(self.entry(action, "employee", view.employee_id.0, before.as_ref(), Some(&view))?)
    }

    /// Tells the others of an employee whose rights changed because something else did (they now head a unit);
    /// the audit event is that of the other change.
    pub(crate) fn employee_fact(&self, conn: &mut PgConnection, tenant: &Tenant, after: &Dossier) -> Result<(), Error> {
        self.employee_facts(conn, tenant, std::slice::from_ref(after))
    }

    /// Tells the others of many employees, in one statement.
    pub(crate) fn employee_facts(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        after: &[Dossier],
    ) -> Result<(), Error> {
        let facts: Vec<_> = after.iter().map(|dossier| dossier.fact(self.today)).collect();
        let events = facts.iter().map(|data| NewEvent {
            kind: events::EMPLOYEE_CHANGED,
            subject: data.employee_id.to_string(),
            org_id: Some(tenant.org_id()),
            version: Some(data.version),
            data,
        });
        self.outbox.emit_all(conn, &events.collect::<Vec<_>>())?;
        Ok(())
    }

    /// Appends an audit event.
    #[expect(clippy::too_many_arguments, reason = "the columns of a row, each of another type")]
    pub(crate) fn record<T: Serialize>(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        action: &'static str,
        subject_kind: &'static str,
        subject_id: Uuid,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), Error> {
        store::append(conn, tenant, self.entry(action, subject_kind, subject_id, before, after)?)
    }

    fn entry<T: Serialize>(
        &self,
        action: &'static str,
        subject_kind: &'static str,
        subject_id: Uuid,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<Entry, Fault> {
        let json = |value: Option<&T>| value.map(serde_json::to_value).transpose().map_err(Fault::internal);
        let (before, after) = (json(before)?, json(after)?);
        Ok(Entry { at: self.at, actor: self.actor.clone(), action, subject_kind, subject_id, before, after })
    }

    /// Puts an event into the outbox.
    pub(crate) fn emit(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        kind: &'static str,
        subject: String,
        version: Option<i64>,
        data: &impl Serialize,
    ) -> Result<(), Error> {
        self.outbox.emit(conn, &NewEvent { kind, subject, org_id: Some(tenant.org_id()), version, data })?;
        Ok(())
    }
}
