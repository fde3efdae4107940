//! `/devices`: terminals and kiosks, which punch for whoever stands in front of them.

use jiff::Timestamp;
use rollcall_ids::{DeviceId, EmployeeId, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the secret of every device begins: it is told from an access token at once, and scanners for leaked secrets find
/// it.
pub const DEVICE_SECRET_PREFIX: &str = "rcd_";

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A time clock; its punches have the source `device`.
    Terminal,
    /// A shared screen; its punches have the source `kiosk`.
    Kiosk,
}

/// Body of `POST /devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// Name, 1 to 100 characters.
    #[schema(example = "Main entrance")]
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Where it hangs; its zone is the site's.
    pub site_id: SiteId,
    /// Who may punch here, at most 2,000; none: everybody of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_employees: Option<Vec<EmployeeId>>,
}

/// Body of `PUT /devices/{device_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceBody {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Where it hangs.
    pub site_id: SiteId,
    /// Who may punch here; none: everybody of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_employees: Option<Vec<EmployeeId>>,
    /// Whether its secret is worth nothing, and no day waits for what it has to report.
    #[serde(default)]
    pub disabled: bool,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its id.
    pub device_id: DeviceId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Where it hangs.
    pub site_id: SiteId,
    /// IANA zone of the site.
    pub time_zone: String,
    /// Who may punch here; none: everybody of the site.
    pub allowed_employees: Option<Vec<EmployeeId>>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// When it was heard of last, to within seconds.
    pub last_seen_at: Option<Timestamp>,
    /// Until when all that was punched here is known: days of the site that ended later wait for it.
    pub reported_until: Timestamp,
    /// When it was heard of last before it fell silent, once that is longer ago than an installation allows (a day, unless it
    /// is set otherwise); those who speak for the organisation are told then, once. None: it is heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Ascending from 1; sent as `ETag`.
    pub version: i64,
}

/// A device with its secret, which is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceSecret {
    /// The device.
    #[serde(flatten)]
    pub device: Device,
    /// What it sends as `Authorization: Bearer`.
    pub secret: String,
}

/// Answer to a device that says it has nothing left to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// Who it is.
    pub device_id: DeviceId,
    /// Where it hangs.
    pub site_id: SiteId,
    /// IANA zone to show the time in.
    pub time_zone: String,
    /// What time it is.
    pub now: Timestamp,
}
