//! Whose rows a transaction sees.

use crate::auth::Caller;
use crate::tenant::Tenant;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use rollcall_ids::{OrgId, UserId};
use std::collections::BTreeSet;

/// Whose rows a transaction sees; row-level security reads it from `app.org_id`, `app.org_ids` and `app.user_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one organisation.
    Tenant(OrgId),
    /// Those of several organisations, where a policy of a table lets so many be seen.
    Tenants(BTreeSet<OrgId>),
    /// Those about one user, in all organisations.
    User(UserId),
    /// No tenant's: tables that have none.
    Unscoped,
}

/// The scope of tables that belong to no tenant.
#[derive(Clone, Copy, Debug)]
pub struct Unscoped;

impl Scope {
    /// Begins a transaction in this scope, in one message: at a thousand transactions a second most of what each costs is
    /// to wait for an answer and be woken by it. Ids are the only input, and they are UUIDs, so nothing needs quoting.
    pub(super) fn begin(&self) -> String {
        let (name, value) = match self {
            Self::Tenant(org) => ("app.org_id", org.to_string()),
            Self::Tenants(orgs) => ("app.org_ids", joined(orgs)),
            Self::User(user) => ("app.user_id", user.to_string()),
            Self::Unscoped => return "BEGIN".to_owned(),
        };
        format!("BEGIN; SELECT set_config('{name}', '{value}', true)")
    }

    /// That of several organisations, each proven.
    pub fn of_all<'a>(tenants: impl IntoIterator<Item = &'a Tenant>) -> Self {
        Self::Tenants(tenants.into_iter().map(Tenant::org_id).collect())
    }
}

/// Sees the rows of another scope from here on, in the transaction that runs.
pub(crate) fn enter(conn: &mut PgConnection, scope: &Scope) -> Result<(), DieselError> {
    let nothing = String::new;
    let (org, orgs, user) = match scope {
        Scope::Tenant(org) => (org.to_string(), nothing(), nothing()),
        Scope::Tenants(orgs) => (nothing(), joined(orgs), nothing()),
        Scope::User(user) => (nothing(), nothing(), user.to_string()),
        Scope::Unscoped => (nothing(), nothing(), nothing()),
    };
    conn.batch_execute(&format!(
        "SELECT set_config('app.org_id', '{org}', true), set_config('app.org_ids', '{orgs}', true), \
         set_config('app.user_id', '{user}', true)"
    ))
}

fn joined(orgs: &BTreeSet<OrgId>) -> String {
    orgs.iter().map(OrgId::to_string).collect::<Vec<_>>().join(",")
}

impl From<&Tenant> for Scope {
    fn from(tenant: &Tenant) -> Self {
        Self::Tenant(tenant.org_id())
    }
}

impl From<Tenant> for Scope {
    fn from(tenant: Tenant) -> Self {
        Self::Tenant(tenant.org_id())
    }
}

impl From<&Caller> for Scope {
    fn from(caller: &Caller) -> Self {
        Self::User(caller.user_id)
    }
}

impl From<Unscoped> for Scope {
    fn from(_: Unscoped) -> Self {
        Self::Unscoped
    }
}
