//! A delegation, and what may be said about one from outside, checked.

use crate::values::Reason;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{DelegationId, EmployeeId};
use rollcall_org_api::facts::DelegationFact;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody decides in another's place for some days.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::delegations)]
#[schema(example = json!({
    "delegation_id": "01890a5d-ac96-774b-bcce-b302099a8059", "from_employee_id": "01890a5d-ac96-774b-bcce-b302099a8053",
    "to_employee_id": "01890a5d-ac96-774b-bcce-b302099a8060", "valid_from": "2026-08-01", "valid_to": "2026-08-14",
    "reason": "Holiday", "version": 1,
}))]
pub(crate) struct Delegation {
    /// Its id.
    pub(crate) delegation_id: DelegationId,
    /// In whose place.
    pub(crate) from_employee_id: EmployeeId,
    /// Who decides.
    pub(crate) to_employee_id: EmployeeId,
    /// First day it holds.
    #[diesel(deserialize_as = jiff_diesel::Date)]
    #[schema(value_type = String, format = Date)]
    pub(crate) valid_from: Date,
    /// Last day it holds, included.
    #[diesel(deserialize_as = jiff_diesel::Date)]
    #[schema(value_type = String, format = Date)]
    pub(crate) valid_to: Date,
    /// Why.
    pub(crate) reason: Option<String>,
    /// Ascends with each change; the value of `ETag`.
    pub(crate) version: i64,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    #[serde(skip)]
    pub(crate) removed_at: Option<Timestamp>,
}

impl Delegation {
    /// What other services see of it.
    pub(crate) fn fact(&self) -> DelegationFact {
        DelegationFact {
            delegation_id: self.delegation_id,
            from_employee_id: self.from_employee_id,
            to_employee_id: self.to_employee_id,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            deleted: self.removed_at.is_some(),
            version: self.version,
        }
    }
}

/// A delegation to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to_employee_id": "01890a5d-ac96-774b-bcce-b302099a8060", "valid_from": "2026-08-01", "valid_to": "2026-08-14",
    "reason": "Holiday",
}))]
pub(crate) struct NewDelegation {
    /// In whose place; by default the caller's.
    from_employee_id: Option<EmployeeId>,
    /// Who is to decide.
    pub(crate) to_employee_id: EmployeeId,
    /// First day it holds.
    #[schema(value_type = String, format = Date)]
    valid_from: Date,
    /// Last day it holds, included.
    #[schema(value_type = String, format = Date)]
    valid_to: Date,
    /// Why, 1 to 500 characters.
    reason: Option<String>,
}

impl NewDelegation {
    /// In whose place somebody is to decide, by default the caller's.
    pub(crate) fn stood_in_for(&self, caller: EmployeeId) -> EmployeeId {
        self.from_employee_id.unwrap_or(caller)
    }

    /// Checks every field, besides what is wrong with them already; `from` is in whose place.
    pub(crate) fn parse(&self, from: EmployeeId, mut fields: Fields) -> Result<Delegation, Fault> {
        let valid_from = fields.take("/valid_from", validate::date(self.valid_from));
        let valid_to = fields.take("/valid_to", validate::date(self.valid_to));
        let reason = fields.take_optional("/reason", self.reason.as_deref().map(Reason::parse));
        if self.valid_to < self.valid_from {
            fields.reject("/valid_to", Rejection::new("before_valid_from", "must not be before valid_from"));
        }
        if self.to_employee_id == from {
            fields.reject("/to_employee_id", Rejection::new("own_delegate", "nobody stands in for themselves"));
        }
        let (valid_from, valid_to, reason) = fields.all((valid_from, valid_to, reason))?;
        Ok(Delegation {
            delegation_id: DelegationId::generate(),
            from_employee_id: from,
            to_employee_id: self.to_employee_id,
            valid_from,
            valid_to,
            reason: reason.map(|reason| reason.as_str().to_owned()),
            version: 1,
            removed_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_stands_in_for_themselves_nor_backwards_in_time() {
        let me = EmployeeId::generate();
        let body = serde_json::json!({"to_employee_id": me, "valid_from": "2026-08-02", "valid_to": "2026-08-01"});
        let wanted: NewDelegation = serde_json::from_value(body).unwrap();
        let Err(Fault::Invalid(errors)) = wanted.parse(me, Fields::new()) else { panic!("both are wrong") };
        let codes: Vec<_> = errors.iter().map(|error| error.code.as_ref()).collect();
        assert_eq!(codes, ["before_valid_from", "own_delegate"]);
    }
}
