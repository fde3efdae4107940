//! An employee: who they are here, from when to when, where they work, and what they may do.

use crate::roles::domain::{self as roles, HeldRole};
use diesel::prelude::*;
use jiff::civil::Date;
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId, UserId};
use rollcall_org_api::facts::{AssignmentFact, EmployeeFact, EmployeeStatus};
use rollcall_org_api::rights::Grant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How somebody is employed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmploymentType {
    FullTime,
    PartTime,
    Temporary,
    Intern,
    Contractor,
}

impl EmploymentType {
    const ALL: [(Self, &'static str); 5] = [
        (Self::FullTime, "full_time"),
        (Self::PartTime, "part_time"),
        (Self::Temporary, "temporary"),
        (Self::Intern, "intern"),
        (Self::Contractor, "contractor"),
    ];

    /// The name in the database.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("full_time", |(_, name)| name)
    }
}

impl From<String> for EmploymentType {
    /// A name that a later release stored counts as the default: a binary that was rolled back still reads.
    fn from(stored: String) -> Self {
        Self::ALL.into_iter().find(|(_, name)| *name == stored).map_or(Self::FullTime, |(kind, _)| kind)
    }
}

/// An employee's own row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::schema::employees)]
pub(crate) struct Employee {
    pub(crate) employee_id: EmployeeId,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) user_id: Option<UserId>,
    #[diesel(deserialize_as = jiff_diesel::Date)]
    pub(crate) hired_on: Date,
    #[diesel(deserialize_as = jiff_diesel::NullableDate)]
    pub(crate) left_on: Option<Date>,
    pub(crate) version: i64,
}

impl Employee {
    /// Whether the invitation of somebody without an account would go elsewhere, were they `changed`.
    pub(crate) fn is_readdressed_as(&self, changed: &Self) -> bool {
        self.user_id.is_none() && self.email != changed.email
    }
}

/// Where somebody works, from a day to a day.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::assignments)]
pub(crate) struct Assignment {
    /// Its id.
    pub(crate) assignment_id: AssignmentId,
    #[serde(skip)]
    pub(crate) employee_id: EmployeeId,
    /// The department.
    pub(crate) unit_id: UnitId,
    /// The place, which gives the time zone.
    pub(crate) site_id: SiteId,
    /// The direct manager.
    pub(crate) manager_id: Option<EmployeeId>,
    /// Job title.
    #[schema(example = "Picker")]
    pub(crate) position: Option<String>,
    /// How they are employed.
    #[diesel(deserialize_as = String)]
    pub(crate) employment_type: EmploymentType,
    /// First day it holds.
    #[diesel(deserialize_as = jiff_diesel::Date)]
    #[schema(value_type = String, format = Date, example = "2026-01-05")]
    pub(crate) valid_from: Date,
    /// Last day it holds, included; none: until further notice.
    #[diesel(deserialize_as = jiff_diesel::NullableDate)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(crate) valid_to: Option<Date>,
}

impl Assignment {
    /// Whether it holds on `date`.
    pub(crate) fn holds_on(&self, date: Date) -> bool {
        self.valid_from <= date && self.valid_to.is_none_or(|to| date <= to)
    }
}

/// An employee with everything that depends on them alone: one aggregate, one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dossier {
    pub(crate) employee: Employee,
    /// Ordered by `valid_from`, never two on one day.
    pub(crate) assignments: Vec<Assignment>,
    /// Ordered by name.
    pub(crate) roles: Vec<HeldRole>,
    /// The units they head.
    pub(crate) headed: Vec<UnitId>,
}

impl Dossier {
    /// The assignment that holds on `date`.
    pub(crate) fn assignment_on(&self, date: Date) -> Option<&Assignment> {
        self.assignments.iter().find(|assignment| assignment.holds_on(date))
    }

    /// Whether they are employed on `date`.
    pub(crate) fn works_on(&self, date: Date) -> bool {
        self.employee.hired_on <= date && self.employee.left_on.is_none_or(|left| date <= left)
    }

    /// Whether they work here, seen from `today`: somebody who has not started yet does, somebody whose last day
    /// is over does not.
    pub(crate) fn status(&self, today: Date) -> EmployeeStatus {
        match self.employee.left_on {
            Some(left) if left < today => EmployeeStatus::Left,
            _ => EmployeeStatus::Active,
        }
    }

    /// What they may do, and to whom.
    pub(crate) fn grants(&self) -> Vec<Grant> {
        roles::grants(&self.roles, &self.headed)
    }

    /// What other services see of them.
    pub(crate) fn fact(&self, today: Date) -> EmployeeFact {
        let Employee { employee_id, number, name, email, user_id, hired_on, left_on, version } = self.employee.clone();
        let assignments = self.assignments.iter().map(|a| AssignmentFact {
            assignment_id: a.assignment_id,
            unit_id: a.unit_id,
            site_id: a.site_id,
            manager_id: a.manager_id,
            position: a.position.clone(),
            valid_from: a.valid_from,
            valid_to: a.valid_to,
        });
        EmployeeFact {
            employee_id,
            number,
            name,
            email,
            user_id,
            status: self.status(today),
            hired_on,
            left_on,
            assignments: assignments.collect(),
            grants: self.grants(),
            version,
        }
    }

    /// What clients see of them as of `date`: where they worked on that day alone.
    pub(crate) fn view_as_of(&self, date: Date) -> EmployeeView {
        let assignments = self.assignment_on(date).cloned().into_iter().collect();
        EmployeeView { assignments, ..self.view(date) }
    }

    /// What clients see of them.
    pub(crate) fn view(&self, today: Date) -> EmployeeView {
        let Employee { employee_id, number, name, email, user_id, hired_on, left_on, version } = self.employee.clone();
        EmployeeView {
            employee_id,
            number,
            name,
            email,
            user_id,
            status: self.status(today),
            hired_on,
            left_on,
            roles: self.roles.iter().map(|role| role.name.clone()).collect(),
            assignments: self.assignments.clone(),
            version,
        }
    }
}

/// An employee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Employee, example = json!({
    "employee_id": "01890a5d-ac96-774b-bcce-b302099a8053", "number": "1001", "name": "Ada Lovelace", "email": "ada@example.org",
    "user_id": "01890a5d-ac96-774b-bcce-b302099a8054", "status": "active", "hired_on": "2026-01-05", "left_on": null,
    "roles": ["employee", "manager"],
    "assignments": [{
        "assignment_id": "01890a5d-ac96-774b-bcce-b302099a8055", "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "manager_id": null,
        "position": "Picker", "employment_type": "full_time", "valid_from": "2026-01-05", "valid_to": null,
    }],
    "version": 1,
}))]
pub(crate) struct EmployeeView {
    /// Their id.
    pub(crate) employee_id: EmployeeId,
    /// Number in the organisation, unique there.
    #[schema(example = "1001")]
    pub(crate) number: String,
    /// Name as they write it.
    #[schema(example = "Ada Lovelace")]
    pub(crate) name: String,
    /// Where mail reaches them.
    #[schema(example = "ada@example.org")]
    pub(crate) email: Option<String>,
    /// The account that is linked to them by an accepted invitation.
    pub(crate) user_id: Option<UserId>,
    /// `active` until the last day is over, then `left`.
    pub(crate) status: EmployeeStatus,
    /// First day of work.
    #[schema(value_type = String, format = Date, example = "2026-01-05")]
    pub(crate) hired_on: Date,
    /// Last day of work, included.
    #[schema(value_type = Option<String>, format = Date)]
    pub(crate) left_on: Option<Date>,
    /// Names of the roles they hold, built in or the organisation's own.
    pub(crate) roles: Vec<String>,
    /// Where they work, ordered by `valid_from`.
    pub(crate) assignments: Vec<Assignment>,
    /// Ascends with each change; the value of `ETag`.
    #[schema(example = 1)]
    pub(crate) version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::domain::Role;
    use jiff::civil::date;

    fn dossier(left_on: Option<Date>) -> Dossier {
        Dossier {
            employee: Employee {
                employee_id: EmployeeId::generate(),
                number: "7".into(),
                name: "Ada".into(),
                email: None,
                user_id: None,
                hired_on: date(2026, 1, 5),
                left_on,
                version: 1,
            },
            assignments: vec![],
            roles: vec![Role::Employee.into(), Role::Manager.into()],
            headed: vec![],
        }
    }

    #[test]
    fn somebody_has_left_on_the_day_after_their_last() {
        let leaving = dossier(Some(date(2026, 6, 30)));
        assert_eq!(leaving.status(date(2026, 6, 30)), EmployeeStatus::Active);
        assert!(leaving.works_on(date(2026, 6, 30)));
        assert_eq!(leaving.status(date(2026, 7, 1)), EmployeeStatus::Left);
        assert!(!leaving.works_on(date(2026, 7, 1)));
        assert_eq!(dossier(None).status(date(2199, 1, 1)), EmployeeStatus::Active);
    }

    #[test]
    fn the_fact_and_the_view_tell_the_same() {
        let today = date(2026, 2, 1);
        let dossier = dossier(None);
        let (fact, view) = (dossier.fact(today), dossier.view(today));
        assert_eq!((fact.employee_id, fact.version, fact.status), (view.employee_id, view.version, view.status));
        assert_eq!(fact.grants, roles::grants(&dossier.roles, &[]));
        assert_eq!(view.roles, ["employee", "manager"]);
    }

    #[test]
    fn the_stored_name_of_a_type_is_its_wire_name() {
        for (kind, name) in EmploymentType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
            assert_eq!(EmploymentType::from(kind.name().to_owned()), kind);
        }
    }
}
