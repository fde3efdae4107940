//! Rights: a closed list of permissions, grants of them with a scope, and one pure function that decides.
//! Org evaluates it on its tables, the other services on their copies; the answer is the same.

use rollcall_ids::{EmployeeId, UnitId};
use serde::{Deserialize, Serialize};
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
}

/// Permissions that hold within one scope; what a role of an employee comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Name of the role it comes from, for people to read.
    pub role: String,
    /// What may be done.
    pub permissions: BTreeSet<Permission>,
    /// To whom.
    pub scope: Scope,
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
            target.manager_id == Some(holder)
                || unit_id.is_some_and(|unit| target.unit_and_above.contains(&unit))
        }
        Scope::Own => target.employee_id == holder,
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
