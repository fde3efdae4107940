//! Events of devices.

use jiff::Timestamp;
use rollcall_ids::{DeviceId, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Nothing was heard of a device for long, and days wait for it; `data`: [`DeviceSilent`].
pub const DEVICE_SILENT: &str = "attendance.device.silent.v1";

/// A device that has fallen silent; told once, and again only after it was heard of in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceSilent {
    /// The device.
    pub device_id: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Where it hangs.
    pub site_id: SiteId,
    /// Name of the site.
    pub site_name: String,
    /// When it was heard of last.
    pub silent_since: Timestamp,
    /// IANA zone to show that in.
    pub time_zone: String,
}
