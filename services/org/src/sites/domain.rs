//! A site: a place of work, whose wall clock plans the work there.

use crate::sites::input::{Change, Circle};
use diesel::prelude::*;
use rollcall_ids::{HolidayCalendarId, SiteId};
use rollcall_org_api::facts::{Geofence, SiteFact};
use serde::Serialize;
use utoipa::ToSchema;

/// A site.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "name": "Berlin", "time_zone": "Europe/Berlin",
    "geofence": {"latitude": 52.52, "longitude": 13.405, "radius_m": 150},
    "allowed_networks": ["203.0.113.0/24"], "holiday_calendar_id": null, "version": 1,
}))]
pub(crate) struct Site {
    /// Its id.
    pub(crate) site_id: SiteId,
    /// Its name.
    #[schema(example = "Berlin")]
    pub(crate) name: String,
    /// IANA name of the zone whose wall clock plans the work here.
    #[schema(example = "Europe/Berlin")]
    pub(crate) time_zone: String,
    /// Where punches are expected to come from; none: anywhere.
    pub(crate) geofence: Option<Geofence>,
    /// Networks punches are expected to come from, in CIDR notation; empty: any.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub(crate) allowed_networks: Vec<String>,
    /// The calendar of its public holidays.
    pub(crate) holiday_calendar_id: Option<HolidayCalendarId>,
    /// Ascends with each change; the value of `ETag`.
    #[schema(example = 1)]
    pub(crate) version: i64,
}

/// A site as its table has it: the circle in three columns.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = crate::schema::sites)]
pub(crate) struct SiteRow {
    site_id: SiteId,
    name: String,
    time_zone: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    radius_m: Option<i32>,
    allowed_networks: Vec<Option<String>>,
    holiday_calendar_id: Option<HolidayCalendarId>,
    version: i64,
}

impl From<SiteRow> for Site {
    fn from(row: SiteRow) -> Self {
        let geofence = row
            .latitude
            .zip(row.longitude)
            .zip(row.radius_m)
            .map(|((latitude, longitude), radius)| Geofence { latitude, longitude, radius_m: radius.unsigned_abs() });
        Self {
            site_id: row.site_id,
            name: row.name,
            time_zone: row.time_zone,
            geofence,
            allowed_networks: row.allowed_networks.into_iter().flatten().collect(),
            holiday_calendar_id: row.holiday_calendar_id,
            version: row.version,
        }
    }
}

impl Site {
    /// What other services see of it.
    pub(crate) fn fact(&self) -> SiteFact {
        SiteFact {
            site_id: self.site_id,
            name: self.name.clone(),
            time_zone: self.time_zone.clone(),
            geofence: self.geofence,
            holiday_calendar_id: self.holiday_calendar_id,
            allowed_networks: self.allowed_networks.clone(),
            deleted: false,
            version: self.version,
        }
    }

    /// With `change` made to it; the version is the store's to count.
    pub(crate) fn with(&self, change: Change) -> Self {
        Self {
            site_id: self.site_id,
            name: change.name.map_or_else(|| self.name.clone(), |name| name.as_str().to_owned()),
            time_zone: change.time_zone.map_or_else(|| self.time_zone.clone(), |zone| zone.as_str().to_owned()),
            geofence: change.geofence.map_or(self.geofence, |fence| fence.map(Circle::geofence)),
            allowed_networks: change
                .allowed_networks
                .map_or_else(|| self.allowed_networks.clone(), |networks| networks.to_strings()),
            holiday_calendar_id: change.holiday_calendar_id.unwrap_or(self.holiday_calendar_id),
            version: self.version,
        }
    }
}
