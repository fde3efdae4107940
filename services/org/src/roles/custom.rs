//! A role that an organisation makes itself: a set of permissions with a scope.

use crate::roles::domain::{HeldRole, Role, ScopeKind, permissions_named};
use crate::values::Name;
use diesel::prelude::*;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_org_api::rights::Permission;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A role as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CustomRole {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) scope: ScopeKind,
    pub(crate) permissions: BTreeSet<Permission>,
    pub(crate) version: i64,
}

/// A role as its table has it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = crate::schema::custom_roles)]
pub(crate) struct CustomRoleRow {
    role: String,
    name: String,
    scope: String,
    permissions: Vec<Option<String>>,
    version: i64,
}

impl From<CustomRoleRow> for CustomRole {
    fn from(row: CustomRoleRow) -> Self {
        // A check constraint keeps other scopes out; of all, the own one gives least.
        let scope = ScopeKind::named(&row.scope).unwrap_or(ScopeKind::Own);
        let permissions = permissions_named(row.permissions.iter().flatten().map(String::as_str));
        Self { role: row.role, name: row.name, scope, permissions, version: row.version }
    }
}

impl CustomRole {
    /// The role as somebody holds it.
    pub(crate) fn held(&self) -> HeldRole {
        HeldRole { name: self.role.clone(), scope: self.scope, permissions: self.permissions.clone() }
    }

    /// With `change` made to it; the version is the store's to count.
    pub(crate) fn with(&self, change: Change) -> Self {
        Self {
            role: self.role.clone(),
            name: change.name.map_or_else(|| self.name.clone(), |name| name.as_str().to_owned()),
            scope: change.scope.unwrap_or(self.scope),
            permissions: change.permissions.unwrap_or_else(|| self.permissions.clone()),
            version: self.version,
        }
    }
}

/// A role to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "role": "planner", "name": "Roster planner", "scope": "unit", "permissions": ["roster.read", "roster.write"],
}))]
pub(crate) struct NewRole {
    /// What it is called on the wire: 2 to 32 lower-case letters, digits and `_`, a letter first.
    role: String,
    /// What people call it, 1 to 200 characters.
    name: String,
    /// What it reaches.
    scope: ScopeKind,
    /// What it allows; at least one.
    permissions: BTreeSet<Permission>,
}

impl NewRole {
    /// Checks every field.
    pub(crate) fn parse(self) -> Result<CustomRole, Fault> {
        let mut fields = Fields::new();
        let role = fields.take("/role", slug(&self.role));
        let name = fields.take("/name", Name::parse(&self.name));
        let permissions = fields.take("/permissions", some(self.permissions));
        let (role, name, permissions) = fields.all((role, name, permissions))?;
        Ok(CustomRole { role, name: name.as_str().to_owned(), scope: self.scope, permissions, version: 1 })
    }
}

/// What to change; an absent field stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"permissions": ["roster.read"]}))]
pub(crate) struct RolePatch {
    name: Option<String>,
    scope: Option<ScopeKind>,
    permissions: Option<BTreeSet<Permission>>,
}

/// A checked [`RolePatch`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    name: Option<Name>,
    scope: Option<ScopeKind>,
    permissions: Option<BTreeSet<Permission>>,
}

impl RolePatch {
    /// Checks every field.
    pub(crate) fn parse(self) -> Result<Change, Fault> {
        let mut fields = Fields::new();
        let name = fields.take_optional("/name", self.name.as_deref().map(Name::parse));
        let permissions = fields.take_optional("/permissions", self.permissions.map(some));
        let (name, permissions) = fields.all((name, permissions))?;
        Ok(Change { name, scope: self.scope, permissions })
    }
}

fn some(permissions: BTreeSet<Permission>) -> Result<BTreeSet<Permission>, Rejection> {
    if permissions.is_empty() {
        return Err(Rejection::new("empty", "must allow something"));
    }
    Ok(permissions)
}

/// The name of a role on the wire, none of the built-in ones.
pub(crate) fn slug(input: &str) -> Result<String, Rejection> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !(2..=32).contains(&input.len())
        || !input.chars().all(plain)
        || !input.starts_with(|c: char| c.is_ascii_lowercase())
    {
        let rule = "must have 2 to 32 lower-case letters, digits and '_', a letter first";
        return Err(Rejection::new("invalid_role", rule));
    }
    if Role::named(input).is_some() {
        return Err(Rejection::new("built_in", "is the name of a built-in role"));
    }
    Ok(input.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_of_ones_own_has_a_plain_name_that_is_not_built_in() {
        for good in ["planner", "a1", "night_shift_2"] {
            assert_eq!(slug(good).unwrap(), good);
        }
        for bad in ["", "a", "Planner", "1a", "_a", "a-b", "rôle", "owner", "auditor", &"x".repeat(33)] {
            assert!(slug(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_later_release_stored_gives_nothing_here() {
        let row = CustomRoleRow {
            role: "planner".into(),
            name: "Planner".into(),
            scope: "galaxy".into(),
            permissions: vec![Some("roster.read".into()), Some("org.destroy".into()), None],
            version: 1,
        };
        let role = CustomRole::from(row);
        assert_eq!((role.scope, role.permissions), (ScopeKind::Own, [Permission::RosterRead].into()));
    }
}
