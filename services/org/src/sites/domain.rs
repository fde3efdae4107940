//! A site: a place of work, whose wall clock plans the work there.

use crate::sites::input::{Change, Circle, ZoneChange};
use crate::values::zone;
use diesel::prelude::*;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_common::fault::Fault;
use rollcall_common::validate::Rejection;
use rollcall_ids::{HolidayCalendarId, SiteId};
use rollcall_org_api::facts::{EarlierZone, Geofence, SiteFact};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Zones before the present one that a site has at most: each event of it carries them, and who moves more often than that
/// has mistyped something.
const MOST_EARLIER_ZONES: usize = 50;

/// A site.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "name": "Berlin", "time_zone": "Europe/Berlin",
    "earlier_time_zones": [], "geofence": {"latitude": 52.52, "longitude": 13.405, "radius_m": 150},
    "allowed_networks": ["203.0.113.0/24"], "holiday_calendar_id": null, "version": 1,
}))]
pub(crate) struct Site {
    /// Its id.
    pub(crate) site_id: SiteId,
    /// Its name.
    #[schema(example = "Berlin")]
    pub(crate) name: String,
    /// IANA name of the zone whose wall clock plans the work here, since the day after the last of `earlier_time_zones`.
    #[schema(example = "Europe/Berlin")]
    pub(crate) time_zone: String,
    /// The zones before it, ordered, each with its last day; usually none.
    pub(crate) earlier_time_zones: Vec<EarlierZone>,
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
    earlier_zones: Value,
}

impl TryFrom<SiteRow> for Site {
    type Error = Fault;

    fn try_from(row: SiteRow) -> Result<Self, Fault> {
        let geofence = row
            .latitude
            .zip(row.longitude)
            .zip(row.radius_m)
            .map(|((latitude, longitude), radius)| Geofence { latitude, longitude, radius_m: radius.unsigned_abs() });
        Ok(Self {
            site_id: row.site_id,
            name: row.name,
            time_zone: row.time_zone,
            earlier_time_zones: serde_json::from_value(row.earlier_zones).map_err(Fault::internal)?,
            geofence,
            allowed_networks: row.allowed_networks.into_iter().flatten().collect(),
            holiday_calendar_id: row.holiday_calendar_id,
            version: row.version,
        })
    }
}

impl Site {
    /// What other services see of it.
    pub(crate) fn fact(&self) -> SiteFact {
        SiteFact {
            site_id: self.site_id,
            name: self.name.clone(),
            time_zone: self.time_zone.clone(),
            earlier_zones: Some(self.earlier_time_zones.clone()),
            geofence: self.geofence,
            holiday_calendar_id: self.holiday_calendar_id,
            allowed_networks: self.allowed_networks.clone(),
            deleted: false,
            version: self.version,
        }
    }

    /// With `change` made to it at `now`; the version is the store's to count.
    pub(crate) fn with(&self, change: Change, now: Timestamp) -> Result<Self, Fault> {
        let (time_zone, earlier_time_zones) = match change.time_zone {
            None => (self.time_zone.clone(), self.earlier_time_zones.clone()),
            Some(zone) => {
                self.zones_with(&zone, now).map_err(|why| Fault::invalid("/time_zone", why.code, why.detail))?
            }
        };
        Ok(Self {
            site_id: self.site_id,
            name: change.name.map_or_else(|| self.name.clone(), |name| name.as_str().to_owned()),
            time_zone,
            earlier_time_zones,
            geofence: change.geofence.map_or(self.geofence, |fence| fence.map(Circle::geofence)),
            allowed_networks: change
                .allowed_networks
                .map_or_else(|| self.allowed_networks.clone(), |networks| networks.to_strings()),
            holiday_calendar_id: change.holiday_calendar_id.unwrap_or(self.holiday_calendar_id),
            version: self.version,
        })
    }

    /// The day that it is there.
    pub(crate) fn today(&self, now: Timestamp) -> Date {
        zone(&self.time_zone).to_datetime(now).date()
    }

    /// The zone and those before it, once another holds from a day on, by default from today here: what held before that
    /// day stays, what began on it or later is gone.
    pub(crate) fn zones_with(
        &self,
        change: &ZoneChange,
        now: Timestamp,
    ) -> Result<(String, Vec<EarlierZone>), Rejection> {
        let from = change.from.unwrap_or_else(|| self.today(now));
        let (time_zone, earlier) = (change.zone.as_str().to_owned(), self.zones_until(from, change.zone.as_str()));
        if earlier.len() > MOST_EARLIER_ZONES {
            let detail = format!("a site has at most {MOST_EARLIER_ZONES} zones before the present one");
            return Err(Rejection::new("too_many", detail));
        }
        Ok((time_zone, earlier))
    }

    /// The zones that held before `from`, up to the one before `next`.
    fn zones_until(&self, from: Date, next: &str) -> Vec<EarlierZone> {
        let eve = from.saturating_sub(1.day());
        let mut earlier: Vec<_> = self.earlier_time_zones.iter().filter(|zone| zone.valid_to < eve).cloned().collect();
        earlier.push(EarlierZone { time_zone: self.fact().zone_on(eve).to_owned(), valid_to: eve });
        while earlier.last().is_some_and(|zone| zone.time_zone == next) {
            earlier.pop();
        }
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::ZoneName;
    use jiff::civil::date;
    use proptest::prelude::*;

    const ZONES: [&str; 3] = ["Europe/Berlin", "Europe/London", "Asia/Kathmandu"];

    fn site() -> Site {
        Site {
            site_id: SiteId::generate(),
            name: "Office".into(),
            time_zone: ZONES[0].into(),
            earlier_time_zones: vec![],
            geofence: None,
            allowed_networks: vec![],
            holiday_calendar_id: None,
            version: 1,
        }
    }

    fn moved(site: &Site, zone: &str, from: Option<Date>) -> Result<Site, Fault> {
        let time_zone = Some(ZoneChange { zone: ZoneName::parse(zone).unwrap(), from });
        let change = Change { time_zone, ..Change::default() };
        site.with(change, "2026-06-30T12:00:00Z".parse().unwrap())
    }

    fn days() -> impl Iterator<Item = Date> {
        date(2026, 5, 25).series(1.day()).take(40)
    }

    proptest! {
        /// Whatever was said before: the days before the change keep their zones, the others have the new one, and no two
        /// zones in a row are the same.
        #[test]
        fn a_change_leaves_the_days_before_it_as_they_were(
            changes in proptest::collection::vec((0..ZONES.len(), proptest::option::of(1..=30_i8)), 1..12),
        ) {
            let mut now = site();
            for (zone, day) in changes {
                let from = day.map(|day| date(2026, 6, day));
                let next = moved(&now, ZONES[zone], from).unwrap();
                for on in days() {
                    let (before, after) = (now.fact(), next.fact());
                    let expected =
                        if on < from.unwrap_or(date(2026, 6, 30)) { before.zone_on(on) } else { ZONES[zone] };
                    prop_assert_eq!(after.zone_on(on), expected, "{}: {:?}", on, next);
                }
                let names: Vec<_> = next.earlier_time_zones.iter().map(|zone| &zone.time_zone).collect();
                let all = [names, vec![&next.time_zone]].concat();
                prop_assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{:?}", next);
                prop_assert!(next.earlier_time_zones.is_sorted_by(|one, other| one.valid_to < other.valid_to));
                now = next;
            }
        }
    }

    #[test]
    fn a_site_does_not_move_for_ever() {
        let mut now = site();
        let most = i16::try_from(MOST_EARLIER_ZONES).unwrap();
        for year in 0..most {
            now = moved(&now, ZONES[usize::from(year % 2 == 0)], Some(date(1950 + year, 1, 1))).unwrap();
        }
        assert_eq!(now.earlier_time_zones.len(), MOST_EARLIER_ZONES);
        assert!(moved(&now, ZONES[2], None).is_err());
        assert_eq!(moved(&now, ZONES[2], Some(date(1940, 1, 1))).unwrap().earlier_time_zones.len(), 1);
    }
}
