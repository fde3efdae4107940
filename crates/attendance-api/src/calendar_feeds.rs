//! `/calendar-feeds`: a person's roster and leave for the calendar on their phone.

use jiff::Timestamp;
use rollcall_ids::{CalendarFeedId, EmployeeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /calendar-feeds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewCalendarFeed {
    /// Whose roster; left out: the caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// What the calendar is called where it is read, 1 to 60 characters; left out: the name of the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Work")]
    pub name: Option<String>,
}

/// A feed, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarFeed {
    /// Its id.
    pub calendar_feed_id: CalendarFeedId,
    /// Whose roster and leave.
    pub employee_id: EmployeeId,
    /// What the calendar is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who made it.
    pub created_by: EmployeeId,
    /// When.
    pub created_at: Timestamp,
    /// When it was read last, to within an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_read_at: Option<Timestamp>,
}

/// A feed with its path, which holds its secret and is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarFeedSecret {
    /// The feed.
    #[serde(flatten)]
    pub feed: CalendarFeed,
    /// Where it is read, below the address of the installation.
    #[schema(example = "/api/attendance/v1/calendar-feeds/3q2-7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs.ics")]
    pub path: String,
}
