//! What an organisation tells its people.

use jiff::Timestamp;
use rollcall_ids::{AnnouncementId, EmployeeId, SiteId, UnitId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Audience {
    /// Everybody who works in the organisation that day.
    Everyone,
    /// Everybody who works in a unit or below it that day.
    Unit {
        /// The unit.
        unit_id: UnitId,
    },
    /// Everybody who works at a site that day.
    Site {
        /// The site.
        site_id: SiteId,
    },
}

/// An announcement to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnnouncement {
    /// One line, 1 to 200 characters. Not markup.
    #[schema(example = "The canteen is closed on Friday")]
    pub title: String,
    /// The text, 1 to 10,000 characters, lines included. Not markup.
    #[schema(example = "It opens again on Monday at 11:30.")]
    pub body: String,
    /// Who is told.
    pub audience: Audience,
    /// Whether it waits for nobody's quiet hours or digest.
    #[serde(default)]
    pub urgent: bool,
}

/// An announcement as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announcement {
    /// Its id.
    pub announcement_id: AnnouncementId,
    /// One line. Not markup.
    #[schema(example = "The canteen is closed on Friday")]
    pub title: String,
    /// The text. Not markup.
    #[schema(example = "It opens again on Monday at 11:30.")]
    pub body: String,
    /// Who was told.
    pub audience: Audience,
    /// Whether it waited for nobody's quiet hours or digest.
    pub urgent: bool,
    /// In how many inboxes it is: people without an account have none.
    #[schema(example = 48)]
    pub recipients: i32,
    /// Who made it.
    pub created_by: EmployeeId,
    /// When it was stored.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_has_the_documented_form_and_nothing_else_is_taken_for_one() {
        let unit_id = UnitId::generate();
        for (audience, wire) in [
            (Audience::Everyone, serde_json::json!({"kind": "everyone"})),
            (Audience::Unit { unit_id }, serde_json::json!({"kind": "unit", "unit_id": unit_id})),
        ] {
            assert_eq!(serde_json::to_value(audience).unwrap(), wire);
            assert_eq!(serde_json::from_value::<Audience>(wire).unwrap(), audience);
        }
        for wire in [
            serde_json::json!({"kind": "site"}),
            serde_json::json!({"kind": "moon"}),
            serde_json::json!({"kind": "unit", "unit_id": unit_id, "site_id": unit_id}),
        ] {
            assert!(serde_json::from_value::<Audience>(wire.clone()).is_err(), "{wire}");
        }
    }
}
