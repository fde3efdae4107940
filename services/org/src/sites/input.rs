//! What may be said about a site from outside, checked.

use crate::sites::domain::Site;
use crate::values::{Name, ZoneName, present};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::HolidayCalendarId;
use rollcall_org_api::facts::Geofence;
use serde::Deserialize;
use utoipa::ToSchema;

/// Most networks a site lists.
const MOST_NETWORKS: usize = 64;

/// A site to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Berlin", "time_zone": "Europe/Berlin",
    "geofence": {"latitude": 52.52, "longitude": 13.405, "radius_m": 150},
    "allowed_networks": ["203.0.113.0/24"],
}))]
pub(crate) struct NewSite {
    /// Its name, 1 to 200 characters.
    name: String,
    /// IANA name of its time zone.
    time_zone: String,
    /// Where punches are expected to come from; by default anywhere.
    geofence: Option<Geofence>,
    /// Networks punches are expected to come from, in CIDR notation, at most 64; by default any.
    #[serde(default)]
    allowed_networks: Vec<String>,
    /// The calendar of its public holidays.
    pub(crate) holiday_calendar_id: Option<HolidayCalendarId>,
}

/// A checked [`NewSite`].
#[derive(Clone, Debug)]
pub(crate) struct Addition {
    pub(crate) name: Name,
    pub(crate) time_zone: ZoneName,
    pub(crate) geofence: Option<Circle>,
    pub(crate) allowed_networks: Networks,
}

impl NewSite {
    /// Checks every field but the calendar; whether it is there is not known here.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Addition> {
        let name = fields.take("/name", Name::parse(&self.name));
        let time_zone = fields.take("/time_zone", ZoneName::parse(&self.time_zone));
        let geofence = Circle::take_optional(fields, self.geofence);
        let networks = Networks::take(fields, &self.allowed_networks);
        Some(Addition { name: name?, time_zone: time_zone?, geofence: geofence?, allowed_networks: networks? })
    }
}

/// What to change; an absent field stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"geofence": {"latitude": 52.52, "longitude": 13.405, "radius_m": 150}}))]
pub(crate) struct SitePatch {
    name: Option<String>,
    time_zone: Option<String>,
    /// The first day that `time_zone` holds; by default today at the site, as it is a move. The days before keep the zones
    /// they had: one that was mistyped is put right from the first day of work on. Not after today, and only with
    /// `time_zone`.
    time_zone_from: Option<Date>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Geofence>)]
    geofence: Option<Option<Geofence>>,
    allowed_networks: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<HolidayCalendarId>)]
    pub(crate) holiday_calendar_id: Option<Option<HolidayCalendarId>>,
}

/// Another zone.
#[derive(Clone, Debug)]
pub(crate) struct ZoneChange {
    pub(crate) zone: ZoneName,
    /// From when on; none: from today on.
    pub(crate) from: Option<Date>,
}

/// A checked [`SitePatch`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<Name>,
    pub(crate) time_zone: Option<ZoneChange>,
    pub(crate) geofence: Option<Option<Circle>>,
    pub(crate) allowed_networks: Option<Networks>,
    pub(crate) holiday_calendar_id: Option<Option<HolidayCalendarId>>,
}

impl SitePatch {
    /// Checks every field but the calendar, for a site at `now`.
    pub(crate) fn parse(&self, fields: &mut Fields, site: &Site, now: Timestamp) -> Option<Change> {
        let name = fields.take_optional("/name", self.name.as_deref().map(Name::parse));
        let time_zone = fields.take_optional("/time_zone", self.time_zone.as_deref().map(ZoneName::parse));
        let from = fields
            .take_optional("/time_zone_from", self.time_zone_from.map(|from| self.zone_from(from, site.today(now))));
        let geofence = match self.geofence {
            None => Some(None),
            Some(fence) => Circle::take_optional(fields, fence).map(Some),
        };
        let networks = match &self.allowed_networks {
            None => Some(None),
            Some(networks) => Networks::take(fields, networks).map(Some),
        };
        let zone = time_zone.zip(from).map(|(zone, from)| zone.map(|zone| ZoneChange { zone, from }));
        if let Some(Some(zone)) = &zone {
            fields.take("/time_zone", site.zones_with(zone, now));
        }
        let holiday_calendar_id = self.holiday_calendar_id;
        Some(Change {
            name: name?,
            time_zone: zone?,
            geofence: geofence?,
            allowed_networks: networks?,
            holiday_calendar_id,
        })
    }

    fn zone_from(&self, from: Date, today: Date) -> Result<Date, Rejection> {
        let from = validate::date(from)?;
        if self.time_zone.is_none() {
            return Err(Rejection::new("without_time_zone", "needs the time_zone that holds from then on"));
        }
        if from > today {
            return Err(Rejection::new("in_the_future", "must not be after today at the site"));
        }
        Ok(from)
    }
}

/// A geofence on the Earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Circle(Geofence);

impl Circle {
    /// The circle as it travels.
    pub(crate) fn geofence(self) -> Geofence {
        self.0
    }

    /// Checks each number of the circle, if there is one.
    fn take_optional(fields: &mut Fields, fence: Option<Geofence>) -> Option<Option<Self>> {
        let Some(fence) = fence else { return Some(None) };
        let latitude = fields.take("/geofence/latitude", within(fence.latitude, 90.0));
        let longitude = fields.take("/geofence/longitude", within(fence.longitude, 180.0));
        let radius = if (1..=100_000).contains(&fence.radius_m) {
            Ok(fence.radius_m)
        } else {
            Err(Rejection::new("out_of_range", "must be 1 to 100000 metres"))
        };
        let radius_m = fields.take("/geofence/radius_m", radius)?;
        Some(Some(Self(Geofence { latitude: latitude?, longitude: longitude?, radius_m })))
    }
}

/// Degrees between `-most` and `most`.
fn within(degrees: f64, most: f64) -> Result<f64, Rejection> {
    if degrees.abs() <= most {
        Ok(degrees)
    } else {
        Err(Rejection::new("out_of_range", format!("must be -{most} to {most} degrees")))
    }
}

/// Networks without host bits, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// Checks each; a plain address counts as a network of one.
    fn take(fields: &mut Fields, input: &[String]) -> Option<Self> {
        if input.len() > MOST_NETWORKS {
            fields.reject("/allowed_networks", Rejection::new("too_many", format!("at most {MOST_NETWORKS} networks")));
            return None;
        }
        let mut networks = Vec::with_capacity(input.len());
        let mut whole = true;
        for (index, text) in input.iter().enumerate() {
            match fields.take(&format!("/allowed_networks/{index}"), network(text)) {
                Some(network) if networks.contains(&network) => {}
                Some(network) => networks.push(network),
                None => whole = false,
            }
        }
        whole.then_some(Self(networks))
    }

    /// In CIDR notation.
    pub(crate) fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// A network in CIDR notation or a single address, its host bits cleared.
fn network(text: &str) -> Result<IpNet, Rejection> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map(|network| network.trunc())
        .map_err(|_| Rejection::new("invalid_network", "must be a network in CIDR notation, like 203.0.113.0/24"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rollcall_common::fault::Fault;

    fn errors(body: serde_json::Value) -> Vec<String> {
        let mut fields = Fields::new();
        assert!(serde_json::from_value::<NewSite>(body).unwrap().parse(&mut fields).is_none());
        match fields.finish() {
            Err(Fault::Invalid(errors)) => errors.into_iter().map(|e| format!("{} {}", e.pointer, e.code)).collect(),
            other => panic!("should be invalid: {other:?}"),
        }
    }

    #[test]
    fn each_bad_number_and_network_is_named_by_its_place() {
        let body = serde_json::json!({
            "name": "x", "time_zone": "UTC",
            "geofence": {"latitude": 91, "longitude": -181, "radius_m": 0},
            "allowed_networks": ["10.0.0.0/8", "10.0.0.0/33", "example.org"],
        });
        assert_eq!(
            errors(body),
            [
                "/geofence/latitude out_of_range",
                "/geofence/longitude out_of_range",
                "/geofence/radius_m out_of_range",
                "/allowed_networks/1 invalid_network",
                "/allowed_networks/2 invalid_network",
            ]
        );
        let many = vec!["10.0.0.1"; MOST_NETWORKS + 1];
        assert_eq!(
            errors(serde_json::json!({"name": "x", "time_zone": "UTC", "allowed_networks": many})),
            ["/allowed_networks too_many"],
        );
    }

    #[test]
    fn networks_are_kept_without_host_bits_and_once() {
        let mut fields = Fields::new();
        let input = ["192.0.2.7/24", "192.0.2.0/24", "203.0.113.9", "2001:db8::1/32"].map(String::from);
        let networks = Networks::take(&mut fields, &input).unwrap();
        assert_eq!(networks.to_strings(), ["192.0.2.0/24", "203.0.113.9/32", "2001:db8::/32"]);
    }

    proptest! {
        #[test]
        fn a_circle_is_taken_exactly_when_it_lies_on_the_earth(
            latitude in -200.0..200.0, longitude in -200.0..200.0, radius_m in 0u32..200_000,
        ) {
            let mut fields = Fields::new();
            let taken = Circle::take_optional(&mut fields, Some(Geofence { latitude, longitude, radius_m }));
            let fits = (-90.0..=90.0).contains(&latitude)
                && (-180.0..=180.0).contains(&longitude)
                && (1..=100_000).contains(&radius_m);
            prop_assert_eq!(taken.is_some(), fits);
            prop_assert_eq!(fields.finish().is_ok(), fits);
        }
    }
}
