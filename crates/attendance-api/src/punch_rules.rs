//! `/sites/{site_id}/punch-rules`: what a site does with punches from elsewhere.

use jiff::Timestamp;
use rollcall_ids::SiteId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes of a punch that does not come from where it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Elsewhere {
    /// Nobody looks.
    Off,
    /// It is stored, with an exception.
    #[default]
    Exception,
    /// It is refused.
    Refuse,
}

/// Body of `PUT /sites/{site_id}/punch-rules`. They hold for people who punch for themselves; `networks` for devices too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PunchRulesBody {
    /// A punch from outside the site's geofence. Where it is refused, so is one without a position.
    #[serde(default)]
    pub geofence: Elsewhere,
    /// A punch from outside the site's `allowed_networks`. One that was made offline is never refused for it: from where
    /// it is sent says nothing of where it was made.
    #[serde(default)]
    pub networks: Elsewhere,
    /// Minutes after the planned start when whoever has not come is reminded, and the manager told; 1 to 240. None:
    /// nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 240)]
    pub remind_after_minutes: Option<u32>,
}

/// The rules of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PunchRules {
    /// The site.
    pub site_id: SiteId,
    /// What they are.
    #[serde(flatten)]
    pub rules: PunchRulesBody,
    /// Ascending from 0, which is the defaults; sent as `ETag`.
    pub version: i64,
    /// When they were changed; none: never.
    pub updated_at: Option<Timestamp>,
}
