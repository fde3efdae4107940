//! What may be said about an assignment from outside, checked.

use crate::employees::domain::{Assignment, EmploymentType};
use crate::values::{Position, present};
use jiff::civil::Date;
use rollcall_common::fault::Fault;
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
    end_previous: bool,
}

/// A checked [`AssignmentAddition`].
#[derive(Clone, Debug)]
pub(crate) struct Addition {
    unit_id: UnitId,
    site_id: SiteId,
    manager_id: Option<EmployeeId>,
    position: Option<Position>,
    employment_type: EmploymentType,
    pub(crate) valid_from: Date,
    valid_to: Option<Date>,
    pub(crate) end_previous: bool,
}

impl AssignmentAddition {
    /// Checks every field.
    pub(crate) fn parse(&self) -> Result<Addition, Fault> {
        let mut fields = Fields::new();
        let position = fields.take_optional("/position", self.position.as_deref().map(Position::parse));
        let from = fields.take("/valid_from", validate::date(self.valid_from));
        let to = fields.take_optional("/valid_to", self.valid_to.map(validate::date));
        check_order(&mut fields, self.valid_from, self.valid_to);
        let (position, valid_from, valid_to) = fields.all((position, from, to))?;
        Ok(Addition {
            unit_id: self.unit_id,
            site_id: self.site_id,
            manager_id: self.manager_id,
            position,
            employment_type: self.employment_type.unwrap_or(EmploymentType::FullTime),
            valid_from,
            valid_to,
            end_previous: self.end_previous,
        })
    }
}

impl Addition {
    /// The assignment that it asks for.
    pub(crate) fn assignment(&self, employee_id: EmployeeId) -> Assignment {
        Assignment {
            assignment_id: AssignmentId::generate(),
            employee_id,
            unit_id: self.unit_id,
            site_id: self.site_id,
            manager_id: self.manager_id,
            position: self.position.as_ref().map(|position| position.as_str().to_owned()),
            employment_type: self.employment_type,
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

/// A checked [`AssignmentPatch`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    patch: AssignmentPatch,
    position: Option<Option<Position>>,
}

impl AssignmentPatch {
    /// Checks every field by itself; whether the dates are in order is known only with what they change.
    pub(crate) fn parse(self) -> Result<Change, Fault> {
        let mut fields = Fields::new();
        let position = self.position.as_ref().map(|text| text.as_deref().map(Position::parse).transpose());
        let position = fields.take_optional("/position", position);
        let from = fields.take_optional("/valid_from", self.valid_from.map(validate::date));
        let to = fields.take_optional("/valid_to", self.valid_to.flatten().map(validate::date));
        let (position, ..) = fields.all((position, from, to))?;
        Ok(Change { patch: self, position })
    }
}

impl Change {
    /// The assignment with this change; 422 when its last day would come before its first.
    pub(crate) fn apply(self, assignment: &Assignment) -> Result<Assignment, Fault> {
        let Self { patch, position } = self;
        let changed = Assignment {
            unit_id: patch.unit_id.unwrap_or(assignment.unit_id),
            site_id: patch.site_id.unwrap_or(assignment.site_id),
            manager_id: patch.manager_id.unwrap_or(assignment.manager_id),
            position: match position {
                None => assignment.position.clone(),
                Some(position) => position.map(|position| position.as_str().to_owned()),
            },
            employment_type: patch.employment_type.unwrap_or(assignment.employment_type),
            valid_from: patch.valid_from.unwrap_or(assignment.valid_from),
            valid_to: patch.valid_to.unwrap_or(assignment.valid_to),
            ..assignment.clone()
        };
        let mut fields = Fields::new();
        check_order(&mut fields, changed.valid_from, changed.valid_to);
        fields.finish()?;
        Ok(changed)
    }
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
        serde_json::from_value::<AssignmentPatch>(body).unwrap().parse()?.apply(&held())
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
