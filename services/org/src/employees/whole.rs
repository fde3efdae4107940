//! An employee with everything that belongs to them in one statement, be it of one employee or of a page of them:
//! what stands in other tables comes along as JSON, each part found by an index that starts with the organisation.

use crate::employees::domain::{Assignment, Dossier, Employee, EmploymentType};
use crate::error::Error;
use crate::roles::domain::{HeldRole, Role, ScopeKind, permissions_named};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Uuid};
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use serde::Deserialize;
use serde_json::Value;

const ASSIGNMENTS: &str = "coalesce((SELECT jsonb_agg(to_jsonb(a) ORDER BY a.valid_from) FROM assignments a \
    WHERE a.org_id = employees.org_id AND a.employee_id = employees.employee_id), '[]')";
const ROLES: &str = "coalesce((SELECT jsonb_agg(jsonb_build_object('role', r.role, 'scope', c.scope, \
    'permissions', c.permissions) ORDER BY r.role) \
    FROM employee_roles r LEFT JOIN custom_roles c ON c.org_id = r.org_id AND c.role = r.role \
    WHERE r.org_id = employees.org_id AND r.employee_id = employees.employee_id), '[]')";
const HEADED: &str = "coalesce((SELECT array_agg(u.unit_id ORDER BY u.unit_id) FROM units u \
    WHERE u.org_id = employees.org_id AND u.head_employee_id = employees.employee_id AND u.removed_at IS NULL), '{}')";

type Columns = (diesel::dsl::AsSelect<Employee, Pg>, SqlLiteral<Jsonb>, SqlLiteral<Jsonb>, SqlLiteral<Array<Uuid>>);

/// The parts of a dossier as they come from the database.
#[derive(Queryable)]
pub(crate) struct Whole {
    employee: Employee,
    assignments: Value,
    roles: Value,
    headed: Vec<UnitId>,
}

/// An assignment in the JSON of a row.
#[derive(Deserialize)]
struct AssignmentPart {
    assignment_id: AssignmentId,
    employee_id: EmployeeId,
    unit_id: UnitId,
    site_id: SiteId,
    manager_id: Option<EmployeeId>,
    position: Option<String>,
    employment_type: String,
    valid_from: Date,
    valid_to: Option<Date>,
}

/// A role in the JSON of a row; scope and permissions when it is one of the organisation's own.
#[derive(Deserialize)]
struct RolePart {
    role: String,
    scope: Option<String>,
    permissions: Option<Vec<String>>,
}

impl Whole {
    /// What to select from `employees`.
    pub(crate) fn select() -> Columns {
        (Employee::as_select(), sql(ASSIGNMENTS), sql(ROLES), sql(HEADED))
    }

    /// The dossier that the parts make up.
    pub(crate) fn dossier(self) -> Result<Dossier, Error> {
        let assignments: Vec<AssignmentPart> = serde_json::from_value(self.assignments).map_err(Fault::internal)?;
        let roles: Vec<RolePart> = serde_json::from_value(self.roles).map_err(Fault::internal)?;
        Ok(Dossier {
            employee: self.employee,
            assignments: assignments.into_iter().map(AssignmentPart::assignment).collect(),
            // A role that this release does not know gives nothing.
            roles: roles.into_iter().filter_map(RolePart::held).collect(),
            headed: self.headed,
        })
    }
}

impl AssignmentPart {
    fn assignment(self) -> Assignment {
        Assignment {
            assignment_id: self.assignment_id,
            employee_id: self.employee_id,
            unit_id: self.unit_id,
            site_id: self.site_id,
            manager_id: self.manager_id,
            position: self.position,
            employment_type: EmploymentType::from(self.employment_type),
            valid_from: self.valid_from,
            valid_to: self.valid_to,
        }
    }
}

impl RolePart {
    fn held(self) -> Option<HeldRole> {
        // The names of the built-in ones are theirs alone.
        if let Some(role) = Role::named(&self.role) {
            return Some(role.into());
        }
        let permissions = permissions_named(self.permissions?.iter().map(String::as_str));
        Some(HeldRole { name: self.role, scope: ScopeKind::named(&self.scope?)?, permissions })
    }
}
