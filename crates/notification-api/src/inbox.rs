//! The inbox of one user, over all their organisations.

use jiff::Timestamp;
use rollcall_ids::{AnnouncementId, EmployeeId, InvitationId, NotificationId, OrgId, PunchId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a message is about; the unit in which people choose what they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// One's own account: sign-ins, passwords, second factors. Always told, at once.
    Account,
    /// Joining and leaving an organisation.
    Membership,
    /// Punches, missing ones and odd ones.
    Attendance,
    /// What waits for one's decision, and what was decided of one's own requests.
    Requests,
    /// When one is to work.
    Roster,
    /// Balances of leave.
    Leave,
    /// Periods that are about to be locked, and that were.
    Periods,
    /// What an organisation tells its people.
    Announcements,
    /// Webhooks and other ties to foreign systems.
    Integrations,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::Membership,
        Self::Attendance,
        Self::Requests,
        Self::Roster,
        Self::Leave,
        Self::Periods,
        Self::Announcements,
        Self::Integrations,
    ];

    /// Its name, on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Membership => "membership",
            Self::Attendance => "attendance",
            Self::Requests => "requests",
            Self::Roster => "roster",
            Self::Leave => "leave",
            Self::Periods => "periods",
            Self::Announcements => "announcements",
            Self::Integrations => "integrations",
        }
    }

    /// The category of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == name)
    }
}

/// What a client may open from a message. Fields are added as kinds of messages are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The employee it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// The invitation it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_id: Option<InvitationId>,
    /// The punch it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub punch_id: Option<PunchId>,
    /// The announcement it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement_id: Option<AnnouncementId>,
    /// The request it speaks of: a correction, overtime, leave or a swap, as its kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// A message to one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Its id; the same in the inbox and on the stream.
    pub notification_id: NotificationId,
    /// The organisation it comes from.
    pub org_id: OrgId,
    /// What it is about: `membership`, `attendance`, `requests` and so on. More will come; one that is not known is
    /// shown like any other.
    #[schema(example = "membership")]
    pub category: String,
    /// Name of the template it was written with, for icons and grouping.
    #[schema(example = "invitation_accepted")]
    pub kind: String,
    /// One line of text, in the recipient's language. Not markup.
    #[schema(example = "Li Wei joined Nordlicht GmbH")]
    pub title: String,
    /// The message as text. Not markup.
    #[schema(example = "Li Wei accepted the invitation and can now punch in.")]
    pub body: String,
    /// What to open from it.
    pub about: About,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was read; none: it is unread.
    pub read_at: Option<Timestamp>,
}

/// One page of the inbox, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inbox {
    /// The messages.
    pub items: Vec<Notification>,
    /// Where the next page starts; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Give this to the stream as `last_event_id`: it continues exactly after what this page knew. Opaque.
    #[schema(example = "4218743099:17")]
    pub stream_position: String,
}

/// How many messages are unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadCount {
    /// The number, from 0.
    #[schema(example = 3)]
    pub unread: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_has_the_same_name_in_the_database_and_on_the_wire() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
            assert_eq!(Category::from_name(category.as_str()), Some(category));
        }
        assert_eq!(Category::from_name("weather"), None);
    }
}
