//! Whether a punch is accepted, and as what: pure, so that a rush costs no query here.

use crate::devices::domain::Door;
use crate::devices::door::By;
use crate::facts::domain::{Member, Org, assignment_near};
use crate::punches::geofence;
use crate::settings::PunchSettings;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::codes::{
    AT_OUT_OF_WINDOW, NOT_ON_DEVICE, OUTSIDE_GEOFENCE, OUTSIDE_NETWORK, POSITION_REQUIRED,
};
use rollcall_attendance_api::events::PunchOutsideGeofence;
use rollcall_attendance_api::punch_rules::Elsewhere;
use rollcall_attendance_api::punches::{NewPunch, Punch, PunchException, Source};
use rollcall_common::fault::Fault;
use rollcall_common::secret::sha256;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{DeviceId, PunchId};
use rollcall_org_api::facts::{EmployeeFact, SiteFact};
use rollcall_org_api::rights::Permission;
use std::net::IpAddr;

/// Between a device and its key. No client can send it, so nobody makes up the key of a device.
const SEPARATOR: char = '\u{1f}';

/// What makes a repetition of a punch recognisable, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// As it is stored, unique for the employee: what a member chose; of a device the device before what it chose, for
    /// each of them may count its punches from one.
    stored: String,
    /// The device that chose it.
    pub(crate) device_id: Option<DeviceId>,
    /// SHA-256 of what was asked for: the same bytes of JSON or others that mean the same.
    pub(crate) fingerprint: [u8; 32],
    /// What was received before cannot be the same one: set where the server says when it was made, of devices alone, which
    /// may count their punches anew. What a member chose is chosen once: however late they repeat it, it is the same one.
    since: Option<Timestamp>,
}

impl Key {
    /// The key of a request. Whose punch it is stands beside the key, not in the fingerprint.
    pub(crate) fn new(
        chosen: String,
        request: &NewPunch,
        by: &By,
        (now, accepts): (Timestamp, &PunchSettings),
    ) -> Result<Self, Fault> {
        let canonical = NewPunch { employee_id: None, ..request.clone() };
        let bytes = serde_json::to_vec(&canonical).map_err(Fault::internal)?;
        let (stored, device_id, since) = match by {
            By::Device(_, door) => {
                // As late as a punch may come that says when it was made. One that repeats it for longer counts anew.
                let since = request.at.is_none().then(|| now - accepts.offline());
                (format!("{}{SEPARATOR}{chosen}", door.device_id), Some(door.device_id), since)
            }
            By::Member(_) => (chosen, None, None),
        };
        Ok(Self { stored, device_id, fingerprint: sha256(&bytes), since })
    }

    /// As it is stored.
    pub(crate) fn stored(&self) -> &str {
        &self.stored
    }

    /// As keys of devices were stored when the device did not stand in them.
    pub(crate) fn before_devices(&self) -> Option<&str> {
        self.device_id.and_then(|_| Some(self.stored.split_once(SEPARATOR)?.1))
    }

    /// Whether the punch that was stored with this fingerprint is the one that is asked for.
    pub(crate) fn is_same(&self, punch: &Punch, fingerprint: &[u8]) -> bool {
        fingerprint == self.fingerprint && self.since.is_none_or(|since| since <= punch.received_at)
    }
}

/// A punch that was accepted and is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// The punch.
    pub(crate) punch: Punch,
    /// Its key, if the client sent one.
    pub(crate) key: Option<Key>,
    /// What others are told of it.
    pub(crate) tell: Option<PunchOutsideGeofence>,
    /// Whether it is one of those of which a person has only so many: whoever may import brings what there is.
    pub(crate) counts: bool,
}

/// What a decision depends on besides the request and whose punch it is.
pub(crate) struct Circumstances<'a> {
    /// Now.
    pub(crate) now: Timestamp,
    /// How far from now a punch may lie.
    pub(crate) accepts: &'a PunchSettings,
    /// Who asks.
    pub(crate) by: &'a By,
    /// From where.
    pub(crate) address: IpAddr,
}

/// Accepts a punch of `whose`, or refuses it. That it is nobody's is one wrong field among others: all that does not depend
/// on the person is looked at beside it.
pub(crate) fn decide(
    request: &NewPunch,
    key: Option<Key>,
    whose: Result<&EmployeeFact, Rejection>,
    given: &Circumstances<'_>,
) -> Result<Decided, Fault> {
    let Circumstances { now, by, .. } = *given;
    let at = request.at.map_or(now, microseconds);
    let mut fields = Fields::new();
    let person = fields.take("/employee_id", whose.and_then(|whose| served(whose, at, given)));
    let own = person.is_some_and(|(whose, _)| by.is_own(whose.employee_id));
    if let By::Member(member) = by
        && !may(member, request.source, own, person)
    {
        return Err(Fault::Forbidden);
    }

    let (source, device_id) = match by {
        By::Device(_, door) => (door.source(), Some(door.device_id)),
        By::Member(_) => (request.source, None),
    };
    let offline = source != Source::Import && now.duration_since(at) > given.accepts.online();
    let assignment = person.and_then(|(whose, date)| assignment_near(whose, date));
    // What is punched at a device was done where the device hangs, wherever else the person works.
    let site = match by {
        By::Device(_, door) => by.org().site(door.site_id),
        By::Member(_) => assignment.and_then(|assignment| by.org().site(assignment.site_id)),
    };

    fields.take("/at", within(at, source, given));
    position(&mut fields, request);
    let note = fields.take_optional("/note", request.note.as_deref().map(|note| validate::lines(note, 500)));
    let own = own && source != Source::Import;
    let elsewhere = site.map_or_else(Vec::new, |site| elsewhere(&mut fields, request, given, (site, own, offline)));
    let ((whose, _), note) = fields.all((person, note))?;

    let distance_m = elsewhere.iter().find_map(|exception| match exception {
        PunchException::OutsideGeofence { distance_m } => Some(*distance_m),
        PunchException::OutsideNetwork => None,
    });
    let punch = Punch {
        punch_id: PunchId::generate(),
        employee_id: whose.employee_id,
        at,
        direction: request.direction,
        source,
        offline,
        site_id: site.map(|site| site.site_id),
        device_id,
        latitude: request.latitude,
        longitude: request.longitude,
        accuracy_m: request.accuracy_m,
        note,
        exceptions: elsewhere,
        received_at: now,
        recorded_by: by.own().unwrap_or(whose).employee_id,
    };
    // An import tells of punches that were long ago; the exception stays with them.
    let distance_told = distance_m.filter(|_| source != Source::Import);
    let tell = distance_told.zip(site).map(|(distance_m, site)| PunchOutsideGeofence {
        punch_id: punch.punch_id,
        employee_id: whose.employee_id,
        employee_name: whose.name.clone(),
        manager_id: assignment.and_then(|assignment| assignment.manager_id),
        site_id: site.site_id,
        site_name: site.name.clone(),
        at,
        time_zone: site.time_zone.clone(),
        distance_m,
    });
    let counts = match by {
        By::Device(..) => true,
        By::Member(member) => !member.may_somewhere(Permission::PunchesImport),
    };
    Ok(Decided { punch, key, tell, counts })
}

/// Somebody and the date of their punch where they work; whom a device does not serve is nobody to it.
fn served<'a>(
    whose: &'a EmployeeFact,
    at: Timestamp,
    given: &Circumstances<'_>,
) -> Result<(&'a EmployeeFact, Date), Rejection> {
    let Circumstances { now, accepts, by, .. } = *given;
    let date = by.org().date_at(whose, at.clamp(now - accepts.import(), now + accepts.ahead()));
    match by {
        By::Device(_, door) if !at_door(door, whose, date) => {
            Err(Rejection::new(NOT_ON_DEVICE, "must be of the device's site, or on its list if it has one"))
        }
        By::Device(..) | By::Member(_) => Ok((whose, date)),
    }
}

fn at_door(door: &Door, whose: &EmployeeFact, date: Date) -> bool {
    // The going of a night shift comes on the date after the last one here.
    door.serves(whose, date) || date.yesterday().is_ok_and(|before| door.serves(whose, before))
}

/// Whether a member may punch for somebody; for nobody, whether they may for anybody: whoever may not is told no more.
fn may(member: &Member, source: Source, own: bool, person: Option<(&EmployeeFact, Date)>) -> bool {
    let permission = match source {
        Source::Import => Permission::PunchesImport,
        _ if own => Permission::PunchesCreate,
        _ => Permission::PunchesCreateForOthers,
    };
    match person {
        Some((whose, date)) => member.may(permission, whose, date),
        None => member.may_somewhere(permission),
    }
}

/// What is odd about where a punch comes from, by the rules of its site; what they refuse is rejected. Whoever punches for
/// others by right is believed, and so is an import, so only what is one's `own` is refused; a device hangs where it hangs.
fn elsewhere(
    fields: &mut Fields,
    request: &NewPunch,
    given: &Circumstances<'_>,
    (site, own, offline): (&SiteFact, bool, bool),
) -> Vec<PunchException> {
    let org: &Org = given.by.org();
    let rules = org.punch_rules(site.site_id);
    let at_device = given.by.own().is_none();
    let mut found = Vec::new();

    let fence = site.geofence.as_ref().filter(|_| !at_device && rules.geofence != Elsewhere::Off);
    let distance = fence
        .zip(request.latitude.zip(request.longitude))
        .and_then(|(fence, (latitude, longitude))| geofence::outside(fence, latitude, longitude));
    if own && fence.is_some() && rules.geofence == Elsewhere::Refuse {
        if let Some(distance) = distance {
            let detail = format!("must be within the geofence of the site, is {distance} m from its centre");
            fields.reject("/latitude", Rejection::new(OUTSIDE_GEOFENCE, detail));
        } else if request.latitude.is_none() && request.longitude.is_none() {
            fields.reject("/latitude", Rejection::new(POSITION_REQUIRED, "the site asks for a position"));
        }
    } else {
        found.extend(distance.map(|distance_m| PunchException::OutsideGeofence { distance_m }));
    }

    let networks = org.networks(site.site_id);
    let address = given.address.to_canonical();
    let outside = !networks.is_empty() && !networks.iter().any(|network| network.contains(&address));
    if outside && (own || at_device) {
        match rules.networks {
            Elsewhere::Off => {}
            Elsewhere::Refuse if !offline => {
                let detail = "must come from one of the networks of the site";
                fields.reject("", Rejection::new(OUTSIDE_NETWORK, detail));
            }
            // From where it is sent says nothing of where it was made.
            Elsewhere::Exception | Elsewhere::Refuse => found.push(PunchException::OutsideNetwork),
        }
    }
    found
}

fn within(at: Timestamp, source: Source, given: &Circumstances<'_>) -> Result<Timestamp, Rejection> {
    let back = if source == Source::Import { given.accepts.import() } else { given.accepts.offline() };
    let (earliest, latest) = (given.now - back, given.now + given.accepts.ahead());
    if (earliest..=latest).contains(&at) {
        Ok(at)
    } else {
        Err(Rejection::new(AT_OUT_OF_WINDOW, format!("must be between {earliest} and {latest}")))
    }
}

fn position(fields: &mut Fields, request: &NewPunch) {
    let mut range = |pointer: &str, value: Option<f64>, low: f64, high: f64| {
        if value.is_some_and(|value| !(low..=high).contains(&value)) {
            fields.reject(pointer, Rejection::new("out_of_range", format!("must be {low} to {high}")));
        }
    };
    range("/latitude", request.latitude, -90.0, 90.0);
    range("/longitude", request.longitude, -180.0, 180.0);
    range("/accuracy_m", request.accuracy_m, 0.0, 100_000.0);
    let together = || Rejection::new("position_incomplete", "latitude and longitude come together");
    match (request.latitude, request.longitude) {
        (Some(_), None) => fields.reject("/longitude", together()),
        (None, Some(_)) => fields.reject("/latitude", together()),
        _ => {}
    }
}

/// What PostgreSQL keeps, so that the punch read back is the one answered.
fn microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
