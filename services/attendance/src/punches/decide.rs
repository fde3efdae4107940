//! Whether a punch is accepted, and as what: pure, so that a rush costs no query here.

use crate::facts::domain::{Member, assignment_near};
use crate::punches::geofence;
use crate::settings::PunchSettings;
use jiff::Timestamp;
use rollcall_attendance_api::codes::AT_OUT_OF_WINDOW;
use rollcall_attendance_api::events::PunchOutsideGeofence;
use rollcall_attendance_api::punches::{NewPunch, Punch, PunchException, Source};
use rollcall_common::fault::Fault;
use rollcall_common::secret::sha256;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::PunchId;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;

/// What makes a repetition of a punch recognisable, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// What the client chose; unique for the employee.
    pub(crate) key: String,
    /// SHA-256 of what was asked for: the same bytes of JSON or others that mean the same.
    pub(crate) fingerprint: [u8; 32],
}

impl Key {
    /// The key of a request. Whose punch it is stands beside the key, not in the fingerprint.
    pub(crate) fn new(key: String, request: &NewPunch) -> Result<Self, Fault> {
        let canonical = NewPunch { employee_id: None, ..request.clone() };
        let bytes = serde_json::to_vec(&canonical).map_err(Fault::internal)?;
        Ok(Self { key, fingerprint: sha256(&bytes) })
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
}

/// What a decision depends on besides the request.
pub(crate) struct Circumstances<'a> {
    /// Now.
    pub(crate) now: Timestamp,
    /// How far from now a punch may lie.
    pub(crate) accepts: &'a PunchSettings,
    /// Who asks.
    pub(crate) by: &'a Member,
    /// Whose punch it is.
    pub(crate) whose: &'a EmployeeFact,
}

/// Accepts or refuses.
pub(crate) fn decide(request: &NewPunch, key: Option<Key>, given: &Circumstances<'_>) -> Result<Decided, Fault> {
    let Circumstances { now, by, whose, .. } = *given;
    let at = request.at.map_or(now, microseconds);
    let date = by.org.date_at(whose, at.clamp(now - given.accepts.import(), now + given.accepts.ahead()));
    allowed(request, given, date)?;

    let mut fields = Fields::new();
    fields.take("/at", within(at, request.source, given));
    position(&mut fields, request);
    let note = fields.take_optional("/note", request.note.as_deref().map(|note| validate::text(note, 500)));
    let (note,) = fields.all((note,))?;

    let assignment = assignment_near(whose, date);
    let site = assignment.and_then(|assignment| by.org.site(assignment.site_id));
    let distance_m = site
        .and_then(|site| site.geofence.as_ref())
        .zip(request.latitude.zip(request.longitude))
        .and_then(|(fence, (latitude, longitude))| geofence::outside(fence, latitude, longitude));
    let punch = Punch {
        punch_id: PunchId::generate(),
        employee_id: whose.employee_id,
        at,
        direction: request.direction,
        source: request.source,
        offline: request.source != Source::Import && now.duration_since(at) > given.accepts.online(),
        site_id: site.map(|site| site.site_id),
        latitude: request.latitude,
        longitude: request.longitude,
        accuracy_m: request.accuracy_m,
        note,
        exceptions: distance_m.map(|distance_m| PunchException::OutsideGeofence { distance_m }).into_iter().collect(),
        received_at: now,
        recorded_by: by.employee.employee_id,
    };
    // An import tells of punches that were long ago; the exception stays with them.
    let distance_told = distance_m.filter(|_| request.source != Source::Import);
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
    Ok(Decided { punch, key, tell })
}

fn allowed(request: &NewPunch, given: &Circumstances<'_>, date: jiff::civil::Date) -> Result<(), Fault> {
    let own = given.whose.employee_id == given.by.employee.employee_id;
    let permission = match request.source {
        Source::Import => Permission::PunchesImport,
        _ if own => Permission::PunchesCreate,
        _ => Permission::PunchesCreateForOthers,
    };
    if given.by.may(permission, given.whose, date) { Ok(()) } else { Err(Fault::Forbidden) }
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
