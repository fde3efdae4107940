//! What may be said about an employee from outside, checked.

use crate::employees::domain::{Dossier, Employee, EmploymentType};
use crate::values::{EmailAddress, PersonName, Position, present};
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{EmployeeId, SiteId, UnitId};
use serde::Deserialize;
use utoipa::ToSchema;

/// An employee to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "number": "1001", "name": "Ada Lovelace", "email": "ada@example.org", "hired_on": "2026-01-05", "invite": true,
}))]
pub(crate) struct NewEmployee {
    /// Number, unique in the organisation: 1 to 32 letters, digits, `-`, `_`, `.` or `/`.
    number: String,
    /// Name, 1 to 200 characters.
    name: String,
    /// Where mail reaches them; needed to invite.
    email: Option<String>,
    /// First day of work.
    #[schema(value_type = String, format = Date)]
    hired_on: Date,
    /// Last day of work, included.
    #[schema(value_type = Option<String>, format = Date)]
    left_on: Option<Date>,
    /// Where they work from `hired_on`; by default in the root unit at the first site.
    assignment: Option<NewAssignment>,
    /// Whether to send an invitation at once.
    #[serde(default)]
    invite: bool,
}

/// Where a new employee works.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignment {
    /// The department; by default the root unit.
    unit_id: Option<UnitId>,
    /// The place; by default the first site.
    site_id: Option<SiteId>,
    /// The direct manager.
    manager_id: Option<EmployeeId>,
    /// Job title, 1 to 200 characters.
    position: Option<String>,
    /// How they are employed; by default full time.
    employment_type: Option<EmploymentType>,
}

/// A checked [`NewEmployee`].
#[derive(Clone, Debug)]
pub(crate) struct Hire {
    pub(crate) number: EmployeeNumber,
    pub(crate) name: PersonName,
    pub(crate) email: Option<EmailAddress>,
    pub(crate) hired_on: Date,
    pub(crate) left_on: Option<Date>,
    pub(crate) position: Option<Position>,
    pub(crate) employment_type: EmploymentType,
    pub(crate) invite: bool,
}

impl NewEmployee {
    /// The unit, the site and the manager that it names; whether they are there is not known here.
    pub(crate) fn named(&self) -> (Option<UnitId>, Option<SiteId>, Option<EmployeeId>) {
        let named = |assignment: &NewAssignment| (assignment.unit_id, assignment.site_id, assignment.manager_id);
        self.assignment.as_ref().map(named).unwrap_or_default()
    }

    /// Checks every field but those of [`NewEmployee::named`]; counts only if nothing is noted in `fields`.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Hire> {
        let assignment = self.assignment.clone().unwrap_or_default();
        let number = fields.take("/number", EmployeeNumber::parse(&self.number));
        let name = fields.take("/name", PersonName::parse(&self.name));
        let email = fields.take_optional("/email", self.email.as_deref().map(EmailAddress::parse));
        let hired_on = fields.take("/hired_on", validate::date(self.hired_on));
        let left_on = fields.take_optional("/left_on", self.left_on.map(validate::date));
        let position =
            fields.take_optional("/assignment/position", assignment.position.as_deref().map(Position::parse));
        if self.invite && self.email.is_none() {
            fields.reject("/email", Rejection::new("required", "an invitation needs an address to go to"));
        }
        check_order(fields, self.hired_on, self.left_on);
        Some(Hire {
            number: number?,
            name: name?,
            email: email?,
            hired_on: hired_on?,
            left_on: left_on?,
            position: position?,
            employment_type: assignment.employment_type.unwrap_or(EmploymentType::FullTime),
            invite: self.invite,
        })
    }
}

/// What to change; an absent field stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"left_on": "2026-12-31"}))]
pub(crate) struct EmployeePatch {
    number: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[schema(value_type = Option<String>, format = Date)]
    hired_on: Option<Date>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Date)]
    left_on: Option<Option<Date>>,
}

impl EmployeePatch {
    /// Whether it moves the first or the last day, on which rights depend.
    pub(crate) fn moves_employment(&self) -> bool {
        self.hired_on.is_some() || self.left_on.is_some()
    }

    /// Whether mail would reach the employee elsewhere, as far as that can be said of an address that may be none.
    pub(crate) fn readdresses(&self, employee: &Employee) -> bool {
        self.email.as_ref().is_some_and(|email| email.as_deref().map(str::trim) != employee.email.as_deref())
    }

    /// The employee with this change; 422 naming every field that is wrong by itself or together with what stays.
    pub(crate) fn apply(&self, before: &Dossier) -> Result<Employee, Fault> {
        let employee = &before.employee;
        let mut fields = Fields::new();
        let number = fields.take_optional("/number", self.number.as_deref().map(EmployeeNumber::parse));
        let name = fields.take_optional("/name", self.name.as_deref().map(PersonName::parse));
        let email = self.email.as_ref().map(|email| email.as_deref().map(EmailAddress::parse).transpose());
        let email = fields.take_optional("/email", email);
        let hired_on = fields.take("/hired_on", self.hired_on.map_or(Ok(employee.hired_on), validate::date));
        let left_on = fields.take_optional("/left_on", self.left_on.map(|left| left.map(validate::date).transpose()));
        let (first, last) = (self.hired_on.unwrap_or(employee.hired_on), self.left_on.unwrap_or(employee.left_on));
        check_order(&mut fields, first, last);
        check_first_assignment(&mut fields, before, first);
        let (number, name, email, hired_on, left_on) = fields.all((number, name, email, hired_on, left_on))?;
        Ok(Employee {
            number: number.map_or_else(|| employee.number.clone(), |number| number.0),
            name: name.map_or_else(|| employee.name.clone(), |name| name.as_str().to_owned()),
            email: match email {
                None => employee.email.clone(),
                Some(email) => email.map(|email| email.as_str().to_owned()),
            },
            hired_on,
            left_on: left_on.unwrap_or(employee.left_on),
            ..employee.clone()
        })
    }
}

/// The assignment from the first day on moves along with it, and must not come to end before it starts.
fn check_first_assignment(fields: &mut Fields, before: &Dossier, hired_on: Date) {
    let first = before.assignments.iter().find(|held| held.valid_from == before.employee.hired_on);
    if first.and_then(|held| held.valid_to).is_some_and(|to| to < hired_on) {
        let detail = "must not be after the last day of the first assignment";
        fields.reject("/hired_on", Rejection::new("after_assignment", detail));
    }
}

fn check_order(fields: &mut Fields, hired_on: Date, left_on: Option<Date>) {
    if left_on.is_some_and(|left| left < hired_on) {
        fields.reject("/left_on", Rejection::new("before_hired_on", "must not be before hired_on"));
    }
}

/// What an organisation knows an employee by: 1 to 32 letters, digits, `-`, `_`, `.` or `/`. Text, because
/// leading zeros count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmployeeNumber(String);

impl EmployeeNumber {
    /// The number of who founds an organisation.
    pub(crate) fn first() -> Self {
        Self("1".to_owned())
    }

    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        let trimmed = input.trim();
        if (1..=32).contains(&trimmed.chars().count())
            && trimmed.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c))
        {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(Rejection::new("invalid_number", "must have 1 to 32 letters, digits, '-', '_', '.' or '/'"))
        }
    }

    /// The number.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::employees::domain::Assignment;
    use jiff::civil::date;
    use rollcall_ids::AssignmentId;

    fn parse(body: serde_json::Value) -> Result<Hire, Fault> {
        let mut fields = Fields::new();
        let hire = serde_json::from_value::<NewEmployee>(body).unwrap().parse(&mut fields);
        Ok(fields.all((hire,))?.0)
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let body = serde_json::json!({
            "number": "a b", "name": "", "email": "nobody", "hired_on": "0001-01-01", "left_on": "9999-12-31",
            "assignment": {"position": "\u{0}"},
        });
        let Err(Fault::Invalid(errors)) = parse(body) else { panic!("everything is wrong") };
        let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/number", "/name", "/email", "/hired_on", "/left_on", "/assignment/position"]);
    }

    #[test]
    fn an_invitation_needs_an_address_and_the_last_day_comes_after_the_first() {
        let body = serde_json::json!({
            "number": "1", "name": "Ada", "hired_on": "2026-02-01", "left_on": "2026-01-31", "invite": true,
        });
        let Err(Fault::Invalid(errors)) = parse(body) else { panic!("two things are wrong") };
        let found: Vec<_> = errors.iter().map(|e| (e.pointer.as_str(), e.code.as_ref())).collect();
        assert_eq!(found, [("/email", "required"), ("/left_on", "before_hired_on")]);
    }

    #[test]
    fn a_change_is_judged_together_with_what_it_leaves() {
        let employee_id = EmployeeId::generate();
        let employee = Employee {
            employee_id,
            number: "7".into(),
            name: "Ada".into(),
            email: Some("ada@example.org".into()),
            user_id: None,
            hired_on: date(2026, 1, 5),
            left_on: None,
            version: 1,
        };
        let first = Assignment {
            assignment_id: AssignmentId::generate(),
            employee_id,
            unit_id: UnitId::generate(),
            site_id: SiteId::generate(),
            manager_id: None,
            position: None,
            employment_type: EmploymentType::FullTime,
            valid_from: date(2026, 1, 5),
            valid_to: Some(date(2026, 6, 30)),
        };
        let before = Dossier { employee: employee.clone(), assignments: vec![first], roles: vec![], headed: vec![] };
        let patched = |body: serde_json::Value| serde_json::from_value::<EmployeePatch>(body).unwrap().apply(&before);
        let wrong = |body: serde_json::Value| {
            let Err(Fault::Invalid(errors)) = patched(body) else { panic!("it is wrong") };
            errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>()
        };
        assert_eq!(patched(serde_json::json!({})).unwrap(), employee);
        assert_eq!(patched(serde_json::json!({"email": null})).unwrap().email, None);
        assert_eq!(wrong(serde_json::json!({"left_on": "2026-01-04", "name": ""})), ["/name", "/left_on"]);
        assert_eq!(wrong(serde_json::json!({"hired_on": "2026-07-01", "email": "x"})), ["/email", "/hired_on"]);
        assert_eq!(patched(serde_json::json!({"left_on": "2026-01-05"})).unwrap().left_on, Some(date(2026, 1, 5)));
    }
}
