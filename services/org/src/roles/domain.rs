//! The built-in roles: sets of permissions with a scope. A table, so that who may do what is read in one place;
//! the same table stands in the README of the service, and a test compares the two.

use rollcall_ids::UnitId;
use rollcall_org_api::rights::{self, Grant, Permission, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A built-in role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// May do everything. There is always one who can sign in.
    Owner,
    /// Runs personnel and attendance for the whole organisation.
    HrAdmin,
    /// Leads the units they head and all below, and whoever reports to them.
    Manager,
    /// Sees and punches for themselves.
    Employee,
    /// Reads everything, writes nothing.
    Auditor,
}

/// What a role reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeKind {
    /// The whole organisation.
    Org,
    /// The units the holder heads and all below, plus their direct reports.
    Unit,
    /// The holder alone.
    #[serde(rename = "self")]
    Own,
}

impl ScopeKind {
    /// The name on the wire and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Unit => "unit",
            Self::Own => "self",
        }
    }

    /// The scope of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Org, Self::Unit, Self::Own].into_iter().find(|scope| scope.name() == name)
    }
}

/// A role as somebody holds it, built in or made by the organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldRole {
    /// Its name on the wire and in the database.
    pub(crate) name: String,
    /// What it reaches.
    pub(crate) scope: ScopeKind,
    /// What it allows.
    pub(crate) permissions: BTreeSet<Permission>,
}

impl From<Role> for HeldRole {
    fn from(role: Role) -> Self {
        let permissions = role.permissions().iter().copied().collect();
        Self { name: role.name().to_owned(), scope: role.scope(), permissions }
    }
}

/// The permissions of these names; one that this release does not know gives nothing.
pub(crate) fn permissions_named<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<Permission> {
    let known = |name: &str| Permission::ALL.into_iter().find(|permission| permission.name() == name);
    names.into_iter().filter_map(known).collect()
}

use Permission::{
    AnnouncementsWrite, ApprovalsDecide, AttendanceRead, AuditRead, DevicesRead, DevicesWrite, EmployeesRead,
    EmployeesWrite, ExportsCreate, LeaveRead, LeaveWrite, OrgRead, OrgWrite, PeriodsRead, PeriodsWrite, PunchesCreate,
    PunchesCreateForOthers, PunchesImport, RolesWrite, RosterRead, RosterWrite, ShiftsRead, ShiftsWrite, WebhooksRead,
    WebhooksWrite,
};

impl Role {
    /// All of them, the mightiest first.
    pub(crate) const ALL: [Self; 5] = [Self::Owner, Self::HrAdmin, Self::Manager, Self::Employee, Self::Auditor];

    /// The name on the wire and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::HrAdmin => "hr_admin",
            Self::Manager => "manager",
            Self::Employee => "employee",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What it reaches.
    pub(crate) const fn scope(self) -> ScopeKind {
        match self {
            Self::Owner | Self::HrAdmin | Self::Auditor => ScopeKind::Org,
            Self::Manager => ScopeKind::Unit,
            Self::Employee => ScopeKind::Own,
        }
    }

    /// What it allows.
    pub(crate) const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner => &Permission::ALL,
            // Not audit.read: those whose acts are recorded do not choose who reads the record.
            Self::HrAdmin => &[
                OrgRead,
                OrgWrite,
                EmployeesRead,
                EmployeesWrite,
                RolesWrite,
                AttendanceRead,
                PunchesCreate,
                PunchesCreateForOthers,
                PunchesImport,
                ShiftsRead,
                ShiftsWrite,
                RosterRead,
                RosterWrite,
                LeaveRead,
                LeaveWrite,
                ApprovalsDecide,
                PeriodsRead,
                PeriodsWrite,
                ExportsCreate,
                DevicesRead,
                DevicesWrite,
                AnnouncementsWrite,
                WebhooksRead,
                WebhooksWrite,
            ],
            Self::Manager => &[
                OrgRead,
                EmployeesRead,
                AttendanceRead,
                PunchesCreateForOthers,
                ShiftsRead,
                RosterRead,
                RosterWrite,
                LeaveRead,
                ApprovalsDecide,
                PeriodsRead,
                AnnouncementsWrite,
            ],
            Self::Employee => {
                &[OrgRead, EmployeesRead, AttendanceRead, PunchesCreate, ShiftsRead, RosterRead, LeaveRead]
            }
            Self::Auditor => &[
                OrgRead,
                EmployeesRead,
                AuditRead,
                AttendanceRead,
                ShiftsRead,
                RosterRead,
                LeaveRead,
                PeriodsRead,
                ExportsCreate,
                DevicesRead,
                WebhooksRead,
            ],
        }
    }
}

impl HeldRole {
    /// Whether somebody with `grants` may give or take this role: they must hold roles.write and everything the
    /// role allows, on the whole organisation. So nobody rises by a role they hand out, and only an owner makes
    /// an owner or an auditor.
    pub(crate) fn may_be_given_by(&self, grants: &[Grant]) -> bool {
        rights::may_in_org(grants, RolesWrite)
            && self.permissions.iter().all(|permission| rights::may_in_org(grants, *permission))
    }
}

/// Whether somebody with `grants` may decide who gets to the account of a holder of `roles`, and until when they work
/// here: they must hold all that the roles allow themselves, for the whole organisation what a role allows for the whole of
/// it, and for others what one of units allows; which units is not compared. Otherwise a role that one may not give could be
/// had by sending its holder's invitation to oneself, and one that one may not take by letting its holder go.
pub(crate) fn within(roles: &[HeldRole], grants: &[Grant]) -> bool {
    let hold = |scope: ScopeKind, permission: Permission| match scope {
        ScopeKind::Org => rights::may_in_org(grants, permission),
        ScopeKind::Unit => rights::may_for_others(grants, permission),
        ScopeKind::Own => rights::may_somewhere(grants, permission),
    };
    roles.iter().all(|role| role.permissions.iter().all(|permission| hold(role.scope, *permission)))
}

/// What `roles` come to for somebody who heads `headed`. One grant per role, and one per headed unit for a role
/// whose scope is units; a head of no unit keeps their direct reports.
pub(crate) fn grants(roles: &[HeldRole], headed: &[UnitId]) -> Vec<Grant> {
    roles
        .iter()
        .flat_map(|role| {
            let scopes = match role.scope {
                ScopeKind::Org => vec![Scope::Org],
                ScopeKind::Own => vec![Scope::Own],
                ScopeKind::Unit if headed.is_empty() => vec![Scope::Unit { unit_id: None }],
                ScopeKind::Unit => headed.iter().map(|unit| Scope::Unit { unit_id: Some(*unit) }).collect(),
            };
            scopes.into_iter().map(|scope| Grant {
                role: role.name.clone(),
                permissions: role.permissions.clone(),
                scope,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the README, from the code.
    fn table() -> String {
        let mut lines = vec![
            format!("| permission | {} |", Role::ALL.map(Role::name).join(" | ")),
            format!("|---|{}", "---|".repeat(Role::ALL.len())),
        ];
        for permission in Permission::ALL {
            let cells =
                Role::ALL.map(|role| if role.permissions().contains(&permission) { role.scope().name() } else { "–" });
            lines.push(format!("| `{}` | {} |", permission.name(), cells.join(" | ")));
        }
        lines.join("\n")
    }

    #[test]
    fn the_readme_shows_what_each_role_may_do() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "put this table into README.md:\n{}", table());
    }

    #[test]
    fn a_role_is_found_by_the_name_it_has_on_the_wire() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert_eq!(Role::named("root"), None);
    }

    #[test]
    fn nobody_rises_by_a_role_they_give() {
        let may_give = |role: Role| {
            let grants = grants(&[role.into()], &[]);
            Role::ALL.into_iter().filter(|given| HeldRole::from(*given).may_be_given_by(&grants)).collect::<Vec<_>>()
        };
        assert_eq!(may_give(Role::Owner), Role::ALL);
        assert_eq!(may_give(Role::HrAdmin), [Role::HrAdmin, Role::Manager, Role::Employee]);
        for role in [Role::Manager, Role::Employee, Role::Auditor] {
            assert_eq!(may_give(role), []);
        }
    }

    #[test]
    fn only_an_owner_decides_over_owners_and_auditors() {
        let decides =
            |over: Role, decider: Role| within(&[Role::Employee.into(), over.into()], &grants(&[decider.into()], &[]));
        for over in Role::ALL {
            assert!(decides(over, Role::Owner));
            assert_eq!(decides(over, Role::HrAdmin), !matches!(over, Role::Owner | Role::Auditor));
        }
    }

    #[test]
    fn who_reaches_a_part_decides_over_nobody_who_reaches_more() {
        let hr = [HeldRole::from(Role::HrAdmin)];
        let of = |scope: ScopeKind| [HeldRole { name: "own".into(), scope, ..hr[0].clone() }];
        let (local, own) = (of(ScopeKind::Unit), of(ScopeKind::Own));
        let lesser: [HeldRole; 2] = [Role::Manager.into(), Role::Employee.into()];
        for decider in [grants(&local, &[UnitId::generate()]), grants(&local, &[])] {
            assert!(!within(&hr, &decider));
            assert!(within(&local, &decider) && within(&own, &decider) && within(&lesser, &decider));
        }
        let alone = grants(&own, &[]);
        assert!(!within(&hr, &alone) && !within(&local, &alone) && !within(&lesser, &alone));
        assert!(within(&own, &alone));
        // What one role gives for a part another may give for the whole.
        let both = grants(&[local[0].clone(), Role::HrAdmin.into()], &[]);
        assert!(within(&hr, &both));
    }

    #[test]
    fn an_auditor_can_change_nothing() {
        let writes = [
            OrgWrite,
            EmployeesWrite,
            RolesWrite,
            PunchesCreate,
            PunchesCreateForOthers,
            PunchesImport,
            ShiftsWrite,
            RosterWrite,
            LeaveWrite,
            ApprovalsDecide,
            PeriodsWrite,
            DevicesWrite,
            AnnouncementsWrite,
            WebhooksWrite,
        ];
        assert!(Role::Auditor.permissions().iter().all(|permission| !writes.contains(permission)));
    }

    #[test]
    fn a_manager_reaches_each_unit_they_head_or_else_their_reports_alone() {
        let units = [UnitId::generate(), UnitId::generate()];
        let scopes = |headed: &[UnitId]| {
            grants(&[Role::Manager.into()], headed).into_iter().map(|grant| grant.scope).collect::<Vec<_>>()
        };
        assert_eq!(scopes(&[]), [Scope::Unit { unit_id: None }]);
        assert_eq!(scopes(&units), units.map(|unit| Scope::Unit { unit_id: Some(unit) }));
    }
}
