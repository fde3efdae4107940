//! Asking those who own a fact, and remembering the answer. Whoever is away, refusing or hanging, is not asked again
//! for a while: one question has waited for all that come in that time.

use super::{places, store};
use rollcall_common::backfill::Freshness;
use rollcall_common::client::{CallError, Peer};
use rollcall_common::context;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::server::Core;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};
use rollcall_org_api::internal::{Member, member_by_user_path, member_path};
use rollcall_user_api::internal::{Contact, user_path};
use serde::de::DeserializeOwned;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a message waits for a language that was never known; then the organisation's is taken.
const LANGUAGE_WAIT: Duration = Duration::from_secs(1);
/// How long an event waits for a fact of org before it is put off.
const ORG_WAIT: Duration = Duration::from_secs(2);
/// How long somebody who did not answer is not asked again.
const AWAY: Duration = Duration::from_secs(3);

/// Those who own facts.
pub struct Owners {
    core: Core,
    org: Owner,
    user: Owner,
}

impl Owners {
    /// Nobody is known to be away.
    pub fn new(core: Core) -> Self {
        Self { core, org: Owner::new("org", ORG_WAIT), user: Owner::new("user", LANGUAGE_WAIT) }
    }

    /// Asks org for an employee and their organisation. False: it knows no such employee.
    pub async fn ask_org(&self, tenant: Tenant, employee_id: EmployeeId) -> Result<bool, Fault> {
        self.ask_org_at(tenant, &member_path(tenant.org_id(), employee_id)).await
    }

    /// Asks org for the employee that an account is, and their organisation. False: they are none there.
    pub async fn ask_org_about_user(&self, tenant: Tenant, user_id: UserId) -> Result<bool, Fault> {
        self.ask_org_at(tenant, &member_by_user_path(tenant.org_id(), user_id)).await
    }

    async fn ask_org_at(&self, tenant: Tenant, path: &str) -> Result<bool, Fault> {
        let answer = self.org.ask::<Member>(&self.core, path).await?;
        let Some(member) = answer else { return Ok(false) };
        let keep = move |conn: &mut _| {
            store::put_org(conn, &tenant, &member.org, Freshness::Newer)?;
            member.units.iter().try_for_each(|unit| places::put_unit(conn, &tenant, unit, Freshness::Newer))?;
            member.sites.iter().try_for_each(|site| places::put_site(conn, &tenant, site, Freshness::Newer))?;
            store::put_employee(conn, &tenant, &member.employee, Freshness::Newer)?;
            Ok(true)
        };
        self.core.db.transaction(&tenant, keep).await
    }

    /// Asks user how somebody is written to. False: it knows no such user.
    pub async fn ask_user(&self, user_id: UserId) -> Result<bool, Fault> {
        let answer = self.user.ask::<Contact>(&self.core, &user_path(user_id)).await?;
        let Some(contact) = answer else { return Ok(false) };
        let now = self.core.clock.now();
        let keep = move |conn: &mut _| Ok(store::put_reader(conn, &contact, now).map(|()| true)?);
        self.core.db.transaction(Unscoped, keep).await
    }
}

struct Owner {
    name: &'static str,
    wait: Duration,
    away_until: Mutex<Option<Instant>>,
}

impl Owner {
    const fn new(name: &'static str, wait: Duration) -> Self {
        Self { name, wait, away_until: Mutex::new(None) }
    }

    /// The answer; none: there is no such thing.
    async fn ask<T: DeserializeOwned>(&self, core: &Core, path: &str) -> Result<Option<T>, Fault> {
        let peer: Peer = core.peers.get(self.name).map_err(Fault::Internal)?;
        if self.away().is_some_and(|until| Instant::now() < until) {
            return Err(Fault::unavailable(self.name, anyhow::anyhow!("it was away a moment ago")));
        }
        // The call keeps to the deadline by itself; the timeout is for what a deadline cannot cut.
        let call = tokio::time::timeout(self.wait, context::within(self.wait, peer.get_json::<T>(path)));
        let answer = call.await.unwrap_or_else(|elapsed| {
            Err(CallError::Unavailable { peer: self.name.to_owned(), status: None, source: elapsed.into() })
        });
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(CallError::NotFound { .. }) => Ok(None),
            Err(error) => {
                if matches!(error, CallError::Unavailable { .. }) {
                    *self.away_mut() = Some(Instant::now() + AWAY);
                }
                Err(error.into())
            }
        }
    }

    fn away(&self) -> Option<Instant> {
        *self.away_mut()
    }

    fn away_mut(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
