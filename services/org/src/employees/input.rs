//! What may be said about an employee from outside, checked.

use crate::employees::domain::{Employee, EmploymentType};
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
    pub(crate) unit_id: Option<UnitId>,
    pub(crate) site_id: Option<SiteId>,
    pub(crate) manager_id: Option<EmployeeId>,
    pub(crate) position: Option<Position>,
    pub(crate) employment_type: EmploymentType,
    pub(crate) invite: bool,
}

impl NewEmployee {
    /// Checks every field.
    pub(crate) fn parse(&self) -> Result<Hire, Fault> {
        let assignment = self.assignment.clone().unwrap_or_default();
        let mut fields = Fields::new();
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
        check_order(&mut fields, self.hired_on, self.left_on);
        let (number, name, email, hired_on, left_on, position) =
            fields.all((number, name, email, hired_on, left_on, position))?;
        Ok(Hire {
            number,
            name,
            email,
            hired_on,
            left_on,
            unit_id: assignment.unit_id,
            site_id: assignment.site_id,
            manager_id: assignment.manager_id,
            position,
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

/// A checked [`EmployeePatch`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    number: Option<EmployeeNumber>,
    name: Option<PersonName>,
    email: Option<Option<EmailAddress>>,
    hired_on: Option<Date>,
    left_on: Option<Option<Date>>,
}

impl EmployeePatch {
    /// Checks every field by itself; whether the dates are in order is known only with what they change.
    pub(crate) fn parse(&self) -> Result<Change, Fault> {
        let mut fields = Fields::new();
        let number = fields.take_optional("/number", self.number.as_deref().map(EmployeeNumber::parse));
        let name = fields.take_optional("/name", self.name.as_deref().map(PersonName::parse));
        let email = self.email.as_ref().map(|email| email.as_deref().map(EmailAddress::parse).transpose());
        let email = fields.take_optional("/email", email);
        let hired_on = fields.take_optional("/hired_on", self.hired_on.map(validate::date));
        let left_on = fields.take_optional("/left_on", self.left_on.map(|left| left.map(validate::date).transpose()));
        let (number, name, email, hired_on, left_on) = fields.all((number, name, email, hired_on, left_on))?;
        Ok(Change { number, name, email, hired_on, left_on })
    }
}

impl Change {
    /// Whether it moves the first or the last day, on which rights depend.
    pub(crate) fn moves_employment(&self) -> bool {
        self.hired_on.is_some() || self.left_on.is_some()
    }

    /// The employee with this change; 422 when the last day would come before the first.
    pub(crate) fn apply(self, employee: &Employee) -> Result<Employee, Fault> {
        let changed = Employee {
            number: self.number.map_or_else(|| employee.number.clone(), |number| number.0),
            name: self.name.map_or_else(|| employee.name.clone(), |name| name.as_str().to_owned()),
            email: match self.email {
                None => employee.email.clone(),
                Some(email) => email.map(|email| email.as_str().to_owned()),
            },
            hired_on: self.hired_on.unwrap_or(employee.hired_on),
            left_on: self.left_on.unwrap_or(employee.left_on),
            ..employee.clone()
        };
        let mut fields = Fields::new();
        check_order(&mut fields, changed.hired_on, changed.left_on);
        fields.finish()?;
        Ok(changed)
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
    use jiff::civil::date;

    fn parse(body: serde_json::Value) -> Result<Hire, Fault> {
        serde_json::from_value::<NewEmployee>(body).unwrap().parse()
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
        let employee = Employee {
            employee_id: EmployeeId::generate(),
            number: "7".into(),
            name: "Ada".into(),
            email: Some("ada@example.org".into()),
            user_id: None,
            hired_on: date(2026, 1, 5),
            left_on: None,
            version: 1,
        };
        let patched = |body: serde_json::Value| {
            serde_json::from_value::<EmployeePatch>(body).unwrap().parse().unwrap().apply(&employee)
        };
        assert_eq!(patched(serde_json::json!({})).unwrap(), employee);
        assert_eq!(patched(serde_json::json!({"email": null})).unwrap().email, None);
        assert!(matches!(patched(serde_json::json!({"left_on": "2026-01-04"})), Err(Fault::Invalid(_))));
        assert_eq!(patched(serde_json::json!({"left_on": "2026-01-05"})).unwrap().left_on, Some(date(2026, 1, 5)));
    }
}
