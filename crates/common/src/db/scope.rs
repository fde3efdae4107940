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

/// What row-level security reads.
const SETTINGS: [&str; 3] = ["app.org_id", "app.org_ids", "app.user_id"];

impl Scope {
    /// The setting that says it, one of [`SETTINGS`]; none: nothing is set. Ids are the only input, and they are UUIDs, so
    /// nothing needs quoting.
    fn setting(&self) -> Option<(&'static str, String)> {
        let [org, several, person] = SETTINGS;
        match self {
            Self::Tenant(id) => Some((org, id.to_string())),
            Self::Tenants(ids) => Some((several, ids.iter().map(OrgId::to_string).collect::<Vec<_>>().join(","))),
            Self::User(id) => Some((person, id.to_string())),
            Self::Unscoped => None,
        }
    }

    /// Begins a transaction in this scope, in one message: at a thousand transactions a second most of what each costs is
    /// to wait for an answer and be woken by it.
    pub(super) fn begin(&self) -> String {
        match self.setting() {
            Some((name, value)) => format!("BEGIN; SELECT set_config('{name}', '{value}', true)"),
            None => "BEGIN".to_owned(),
        }
    }

    /// That of several organisations, each proven.
    pub fn of_all<'a>(tenants: impl IntoIterator<Item = &'a Tenant>) -> Self {
        Self::Tenants(tenants.into_iter().map(Tenant::org_id).collect())
    }
}

/// Sees the rows of another scope from here on, in the transaction that runs, and none of the scope before.
pub(crate) fn enter(conn: &mut PgConnection, scope: &Scope) -> Result<(), DieselError> {
    let (named, value) = scope.setting().unwrap_or_default();
    let set = SETTINGS.map(|name| {
        let value = if name == named { value.as_str() } else { "" };
        format!("set_config('{name}', '{value}', true)")
    });
    conn.batch_execute(&format!("SELECT {}", set.join(", ")))
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
