//! What somebody wants to be told, by which ways, and when.

use crate::inbox::Category;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A way by which a message reaches somebody. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The inbox, and with it the stream: the truth about what somebody was told. Always on, and at once.
    Inbox,
    /// Mail.
    Email,
    /// Pushes to browsers and phones that have subscribed.
    WebPush,
    /// A webhook of one's own.
    Webhook,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 4] = [Self::Inbox, Self::Email, Self::WebPush, Self::Webhook];

    /// Its name, on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Email => "email",
            Self::WebPush => "web_push",
            Self::Webhook => "webhook",
        }
    }
}

/// Which channels tell about a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "one answer for each channel of a closed list")]
pub struct Ways {
    /// Always true: the inbox holds everything.
    #[schema(example = true)]
    pub inbox: bool,
    /// By mail.
    #[schema(example = true)]
    pub email: bool,
    /// By push.
    #[schema(example = true)]
    pub web_push: bool,
    /// By one's own webhook.
    #[schema(example = false)]
    pub webhook: bool,
}

impl Ways {
    /// Whether this channel tells.
    pub const fn by(self, channel: Channel) -> bool {
        match channel {
            Channel::Inbox => self.inbox,
            Channel::Email => self.email,
            Channel::WebPush => self.web_push,
            Channel::Webhook => self.webhook,
        }
    }
}

/// Hours in which nothing but what is critical comes from outside the inbox. It comes when they end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// When they begin, on the wall clock of the user's zone: `HH:MM`.
    #[schema(example = "22:00")]
    pub start: String,
    /// When they end; before `start`: on the next day.
    #[schema(example = "07:00")]
    pub end: String,
}

/// Whether messages are gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// Each comes by itself.
    #[default]
    Off,
    /// Those of an hour come together when it ends.
    Hourly,
    /// Those of a day come together at 08:00.
    Daily,
}

/// Preferences to be kept. What is left out is as if nobody had said anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreferences {
    /// By category.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Ways>)]
    pub categories: BTreeMap<Category, Ways>,
    /// When to be left in peace.
    #[serde(default)]
    pub quiet_hours: Option<QuietHours>,
    /// Whether what comes from outside the inbox is gathered.
    #[serde(default)]
    pub digest: Digest,
}

/// Preferences as they hold: every category is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preferences {
    /// By category.
    #[schema(value_type = BTreeMap<String, Ways>)]
    pub categories: BTreeMap<Category, Ways>,
    /// When to be left in peace; none: never.
    pub quiet_hours: Option<QuietHours>,
    /// Whether what comes from outside the inbox is gathered.
    pub digest: Digest,
    /// Ascending with every change; 0: nobody has said anything.
    #[schema(example = 3)]
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_the_same_name_in_the_database_and_on_the_wire() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
        }
    }

    #[test]
    fn categories_are_keys_and_one_that_is_not_known_is_refused() {
        let ways = serde_json::json!({"inbox": true, "email": false, "web_push": true, "webhook": false});
        let new: NewPreferences =
            serde_json::from_value(serde_json::json!({"categories": {"leave": ways}, "digest": "daily"})).unwrap();
        assert!(!new.categories[&Category::Leave].by(Channel::Email));
        assert!(serde_json::from_value::<NewPreferences>(serde_json::json!({"categories": {"moon": ways}})).is_err());
    }
}
