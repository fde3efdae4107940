//! A unit of the organisation: a department, a team, a shop.

use crate::values::{Name, present};
use diesel::prelude::*;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{EmployeeId, UnitId};
use rollcall_org_api::facts::UnitFact;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::units)]
#[schema(example = json!({
    "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "name": "Warehouse", "code": "WH", "parent_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "head_employee_id": null, "version": 1,
}))]
pub(crate) struct Unit {
    /// Its id.
    pub(crate) unit_id: UnitId,
    /// Its name.
    #[schema(example = "Warehouse")]
    pub(crate) name: String,
    /// Short code, unique in the organisation.
    #[schema(example = "WH")]
    pub(crate) code: Option<String>,
    /// The unit above; none for the root.
    pub(crate) parent_id: Option<UnitId>,
    /// Who leads it; with the role `manager` they reach it and all below.
    pub(crate) head_employee_id: Option<EmployeeId>,
    /// Ascends with each change; the value of `ETag`.
    #[schema(example = 1)]
    pub(crate) version: i64,
}

impl Unit {
    /// What other services see of it.
    pub(crate) fn fact(&self) -> UnitFact {
        UnitFact {
            unit_id: self.unit_id,
            name: self.name.clone(),
            parent_id: self.parent_id,
            head_employee_id: self.head_employee_id,
            deleted: false,
            version: self.version,
        }
    }

    /// With `change` made to it; the version is the store's to count.
    pub(crate) fn with(&self, change: &Change) -> Self {
        Self {
            unit_id: self.unit_id,
            name: change.name.as_ref().map_or_else(|| self.name.clone(), |name| name.as_str().to_owned()),
            code: match &change.code {
                None => self.code.clone(),
                Some(code) => code.as_ref().map(|code| code.0.clone()),
            },
            parent_id: change.parent_id.or(self.parent_id),
            head_employee_id: change.head_employee_id.unwrap_or(self.head_employee_id),
            version: self.version,
        }
    }
}

/// A unit to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Warehouse", "code": "WH"}))]
pub(crate) struct NewUnit {
    /// Its name, 1 to 200 characters.
    name: String,
    /// Short code, 1 to 32 letters, digits, `-`, `_`, `.` or `/`.
    code: Option<String>,
    /// The unit above; by default the root.
    pub(crate) parent_id: Option<UnitId>,
    /// Who leads it.
    pub(crate) head_employee_id: Option<EmployeeId>,
}

/// A checked [`NewUnit`].
#[derive(Clone, Debug)]
pub(crate) struct Addition {
    pub(crate) name: Name,
    pub(crate) code: Option<Code>,
}

impl NewUnit {
    /// Checks every field but the ids; whether they are there is not known here.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Addition> {
        let name = fields.take("/name", Name::parse(&self.name));
        let code = fields.take_optional("/code", self.code.as_deref().map(Code::parse));
        Some(Addition { name: name?, code: code? })
    }
}

/// What to change; an absent field stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Central warehouse"}))]
pub(crate) struct UnitPatch {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    code: Option<Option<String>>,
    /// Moves the unit with all below it.
    pub(crate) parent_id: Option<UnitId>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<EmployeeId>)]
    pub(crate) head_employee_id: Option<Option<EmployeeId>>,
}

/// A checked [`UnitPatch`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) name: Option<Name>,
    pub(crate) code: Option<Option<Code>>,
    pub(crate) parent_id: Option<UnitId>,
    pub(crate) head_employee_id: Option<Option<EmployeeId>>,
}

impl UnitPatch {
    /// Checks every field but the ids; whether they are there is not known here.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Change> {
        let name = fields.take_optional("/name", self.name.as_deref().map(Name::parse));
        let code = self.code.as_ref().map(|code| code.as_deref().map(Code::parse).transpose());
        let code = fields.take_optional("/code", code);
        let (parent_id, head_employee_id) = (self.parent_id, self.head_employee_id);
        Some(Change { name: name?, code: code?, parent_id, head_employee_id })
    }
}

/// A short code that other systems know something by: 1 to 32 letters, digits, `-`, `_`, `.` or `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code(String);

impl Code {
    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        let trimmed = input.trim();
        if (1..=32).contains(&trimmed.chars().count())
            && trimmed.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c))
        {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(Rejection::new("invalid_code", "must have 1 to 32 letters, digits, '-', '_', '.' or '/'"))
        }
    }

    /// The code.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_and_plain() {
        for good in ["WH", "4711", "仓库-1", "a/b.c_d"] {
            assert_eq!(Code::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "  ", "a b", "x\u{7}", &"x".repeat(33)] {
            assert_eq!(Code::parse(bad).unwrap_err().code, "invalid_code", "{bad:?}");
        }
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_clears() {
        let unit = Unit {
            unit_id: UnitId::generate(),
            name: "Warehouse".into(),
            code: Some("WH".into()),
            parent_id: Some(UnitId::generate()),
            head_employee_id: Some(EmployeeId::generate()),
            version: 2,
        };
        let patched = |body: serde_json::Value| {
            let patch = serde_json::from_value::<UnitPatch>(body).unwrap();
            unit.with(&patch.parse(&mut Fields::new()).unwrap())
        };
        assert_eq!(patched(serde_json::json!({})), unit);
        assert_eq!(
            patched(serde_json::json!({"code": null, "head_employee_id": null})),
            Unit { code: None, head_employee_id: None, ..unit.clone() },
        );
        let parent = UnitId::generate();
        assert_eq!(patched(serde_json::json!({"parent_id": parent})).parent_id, Some(parent));
    }
}
