//! Which events are told to webhooks, and what of them: a closed list. What is not in it stays inside, above all what
//! carries a secret (an invitation's token) and what only services need (rights). Fields that a later release adds to an
//! event are left out until they are added here.

use rollcall_attendance_api::events as attendance;
use rollcall_ids::{EmployeeId, UserId};
use rollcall_org_api::events as org;
use rollcall_org_api::facts::{AssignmentFact, EmployeeFact, EmployeeStatus, SiteFact, UnitFact};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Schemas by their names.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// One type of events that webhooks are told.
#[derive(Debug)]
pub struct Published {
    /// The type.
    pub kind: &'static str,
    /// When it happens.
    pub summary: &'static str,
    /// What is told of its data.
    pub publish: fn(&Value) -> Result<Value, serde_json::Error>,
    /// The schema of that, with those it needs; its own is the first.
    pub schemas: fn() -> Schemas,
}

/// Everything that can be told.
pub static PUBLISHED: &[Published] = &[
    entry::<PublishedEmployee, EmployeeFact>(
        org::EMPLOYEE_CHANGED,
        "An employee was added or changed: their state after it; the highest `version` is the newest",
    ),
    entry::<UnitFact, UnitFact>(org::UNIT_CHANGED, "A unit was added, changed or removed: its state after it"),
    entry::<SiteFact, SiteFact>(org::SITE_CHANGED, "A site was added, changed or removed: its state after it"),
    entry::<org::InvitationAccepted, org::InvitationAccepted>(
        org::INVITATION_ACCEPTED,
        "Somebody accepted their invitation",
    ),
    entry::<attendance::PunchOutsideGeofence, attendance::PunchOutsideGeofence>(
        attendance::PUNCH_OUTSIDE_GEOFENCE,
        "A punch came from outside the geofence of its site",
    ),
    request(attendance::CORRECTION_REQUESTED, "A correction waits for a decision; told again for a second level"),
    decision(attendance::CORRECTION_DECIDED, "A correction was decided, by one level each, or taken back"),
    request(attendance::LEAVE_REQUESTED, "A request for leave waits for a decision; told again for a second level"),
    decision(attendance::LEAVE_DECIDED, "A request for leave was decided, by one level each, or taken back"),
    request(
        attendance::OVERTIME_REQUESTED,
        "A request for overtime waits for a decision; told again for a second level",
    ),
    decision(attendance::OVERTIME_DECIDED, "A request for overtime was decided, by one level each, or taken back"),
    request(attendance::SWAP_REQUESTED, "A swap of shifts waits for a decision; told again for a second level"),
    decision(attendance::SWAP_DECIDED, "A swap of shifts was decided, by one level each, or taken back"),
    entry::<attendance::PeriodLocking, attendance::PeriodLocking>(
        attendance::PERIOD_LOCKING,
        "The last day of a period is near, and with it its lock",
    ),
    entry::<attendance::PeriodLocked, attendance::PeriodLocked>(
        attendance::PERIOD_LOCKED,
        "A period is locked: its days are frozen",
    ),
];

const fn request(kind: &'static str, summary: &'static str) -> Published {
    entry::<attendance::RequestWaits, attendance::RequestWaits>(kind, summary)
}

const fn decision(kind: &'static str, summary: &'static str) -> Published {
    entry::<attendance::RequestDecided, attendance::RequestDecided>(kind, summary)
}

/// An entry of the list: events whose data is an `E`, of which a `T` is told.
const fn entry<T, E>(kind: &'static str, summary: &'static str) -> Published
where
    T: From<E> + Serialize + ToSchema,
    E: DeserializeOwned,
{
    Published { kind, summary, publish: publish::<T, E>, schemas: schemas::<T> }
}

fn publish<T: From<E> + Serialize, E: DeserializeOwned>(data: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(T::from(E::deserialize(data)?))
}

fn schemas<T: ToSchema>() -> Schemas {
    let mut schemas = vec![(T::name().into_owned(), <T as PartialSchema>::schema())];
    T::schemas(&mut schemas);
    schemas
}

/// The entry of a type; none: webhooks are not told.
pub fn published(kind: &str) -> Option<&'static Published> {
    PUBLISHED.iter().find(|published| published.kind == kind)
}

/// An employee as webhooks are told: without their rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedEmployee {
    /// Their id.
    pub employee_id: EmployeeId,
    /// Number in the organisation, unique there.
    pub number: String,
    /// Name as they write it.
    pub name: String,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// Their account, once they have accepted an invitation.
    pub user_id: Option<UserId>,
    /// Whether they work here, when it was told; a last day passes without another event.
    pub status: EmployeeStatus,
    /// First day of work.
    pub hired_on: jiff::civil::Date,
    /// Last day of work, included.
    pub left_on: Option<jiff::civil::Date>,
    /// Where they work, by date.
    pub assignments: Vec<AssignmentFact>,
    /// Ascending from 1; the highest is the newest.
    pub version: i64,
}

impl From<EmployeeFact> for PublishedEmployee {
    fn from(fact: EmployeeFact) -> Self {
        Self {
            employee_id: fact.employee_id,
            number: fact.number,
            name: fact.name,
            email: fact.email,
            user_id: fact.user_id,
            status: fact.status,
            hired_on: fact.hired_on,
            left_on: fact.left_on,
            assignments: fact.assignments,
            version: fact.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_stands_in_the_list_twice_and_none_carries_a_secret() {
        for published in PUBLISHED {
            assert_eq!(PUBLISHED.iter().filter(|other| other.kind == published.kind).count(), 1, "{}", published.kind);
            let schemas = serde_json::to_string(&(published.schemas)()).unwrap();
            for secret in ["token", "grants", "password", "secret"] {
                assert!(!schemas.contains(&format!("\"{secret}\":")), "{} tells a {secret}", published.kind);
            }
        }
        for inside in [org::INVITATION_CREATED, "user.password_reset.requested.v1", "user.login.new_device.v1"] {
            assert!(super::published(inside).is_none(), "{inside}");
        }
    }

    #[test]
    fn a_locked_period_is_told_with_whoever_locked_it() {
        let data = serde_json::json!({
            "period_id": "0192aaaa-0000-7000-8000-000000000001", "name": "June", "from": "2026-06-01",
            "to": "2026-06-30", "people": 3, "locked_by": "0192aaaa-0000-7000-8000-000000000002",
        });
        assert_eq!((super::published(attendance::PERIOD_LOCKED).unwrap().publish)(&data).unwrap(), data);
        assert!(super::published(attendance::PERIOD_LOCKING).is_some());
    }

    #[test]
    fn rights_and_what_a_later_release_adds_are_left_out() {
        let data = serde_json::json!({
            "employee_id": "0192aaaa-0000-7000-8000-000000000001", "number": "7", "name": "Ada", "email": null,
            "user_id": null, "status": "active", "hired_on": "2026-01-01", "left_on": null, "assignments": [],
            "grants": [{ "role": "owner", "permissions": ["org.write"], "scope": { "kind": "org" } }],
            "salary": 1, "version": 3,
        });
        let told = (super::published(org::EMPLOYEE_CHANGED).unwrap().publish)(&data).unwrap();
        assert_eq!((told.get("grants"), told.get("salary")), (None, None));
        assert_eq!((told["name"].as_str(), told["version"].as_i64()), (Some("Ada"), Some(3)));
    }
}
