//! Rights: a closed list of permissions, grants of them with a scope, and one pure function that decides.
//! Org evaluates it on its tables, the other services on their copies; the answer is the same.

use rollcall_ids::{EmployeeId, UnitId};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Everything that can be allowed. A new one is a new variant: an unknown name is refused, never ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Permission {
    /// See the organisation, its units and sites.
    #[serde(rename = "org.read")]
    OrgRead,
    /// Change the organisation, its units and sites.
    #[serde(rename = "org.write")]
    OrgWrite,
    /// See employees in scope.
    #[serde(rename = "employees.read")]
    EmployeesRead,
    /// Add, change and invite employees in scope.
    #[serde(rename = "employees.write")]
    EmployeesWrite,
    /// Give and take roles.
    #[serde(rename = "roles.write")]
    RolesWrite,
    /// Read audit events.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// See punches and workdays of employees in scope.
    #[serde(rename = "attendance.read")]
    AttendanceRead,
    /// Punch for oneself.
    #[serde(rename = "punches.create")]
    PunchesCreate,
    /// Punch on behalf of employees in scope.
    #[serde(rename = "punches.create_for_others")]
    PunchesCreateForOthers,
    /// Import punches up to 400 days back.
    #[serde(rename = "punches.import")]
    PunchesImport,
    /// See shifts.
    #[serde(rename = "shifts.read")]
    ShiftsRead,
    /// Define shifts.
    #[serde(rename = "shifts.write")]
    ShiftsWrite,
    /// See the roster of employees in scope.
    #[serde(rename = "roster.read")]
    RosterRead,
    /// Plan the roster of employees in scope.
    #[serde(rename = "roster.write")]
    RosterWrite,
    /// See balances, requests and kinds of leave of employees in scope.
    #[serde(rename = "leave.read")]
    LeaveRead,
    /// Define types and policies of leave, and enter grants and adjustments.
    #[serde(rename = "leave.write")]
    LeaveWrite,
    /// Decide requests of employees in scope; for the whole organisation also on the second level.
    #[serde(rename = "approvals.decide")]
    ApprovalsDecide,
    /// See periods, their summaries and adjustments.
    #[serde(rename = "periods.read")]
    PeriodsRead,
    /// Lock, reopen and close periods.
    #[serde(rename = "periods.write")]
    PeriodsWrite,
    /// Take attendance out as a file.
    #[serde(rename = "exports.create")]
    ExportsCreate,
    /// See terminals and kiosks.
    #[serde(rename = "devices.read")]
    DevicesRead,
    /// Register, change and shut out terminals and kiosks.
    #[serde(rename = "devices.write")]
    DevicesWrite,
    /// Announce something to employees in scope.
    #[serde(rename = "announcements.write")]
    AnnouncementsWrite,
    /// See webhooks and what was delivered to them.
    #[serde(rename = "webhooks.read")]
    WebhooksRead,
    /// Register and change webhooks, and send again.
    #[serde(rename = "webhooks.write")]
    WebhooksWrite,
}

impl Permission {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 25] = [
        Self::OrgRead,
        Self::OrgWrite,
        Self::EmployeesRead,
        Self::EmployeesWrite,
        Self::RolesWrite,
        Self::AuditRead,
        Self::AttendanceRead,
        Self::PunchesCreate,
        Self::PunchesCreateForOthers,
        Self::PunchesImport,
        Self::ShiftsRead,
        Self::ShiftsWrite,
        Self::RosterRead,
        Self::RosterWrite,
        Self::LeaveRead,
        Self::LeaveWrite,
        Self::ApprovalsDecide,
        Self::PeriodsRead,
        Self::PeriodsWrite,
        Self::ExportsCreate,
        Self::DevicesRead,
        Self::DevicesWrite,
        Self::AnnouncementsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
    ];

    /// The name on the wire and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrgRead => "org.read",
            Self::OrgWrite => "org.write",
            Self::EmployeesRead => "employees.read",
            Self::EmployeesWrite => "employees.write",
            Self::RolesWrite => "roles.write",
            Self::AuditRead => "audit.read",
            Self::AttendanceRead => "attendance.read",
            Self::PunchesCreate => "punches.create",
            Self::PunchesCreateForOthers => "punches.create_for_others",
            Self::PunchesImport => "punches.import",
            Self::ShiftsRead => "shifts.read",
            Self::ShiftsWrite => "shifts.write",
            Self::RosterRead => "roster.read",
            Self::RosterWrite => "roster.write",
            Self::LeaveRead => "leave.read",
            Self::LeaveWrite => "leave.write",
            Self::ApprovalsDecide => "approvals.decide",
            Self::PeriodsRead => "periods.read",
            Self::PeriodsWrite => "periods.write",
            Self::ExportsCreate => "exports.create",
            Self::DevicesRead => "devices.read",
            Self::DevicesWrite => "devices.write",
            Self::AnnouncementsWrite => "announcements.write",
            Self::WebhooksRead => "webhooks.read",
            Self::WebhooksWrite => "webhooks.write",
        }
    }
}

/// To whom a grant reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scope {
    /// The whole organisation.
    Org,
    /// A unit and all below it, plus the direct reports of the holder.
    Unit {
        /// Top of the subtree; none: the direct reports alone.
        unit_id: Option<UnitId>,
    },
    /// The holder alone.
    #[serde(rename = "self")]
    Own,
    /// One that a newer org knows and this binary does not: it reaches nobody.
    #[serde(other)]
    Unknown,
}

/// Permissions that hold within one scope; what a role of an employee comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Name of the role it comes from, for people to read.
    pub role: String,
    /// What may be done.
    #[serde(deserialize_with = "known")]
    pub permissions: BTreeSet<Permission>,
    /// To whom.
    pub scope: Scope,
}

/// Leaves out permissions that a newer org knows and this binary does not: what it cannot check it does not give. org is
/// released before those who hear it, and a binary that is rolled back reads what its successor wrote.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Permission>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let known = |name: &String| Permission::ALL.into_iter().find(|permission| permission.name() == name);
    Ok(names.iter().filter_map(known).collect())
}

/// The employee that an act would touch, on the date of the act.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Who.
    pub employee_id: EmployeeId,
    /// Their direct manager.
    pub manager_id: Option<EmployeeId>,
    /// Their unit and every unit above it, in any order.
    pub unit_and_above: &'a [UnitId],
}

/// Whether `holder` with `grants` may use `permission` on `target`.
pub fn may(holder: EmployeeId, grants: &[Grant], permission: Permission, target: Target<'_>) -> bool {
    grants.iter().filter(|grant| grant.permissions.contains(&permission)).any(|grant| match &grant.scope {
        Scope::Org => true,
        Scope::Unit { unit_id } => {
            target.manager_id == Some(holder) || unit_id.is_some_and(|unit| target.unit_and_above.contains(&unit))
        }
        Scope::Own => target.employee_id == holder,
        Scope::Unknown => false,
    })
}

/// Whether `grants` allow `permission` on the whole organisation: what an act that touches no single
/// employee asks for.
pub fn may_in_org(grants: &[Grant], permission: Permission) -> bool {
    grants.iter().any(|grant| grant.scope == Scope::Org && grant.permissions.contains(&permission))
}

/// Whether `grants` hold `permission` in any scope, for resources that every member shares (shifts, sites).
pub fn may_somewhere(grants: &[Grant], permission: Permission) -> bool {
    grants.iter().any(|grant| grant.permissions.contains(&permission))
}

/// Whether `grants` hold `permission` for anybody but the holder.
pub fn may_for_others(grants: &[Grant], permission: Permission) -> bool {
    let reaches_others = |grant: &&Grant| matches!(grant.scope, Scope::Org | Scope::Unit { .. });
    grants.iter().filter(reaches_others).any(|grant| grant.permissions.contains(&permission))
}

/// Everybody whom a permission reaches, as conditions that a query can carry: what [`may`] answers for one
/// employee, for a list. The two agree for every target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The whole organisation; the rest then adds nothing.
    pub everyone: bool,
    /// The holder.
    pub own: bool,
    /// Whoever has the holder as direct manager.
    pub reports: bool,
    /// Whoever works in one of these units or below it.
    pub tops: BTreeSet<UnitId>,
}

impl Reach {
    /// Whom `grants` let their holder use `permission` on.
    pub fn of(grants: &[Grant], permission: Permission) -> Self {
        let mut reach = Self::default();
        for grant in grants.iter().filter(|grant| grant.permissions.contains(&permission)) {
            match &grant.scope {
                Scope::Org => reach.everyone = true,
                Scope::Unit { unit_id } => {
                    reach.reports = true;
                    reach.tops.extend(*unit_id);
                }
                Scope::Own => reach.own = true,
                Scope::Unknown => {}
            }
        }
        reach
    }

    /// Whether it reaches nobody at all.
    pub fn is_nobody(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A few units and people, so that random grants and targets meet.
    fn unit() -> impl Strategy<Value = UnitId> {
        (1u128..6).prop_map(uuid)
    }

    fn person() -> impl Strategy<Value = EmployeeId> {
        (1u128..4).prop_map(uuid)
    }

    fn uuid<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u128) -> T {
        format!("00000000-0000-7000-8000-{n:012x}").parse().unwrap()
    }

    fn scope() -> impl Strategy<Value = Scope> {
        prop_oneof![
            Just(Scope::Org),
            proptest::option::of(unit()).prop_map(|unit_id| Scope::Unit { unit_id }),
            Just(Scope::Own),
        ]
    }

    fn permission() -> impl Strategy<Value = Permission> {
        proptest::sample::select(&Permission::ALL[..3])
    }

    fn grants() -> impl Strategy<Value = Vec<Grant>> {
        let grant = (proptest::collection::btree_set(permission(), 0..3), scope())
            .prop_map(|(permissions, scope)| Grant { role: "any".into(), permissions, scope });
        proptest::collection::vec(grant, 0..4)
    }

    /// A target with its line of units, top last.
    fn target() -> impl Strategy<Value = (EmployeeId, Option<EmployeeId>, Vec<UnitId>)> {
        (person(), proptest::option::of(person()), proptest::collection::vec(unit(), 0..4))
    }

    proptest! {
        #[test]
        fn what_is_not_granted_is_not_allowed(
            holder in person(), grants in grants(), (employee_id, manager_id, line) in target(),
        ) {
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            prop_assert!(!may(holder, &grants, Permission::RosterWrite, target));
            prop_assert!(!may(holder, &[], Permission::OrgRead, target));
        }

        #[test]
        fn another_grant_never_takes_a_right_away(
            holder in person(), mut grants in grants(), more in grants(), permission in permission(),
            (employee_id, manager_id, line) in target(),
        ) {
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            let before = may(holder, &grants, permission, target);
            grants.extend(more);
            prop_assert!(may(holder, &grants, permission, target) || !before);
        }

        #[test]
        fn the_order_of_grants_does_not_matter(
            holder in person(), mut grants in grants(), permission in permission(),
            (employee_id, manager_id, line) in target(),
        ) {
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            let forward = may(holder, &grants, permission, target);
            grants.reverse();
            prop_assert_eq!(may(holder, &grants, permission, target), forward);
        }

        #[test]
        fn a_right_in_the_org_is_a_right_on_everyone(
            holder in person(), grants in grants(), permission in permission(),
            (employee_id, manager_id, line) in target(),
        ) {
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            if may_in_org(&grants, permission) {
                prop_assert!(may(holder, &grants, permission, target));
            }
            if may(holder, &grants, permission, target) {
                prop_assert!(may_somewhere(&grants, permission));
            }
        }

        #[test]
        fn outside_ones_units_reports_and_self_a_unit_scope_reaches_nobody(
            holder in person(), top in proptest::option::of(unit()),
            (employee_id, manager_id, line) in target(),
        ) {
            let grants = [Grant {
                role: "manager".into(),
                permissions: [Permission::EmployeesRead].into(),
                scope: Scope::Unit { unit_id: top },
            }];
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            let inside = manager_id == Some(holder) || top.is_some_and(|top| line.contains(&top));
            prop_assert_eq!(may(holder, &grants, Permission::EmployeesRead, target), inside);
        }

        #[test]
        fn a_list_reaches_exactly_those_whom_may_allows(
            holder in person(), grants in grants(), permission in permission(),
            (employee_id, manager_id, line) in target(),
        ) {
            let reach = Reach::of(&grants, permission);
            let listed = reach.everyone
                || (reach.own && employee_id == holder)
                || (reach.reports && manager_id == Some(holder))
                || line.iter().any(|unit| reach.tops.contains(unit));
            let target = Target { employee_id, manager_id, unit_and_above: &line };
            prop_assert_eq!(may(holder, &grants, permission, target), listed);
            prop_assert!(!(reach.is_nobody() && listed));
        }
    }

    #[test]
    fn every_permission_is_listed_once_and_named_as_on_the_wire() {
        let distinct: BTreeSet<_> = Permission::ALL.into_iter().collect();
        assert_eq!(distinct.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }

    #[test]
    fn an_unknown_permission_is_refused_not_ignored() {
        assert!(serde_json::from_str::<Permission>("\"org.destroy\"").is_err());
    }

    #[test]
    fn scopes_have_the_documented_wire_form() {
        let unit_id: UnitId = uuid(7);
        for (scope, wire) in [
            (Scope::Org, serde_json::json!({"kind": "org"})),
            (Scope::Unit { unit_id: Some(unit_id) }, serde_json::json!({"kind": "unit", "unit_id": unit_id})),
            (Scope::Own, serde_json::json!({"kind": "self"})),
        ] {
            assert_eq!(serde_json::to_value(&scope).unwrap(), wire);
            assert_eq!(serde_json::from_value::<Scope>(wire).unwrap(), scope);
        }
    }

    #[test]
    fn what_a_newer_org_gives_and_this_binary_does_not_know_gives_nothing() {
        let grant = serde_json::json!({
            "role": "owner", "permissions": ["org.read", "moon.walk"], "scope": {"kind": "galaxy", "arm": 3},
        });
        let grant: Grant = serde_json::from_value(grant).unwrap();
        assert_eq!(grant.permissions, BTreeSet::from([Permission::OrgRead]));
        assert_eq!(grant.scope, Scope::Unknown);
        assert!(!may_in_org(&[grant], Permission::OrgRead));
    }
}
