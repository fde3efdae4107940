//! Whose rows a transaction sees.

use crate::auth::Caller;
use crate::tenant::Tenant;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use rollcall_ids::{OrgId, UserId};

/// Whose rows a transaction sees; row-level security reads it from `app.org_id` and `app.user_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one organisation.
    Tenant(OrgId),
    /// Those about one user, in all organisations.
    User(UserId),
    /// No tenant's: tables that have none.
    Unscoped,
}

/// The scope of tables that belong to no tenant.
#[derive(Clone, Copy, Debug)]
pub struct Unscoped;

impl Scope {
    /// What to send after `BEGIN`. Ids are the only input, and they are UUIDs, so nothing needs quoting.
    pub(super) fn statement(self) -> Option<String> {
        match self {
            Self::Tenant(org) => Some(format!("SELECT set_config('app.org_id', '{org}', true)")),
            Self::User(user) => Some(format!("SELECT set_config('app.user_id', '{user}', true)")),
            Self::Unscoped => None,
        }
    }
}

/// Sees the rows of another scope from here on, in the transaction that runs.
pub(crate) fn enter(conn: &mut PgConnection, scope: Scope) -> Result<(), DieselError> {
    let (org, user) = match scope {
        Scope::Tenant(org) => (org.to_string(), String::new()),
        Scope::User(user) => (String::new(), user.to_string()),
        Scope::Unscoped => (String::new(), String::new()),
    };
    let set = format!("SELECT set_config('app.org_id', '{org}', true), set_config('app.user_id', '{user}', true)");
    conn.batch_execute(&set)
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
