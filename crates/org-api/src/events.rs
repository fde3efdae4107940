//! Events of org. The `data` of each is the state after the change, never a difference: a consumer that
//! missed ten of them is right again after one.

use crate::facts::{DelegationFact, EmployeeFact, HolidayCalendarFact, OrgFact, SiteFact, UnitFact};
use jiff::Timestamp;
use rollcall_ids::{EmployeeId, InvitationId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `data`: [`OrgFact`].
pub const ORG_CHANGED: &str = "org.org.changed.v1";
/// `data`: [`UnitFact`].
pub const UNIT_CHANGED: &str = "org.unit.changed.v1";
/// `data`: [`SiteFact`].
pub const SITE_CHANGED: &str = "org.site.changed.v1";
/// `data`: [`EmployeeFact`].
pub const EMPLOYEE_CHANGED: &str = "org.employee.changed.v1";
/// `data`: [`HolidayCalendarFact`].
pub const HOLIDAY_CALENDAR_CHANGED: &str = "org.holiday_calendar.changed.v1";
/// `data`: [`DelegationFact`].
pub const DELEGATION_CHANGED: &str = "org.delegation.changed.v1";
/// `data`: [`InvitationCreated`].
pub const INVITATION_CREATED: &str = "org.invitation.created.v1";
/// `data`: [`InvitationAccepted`].
pub const INVITATION_ACCEPTED: &str = "org.invitation.accepted.v1";

/// Somebody is invited; the mail is notification's to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationCreated {
    /// The invitation.
    pub invitation_id: InvitationId,
    /// Who is invited.
    pub employee_id: EmployeeId,
    /// Where the mail goes.
    pub email: String,
    /// How they are addressed.
    pub name: String,
    /// Name of the organisation that invites.
    pub org_name: String,
    /// Language of the mail, BCP 47.
    pub locale: String,
    /// The secret that `POST /api/org/v1/invitations/accept` takes; single-use.
    pub token: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Somebody accepted and is linked to their account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationAccepted {
    /// The invitation.
    pub invitation_id: InvitationId,
    /// Who accepted.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// The account.
    pub user_id: UserId,
    /// Who is told: the direct manager on the day of acceptance.
    pub manager_id: Option<EmployeeId>,
}

/// Any state that org publishes, decoded by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Of [`ORG_CHANGED`].
    Org(OrgFact),
    /// Of [`UNIT_CHANGED`].
    Unit(UnitFact),
    /// Of [`SITE_CHANGED`].
    Site(SiteFact),
    /// Of [`EMPLOYEE_CHANGED`].
    Employee(Box<EmployeeFact>),
    /// Of [`HOLIDAY_CALENDAR_CHANGED`].
    HolidayCalendar(HolidayCalendarFact),
    /// Of [`DELEGATION_CHANGED`].
    Delegation(DelegationFact),
}
