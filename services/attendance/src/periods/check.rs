//! Looks for days of a period that are not judged, some people to a transaction.

use super::pending::{Suspects, Unjudged};
use crate::app::App;
use crate::devices::store as devices;
use crate::error::Error;
use crate::facts::domain::Org;
use crate::facts::{InOrg, store as facts_store};
use crate::workdays::{gather, room};
use actix_web::web;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use std::sync::Arc;

/// People looked at together, where the dates have room for so many.
const PEOPLE: u32 = 500;

/// What is not judged of the days of a period. What is over for some days is not looked at, unless devices are silent.
pub(super) async fn unjudged(app: &App, at: &InOrg, dates: (Date, Date), now: Timestamp) -> Result<Unjudged, Fault> {
    let (tenant, org) = (at.tenant, Arc::clone(&at.member.org));
    let devices = org.has_devices();
    let load = move |conn: &mut PgConnection| if devices { devices::reported(conn, &tenant) } else { Ok([].into()) };
    let reported = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    let suspects = Arc::new(Suspects::of(dates, &reported, now));
    let mut found = Unjudged::default();
    for dates in suspects.dates().collect::<Vec<_>>() {
        let mut after = None;
        loop {
            let look = Look { tenant, org: Arc::clone(&org), suspects: Arc::clone(&suspects), dates, now };
            let work = move |conn: &mut PgConnection| look.page(conn, after.as_ref());
            let (read, next) = app.core.db.transaction(&tenant, work).await?;
            let add = move || {
                for (person, facts) in &read {
                    found.add(person, facts, dates);
                }
                found
            };
            found = web::block(add).await.map_err(Fault::internal)?;
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// The refusal to lock a period of which this is not judged; none: it may be locked. With `force` devices are not waited
/// for.
pub(super) async fn refusal(app: &App, at: &InOrg, found: &Unjudged, force: bool) -> Result<Option<Error>, Fault> {
    if found.is_nothing() || (force && found.is_for_devices_only()) {
        return Ok(None);
    }
    let tenant = at.tenant;
    let load = move |conn: &mut PgConnection| devices::reports(conn, &tenant);
    let devices = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    Ok(Some(Error::PeriodPending(Box::new(found.told(&devices)))))
}

struct Look {
    tenant: Tenant,
    org: Arc<Org>,
    suspects: Arc<Suspects>,
    dates: (Date, Date),
    now: Timestamp,
}

type Read = Vec<(rollcall_org_api::facts::EmployeeFact, crate::workdays::facts::Facts)>;

impl Look {
    /// The next people by number with what their days need, and where the people after them begin.
    fn page(
        &self,
        conn: &mut PgConnection,
        after: Option<&facts_store::AfterPerson>,
    ) -> Result<(Read, Option<facts_store::AfterPerson>), Fault> {
        let room = room::people(PEOPLE, self.dates);
        let mut people = facts_store::people(conn, &self.tenant, after, room.into())?;
        let full = people.len() == room as usize;
        let next = people.last().filter(|_| full).map(|person| (person.number.clone(), person.employee_id));
        people.retain(|person| self.suspects.concern(person, self.dates));
        let facts = gather::facts(conn, &self.tenant, &self.org, &people, self.dates, self.now)?;
        Ok((people.into_iter().zip(facts).collect(), next))
    }
}
