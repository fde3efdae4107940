//! What may be said about an assignment from outside, checked.

use crate::employees::domain::{Assignment, EmploymentType};
use crate::values::{Position, present};
use jiff::civil::Date;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use serde::Deserialize;
use utoipa::ToSchema;

/// An assignment to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "site_id": "01890a5d-ac96-774b-bcce-b302099a8052",
    "position": "Picker", "valid_from": "2026-07-01", "end_previous": true,
}))]
pub(crate) struct AssignmentAddition {
    /// The department.
    unit_id: UnitId,
    /// The place.
    site_id: SiteId,
    /// The direct manager.
    manager_id: Option<EmployeeId>,
    /// Job title, 1 to 200 characters.
    position: Option<String>,
    /// How they are employed; by default full time.
    employment_type: Option<EmploymentType>,
    /// First day it holds, not before the first day of work.
    #[schema(value_type = String, format = Date)]
    valid_from: Date,
    /// Last day it holds, included; by default until further notice.
    #[schema(value_type = Option<String>, format = Date)]
    valid_to: Option<Date>,
    /// Whether the assignment that holds on the day before ends there: a transfer in one step.
    #[serde(default)]
    pub(crate) end_previous: bool,
}

impl AssignmentAddition {
    /// The assignment that it asks for. What is wrong with it is noted in `fields` and stands in it as it came: it is to
    /// be stored only if nothing is noted.
    pub(crate) fn assignment(&self, fields: &mut Fields, employee_id: EmployeeId) -> Assignment {
        let position = position(fields, self.position.as_deref());
        check_days(fields, Some(self.valid_from), self.valid_to);
        check_order(fields, self.valid_from, self.valid_to);
        Assignment {
            assignment_id: AssignmentId::generate(),
            employee_id,
            unit_id: self.unit_id,
            site_id: self.site_id,
            manager_id: self.manager_id,
            position,
            employment_type: self.employment_type.unwrap_or(EmploymentType::FullTime),
            valid_from: self.valid_from,
            valid_to: self.valid_to,
        }
    }
}

/// What to change; an absent field stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"valid_to": "2026-06-30"}))]
pub(crate) struct AssignmentPatch {
    unit_id: Option<UnitId>,
    site_id: Option<SiteId>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<EmployeeId>)]
    manager_id: Option<Option<EmployeeId>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    position: Option<Option<String>>,
    employment_type: Option<EmploymentType>,
    #[schema(value_type = Option<String>, format = Date)]
    valid_from: Option<Date>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Date)]
    valid_to: Option<Option<Date>>,
}

impl AssignmentPatch {
    /// The assignment with this change. What is wrong with it is noted in `fields` and stands in it as it came: it is to
    /// be stored only if nothing is noted, and it is as before only if nothing is wrong.
    pub(crate) fn apply(&self, fields: &mut Fields, assignment: &Assignment) -> Assignment {
        let changed = Assignment {
            unit_id: self.unit_id.unwrap_or(assignment.unit_id),
            site_id: self.site_id.unwrap_or(assignment.site_id),
            manager_id: self.manager_id.unwrap_or(assignment.manager_id),
            position: match &self.position {
                None => assignment.position.clone(),
                Some(text) => position(fields, text.as_deref()),
            },
            employment_type: self.employment_type.unwrap_or(assignment.employment_type),
            valid_from: self.valid_from.unwrap_or(assignment.valid_from),
            valid_to: self.valid_to.unwrap_or(assignment.valid_to),
            ..assignment.clone()
        };
        check_days(fields, self.valid_from, self.valid_to.flatten());
        check_order(fields, changed.valid_from, changed.valid_to);
        changed
    }
}

/// The job title as it is kept, or as it came if it is none.
fn position(fields: &mut Fields, text: Option<&str>) -> Option<String> {
    match fields.take_optional("/position", text.map(Position::parse)) {
        Some(position) => position.map(|position| position.as_str().to_owned()),
        None => text.map(str::to_owned),
    }
}

fn check_days(fields: &mut Fields, from: Option<Date>, to: Option<Date>) {
    fields.take_optional("/valid_from", from.map(validate::date));
    fields.take_optional("/valid_to", to.map(validate::date));
}

fn check_order(fields: &mut Fields, from: Date, to: Option<Date>) {
    if to.is_some_and(|to| to < from) {
        fields.reject("/valid_to", Rejection::new("before_valid_from", "must not be before valid_from"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use rollcall_common::fault::Fault;

    fn held() -> Assignment {
        Assignment {
            assignment_id: AssignmentId::generate(),
            employee_id: EmployeeId::generate(),
            unit_id: UnitId::generate(),
            site_id: SiteId::generate(),
            manager_id: Some(EmployeeId::generate()),
            position: Some("Picker".into()),
            employment_type: EmploymentType::FullTime,
            valid_from: date(2026, 1, 5),
            valid_to: None,
        }
    }

    fn patched(body: serde_json::Value) -> Result<Assignment, Fault> {
        let mut fields = Fields::new();
        let changed = serde_json::from_value::<AssignmentPatch>(body).unwrap().apply(&mut fields, &held());
        fields.finish().map(|()| changed)
    }

    #[test]
    fn null_clears_and_absence_leaves() {
        let cleared = patched(serde_json::json!({"manager_id": null, "position": null})).unwrap();
        assert_eq!((cleared.manager_id, cleared.position), (None, None));
        assert_eq!(patched(serde_json::json!({})).unwrap().position.as_deref(), Some("Picker"));
    }

    #[test]
    fn the_last_day_is_not_before_the_first() {
        assert!(patched(serde_json::json!({"valid_to": "2026-01-05"})).is_ok());
        for wrong in [
            serde_json::json!({"valid_to": "2026-01-04"}),
            serde_json::json!({"valid_from": "2026-02-01", "valid_to": "2026-01-31"}),
            serde_json::json!({"valid_to": "9999-12-31"}),
            serde_json::json!({"position": " "}),
        ] {
            assert!(matches!(patched(wrong.clone()), Err(Fault::Invalid(_))), "{wrong}");
        }
    }
}
