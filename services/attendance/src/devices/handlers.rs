//! `/devices`.

use crate::app::App;
use crate::devices::domain::{Described, Heard, new_secret};
use crate::devices::door::AtDevice;
use crate::devices::store::{self, Change};
use crate::error::Error;
use crate::facts::{InOrg, Then, keep};
use crate::openapi::{BadBody, BadQuery, NotAllowed, Refused};
use actix_web::{get, post, put, web};
use rollcall_attendance_api::devices::{Device, DeviceBody, DeviceSecret, Heartbeat, NewDevice};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::secret;
use rollcall_ids::{DeviceId, OrgId};
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// Add a device
///
/// Its secret is in the answer and nowhere else. There is no `Idempotency-Key`: a stored answer would be a stored
/// secret; a device whose answer was lost gets another one with `rotate-secret`. From now on days of the site that end
/// wait for what the device reports. Needs `devices.write`.
#[utoipa::path(
    operation_id = "create_device",
    tag = "devices",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    request_body(content = NewDevice, example = json!({
        "name": "Main entrance", "kind": "terminal", "site_id": "0193a6f0-7c1e-7000-8000-000000000005"
    })),
    responses(
        (status = 201, description = "The device and its secret", body = DeviceSecret, headers(
            ("Location" = String, description = "Where it can be read"), ("ETag" = String, description = "Its version"),
        )),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/devices")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Json<NewDevice>>) -> Result<Answer, Error> {
    allowed(&at, Permission::DevicesWrite)?;
    let NewDevice { name, kind, site_id, allowed_employees } = body?.0;
    let described = describe(&app, &at, DeviceBody { name, site_id, allowed_employees, disabled: false }).await?;
    let secret = new_secret();
    let hash = secret::sha256(secret.as_bytes());
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let work = move |conn: &mut diesel::PgConnection| {
        let row = store::add(conn, &tenant, (&described, kind), hash, by, now)?;
        keep::changed(conn, &tenant, tenant.org_id().0)?;
        Ok::<_, Fault>(row)
    };
    let device = app.core.db.transaction(&tenant, work).await?.view(&at.member.org)?;
    app.facts.org_changed(tenant.org_id());
    let location = format!("/api/attendance/v1/orgs/{}/devices/{}", tenant.org_id(), device.device_id);
    let version = device.version;
    Ok(Answer::created(location, &DeviceSecret { device, secret })?.version(version))
}

/// List devices
///
/// Oldest first. Needs `devices.read`.
#[utoipa::path(
    operation_id = "list_devices",
    tag = "devices",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of devices", body = Paged<Device>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/devices")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    allowed(&at, Permission::DevicesRead)?;
    let page = query?.0.page()?;
    let (tenant, after, fetch, org) = (at.tenant, page.after, page.fetch(), Arc::clone(&at.member.org));
    let load = move |conn: &mut diesel::PgConnection| {
        store::list(conn, &tenant, after, fetch)?.into_iter().map(|row| row.view(&org)).collect::<Result<_, _>>()
    };
    let devices: Vec<Device> = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(devices, &page, |device| device.device_id)?)?)
}

/// Read a device
///
/// Needs `devices.read`.
#[utoipa::path(
    operation_id = "read_device",
    tag = "devices",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("device_id" = DeviceId, Path, description = "The device"),
    ),
    responses(
        (status = 200, description = "The device", body = Device, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/devices/{device_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, DeviceId)>) -> Result<Answer, Error> {
    allowed(&at, Permission::DevicesRead)?;
    let (tenant, (_, id)) = (at.tenant, path.0);
    let row = app.core.db.transaction(&tenant, move |conn| store::one(conn, &tenant, id)).await?;
    let device = row.ok_or(Fault::NotFound)?.view(&at.member.org)?;
    Ok(Answer::ok(&device)?.version(device.version))
}

/// Change a device
///
/// Replaces all of it but its kind. Switched off, its secret is worth nothing and no day waits for it. Needs
/// `devices.write`.
#[utoipa::path(
    operation_id = "replace_device",
    tag = "devices",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("device_id" = DeviceId, Path, description = "The device"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = DeviceBody, example = json!({
        "name": "Back door", "site_id": "0193a6f0-7c1e-7000-8000-000000000005", "disabled": true
    })),
    responses(
        (status = 200, description = "The device", body = Device, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/devices/{device_id}")]
pub(crate) async fn replace(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, DeviceId)>,
    if_match: Then<IfMatch>,
    body: Then<Json<DeviceBody>>,
) -> Result<Answer, Error> {
    allowed(&at, Permission::DevicesWrite)?;
    let expected = if_match?.required()?;
    let described = describe(&app, &at, body?.0).await?;
    let device = change(&app, &at, (path.0.1, expected), move |conn, tenant, key, now| {
        store::change(conn, tenant, key, &Change::Describe(&described), now)
    });
    let device = device.await?;
    Ok(Answer::ok(&device)?.version(device.version))
}

/// Give a device another secret
///
/// The old one is worth nothing from now on; the new one is in the answer and nowhere else. Needs `devices.write`.
#[utoipa::path(
    operation_id = "rotate_device_secret",
    tag = "devices",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("device_id" = DeviceId, Path, description = "The device"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    responses(
        (status = 200, description = "The device and its secret", body = DeviceSecret, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/devices/{device_id}/rotate-secret")]
pub(crate) async fn rotate_secret(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, DeviceId)>,
    if_match: Then<IfMatch>,
) -> Result<Answer, Error> {
    allowed(&at, Permission::DevicesWrite)?;
    let expected = if_match?.required()?;
    let secret = new_secret();
    let hash = secret::sha256(secret.as_bytes());
    let device = change(&app, &at, (path.0.1, expected), move |conn, tenant, key, now| {
        store::change(conn, tenant, key, &Change::Secret(hash), now)
    });
    let device = device.await?;
    let version = device.version;
    Ok(Answer::ok(&DeviceSecret { device, secret })?.version(version))
}

/// Say that a device has nothing left to send
///
/// By the device itself, with its secret, every few minutes and whenever it is done with what it kept while offline. Days
/// of the site that have ended are judged once every device has said so, or has punched, since.
#[utoipa::path(
    operation_id = "device_heartbeat",
    tag = "devices",
    security(("device" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "Who it is, and what time it is", body = Heartbeat), Refused),
)]
#[post("/api/attendance/v1/orgs/{org_id}/devices/current/heartbeat")]
pub(crate) async fn heartbeat(app: web::Data<App>, at: AtDevice) -> Result<Answer, Error> {
    let now = app.core.clock.now();
    let AtDevice { tenant, org, door } = at;
    app.seen.note((tenant.org_id(), door.device_id), Heard { at: now, reported_until: Some(now) });
    // It comes seldom, and whoever asks for the day next shall see it.
    app.seen.write(&app.core.db).await;
    let time_zone = org.zone_of(door.site_id).to_owned();
    Ok(Answer::ok(&Heartbeat { device_id: door.device_id, site_id: door.site_id, time_zone, now })?)
}

fn allowed(at: &InOrg, permission: Permission) -> Result<(), Fault> {
    if at.member.may_in_org(permission) { Ok(()) } else { Err(Fault::Forbidden) }
}

async fn describe(app: &App, at: &InOrg, body: DeviceBody) -> Result<Described, Fault> {
    let named = body.allowed_employees.iter().flatten().copied().collect();
    let people = app.facts.employees(&at.tenant, named).await?;
    Described::parse(body, &at.member.org, |id| people.contains_key(&id))
}

/// Changes a device; what is in memory of it is dropped, here and in other instances.
async fn change<F>(app: &App, at: &InOrg, key: (DeviceId, i64), work: F) -> Result<Device, Fault>
where
    F: FnOnce(
            &mut diesel::PgConnection,
            &rollcall_common::tenant::Tenant,
            (DeviceId, i64),
            jiff::Timestamp,
        ) -> Result<store::Row, Fault>
        + Send
        + 'static,
{
    let (tenant, now) = (at.tenant, app.core.clock.now());
    let work = move |conn: &mut diesel::PgConnection| {
        let row = work(conn, &tenant, key, now)?;
        keep::changed(conn, &tenant, tenant.org_id().0)?;
        Ok::<_, Fault>(row)
    };
    let row = app.core.db.transaction(&tenant, work).await?;
    app.facts.org_changed(tenant.org_id());
    row.view(&at.member.org)
}
