//! `/periods`.

use super::domain::{self, Act};
use super::store::{self, Stored};
use super::{check, freeze};
use crate::app::App;
use crate::audit::store as audit;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::org_settings::store as settings;
use actix_web::{get, post, web};
use jiff::ToSpan as _;
use rollcall_attendance_api::periods::{Locking, NewPeriod, Period, PeriodStatus, Reopening};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, OptionalJson, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::validate::{self, Fields};
use rollcall_ids::{OrgId, PeriodId};
use rollcall_org_api::rights::Permission;
use std::time::Duration;

/// How long a request carries a lock on: what is left is done beside requests.
const AT_ONCE: Duration = Duration::from_secs(1);

fn answer(period: &Period) -> Result<Answer, Fault> {
    Ok(Answer::ok(period)?.version(period.version))
}

/// Define a period
///
/// No date is in two periods. Those who lock periods are told some days before its last one, as the settings say. Needs
/// `periods.write` on the organisation.
#[utoipa::path(
    operation_id = "create_period",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "period-2026-11"),
    ),
    request_body(content = NewPeriod, example = json!({"name": "November", "from": "2026-11-01", "to": "2026-11-30"})),
    responses(
        (status = 201, description = "The period, open", body = Period, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`period_overlap`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/periods")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Idempotent<NewPeriod>>) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::PeriodsWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let (name, from, to) = domain::parse(&body)?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let (status, period_id) = (PeriodStatus::Open, PeriodId::generate());
            let period = Period {
                period_id,
                name,
                from,
                to,
                status,
                people_done: 0,
                people_total: 0,
                pending_days: 0,
                locked_at: None,
                version: 1,
            };
            let warn_on = Some(to - i32::from(settings::read(conn, &tenant)?.0.periods.warn_days).days());
            let stored = Stored { period, generation: 0, frozen_up_to: None, locked_by: None, warn_on };
            store::add(conn, &tenant, &stored)?;
            let entry = audit::Entry {
                actor_id: Some(by),
                action: "period.created",
                subject_id: period_id.0,
                reason: None,
                before: None,
                after: Some(&stored.period),
            };
            audit::record(conn, &tenant, &entry, now)?;
            let location = format!("/api/attendance/v1/orgs/{}/periods/{period_id}", tenant.org_id());
            Ok::<_, Error>(Answer::created(location, &stored.period)?.version(1))
        })
    };
    app.core.db.transaction(&tenant, work).await
}

/// List periods
///
/// The latest first. Needs `periods.read`.
#[utoipa::path(
    operation_id = "list_periods",
    tag = "periods",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation"), PageParams),
    responses((status = 200, description = "A page of periods", body = Paged<Period>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/periods")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::PeriodsRead) {
        return Err(Fault::Forbidden.into());
    }
    let page = query?.0.page::<store::After>()?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut diesel::PgConnection| store::list(conn, &tenant, after, fetch);
    let found = app.core.db.transaction(&tenant, load).await?;
    let page = Paged::new(found, &page, |one| (one.period.from, one.period.period_id))?;
    Ok(Answer::ok(&page.map(|stored| stored.period))?)
}

/// Read a period
///
/// While it is being locked, with how far that is. Needs `periods.read`.
#[utoipa::path(
    operation_id = "read_period",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period_id" = PeriodId, Path, description = "The period"),
    ),
    responses(
        (status = 200, description = "The period", body = Period, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/periods/{period_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, PeriodId)>) -> Result<Answer, Error> {
    Ok(answer(&readable(&app, &at, path.0.1).await?)?)
}

/// A period that the caller may read.
pub(crate) async fn readable(app: &App, at: &InOrg, id: PeriodId) -> Result<Period, Fault> {
    if !at.member.may_somewhere(Permission::PeriodsRead) {
        return Err(Fault::Forbidden);
    }
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| store::one(conn, &tenant, id);
    Ok(app.core.db.transaction::<_, Fault, _>(&tenant, load).await?.ok_or(Fault::NotFound)?.period)
}

/// Lock a period
///
/// Keeps every day of everybody as it is now: what comes later changes nothing there, and is an adjustment. What can be
/// done in a second is done before the answer; a large organisation goes on `locking`, and reading the period tells how
/// far. Only once every day of it is judged: its last one is over at every site, no window is open (a night shift that
/// began on the last day is worked into the next), and every device has reported since. A device that is lost is switched
/// off, or the lock is forced with a reason: then the days that wait for devices are kept as they are, and counted in
/// `pending_days`. The body may be left out. Needs `periods.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "lock_period",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period_id" = PeriodId, Path, description = "The period"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = Option<Locking>, example = json!({})),
    responses(
        (status = 200, description = "It is locked, or being locked", body = Period, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`period_not_over`; `period_pending` with a member `pending` (`PendingDays`): how many days of how many people are not judged, and from when on it can be locked; `period_state` when it is not open", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/periods/{period_id}/lock")]
pub(crate) async fn lock(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, PeriodId)>,
    if_match: Then<IfMatch>,
    body: Then<OptionalJson<Locking>>,
) -> Result<Answer, Error> {
    may_write(&at)?;
    let (id, if_match, now) = (path.0.1, if_match?, app.core.clock.now());
    let (force, reason) = domain::forced(&body?.0)?;
    if_match.required()?;
    // Whatever else is in the way is said before days are looked at.
    let period = readable(&app, &at, id).await?;
    if_match.check(period.version)?;
    Act::Lock(0).apply(&period, at.member.org.today(now))?;
    let unjudged = check::unjudged(&app, &at, (period.from, period.to), now).await?;
    if let Some(refusal) = check::refusal(&app, &at, &unjudged, force).await? {
        return Err(refusal);
    }
    act(&app, &at, id, if_match, Act::Lock(unjudged.days()), reason).await?;
    freeze::carry_on(&app.core.db, &app.core.outbox, at.tenant, id, now, AT_ONCE).await?;
    app.periods.notify_one();
    Ok(answer(&readable(&app, &at, id).await?)?)
}

/// Reopen a locked period
///
/// Its days are computed again whenever they are read, from all facts; what was kept stays in the database, and the
/// change with its reason in the record of changes. One that is still being locked is given up: of the lock and the
/// reopening the one that ends first holds, and the other finds that the version has changed. A closed period stays closed.
/// Needs `periods.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "reopen_period",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period_id" = PeriodId, Path, description = "The period"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = Reopening, example = json!({"reason": "Corrections of the second half were missing"})),
    responses(
        (status = 200, description = "It is open", body = Period, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`period_state` when it is neither locked nor being locked", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/periods/{period_id}/reopen")]
pub(crate) async fn reopen(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, PeriodId)>,
    if_match: Then<IfMatch>,
    body: Then<Json<Reopening>>,
) -> Result<Answer, Error> {
    may_write(&at)?;
    let (if_match, body) = (if_match?, body?.0);
    let mut fields = Fields::new();
    let reason = fields.take("/reason", validate::lines(&body.reason, 500));
    let (reason,) = fields.all((reason,))?;
    Ok(answer(&act(&app, &at, path.0.1, if_match, Act::Reopen, Some(reason)).await?)?)
}

/// Close a locked period
///
/// For good: it cannot be reopened. Needs `periods.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "close_period",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period_id" = PeriodId, Path, description = "The period"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    responses(
        (status = 200, description = "It is closed", body = Period, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`period_state` when it is not locked", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/periods/{period_id}/close")]
pub(crate) async fn close(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, PeriodId)>,
    if_match: Then<IfMatch>,
) -> Result<Answer, Error> {
    may_write(&at)?;
    Ok(answer(&act(&app, &at, path.0.1, if_match?, Act::Close, None).await?)?)
}

fn may_write(at: &InOrg) -> Result<(), Fault> {
    if at.member.may_in_org(Permission::PeriodsWrite) { Ok(()) } else { Err(Fault::Forbidden) }
}

/// Does something to a period as it was read; of two at once, one is told that it has changed.
async fn act(
    app: &App,
    at: &InOrg,
    id: PeriodId,
    if_match: IfMatch,
    act: Act,
    reason: Option<String>,
) -> Result<Period, Error> {
    if_match.required()?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let today = at.member.org.today(now);
    let work = move |conn: &mut diesel::PgConnection| {
        let mut stored = store::locked(conn, &tenant, id)?.ok_or(Fault::NotFound)?;
        if_match.check(stored.period.version)?;
        let before = stored.period.clone();
        stored.period.status = act.apply(&before, today)?;
        stored.period.version += 1;
        if let Act::Lock(pending_days) = act {
            stored.generation += 1;
            stored.period.pending_days = pending_days;
            (stored.frozen_up_to, stored.locked_by, stored.period.people_done) = (None, Some(by), 0);
            stored.period.people_total = store::people_count(conn, &tenant)?;
        }
        store::note(conn, &tenant, &stored)?;
        let entry = audit::Entry {
            actor_id: Some(by),
            action: act.name(),
            subject_id: id.0,
            reason: reason.as_deref(),
            before: Some(&before),
            after: Some(&stored.period),
        };
        audit::record(conn, &tenant, &entry, now)?;
        Ok::<_, Error>(stored.period)
    };
    app.core.db.transaction(&tenant, work).await
}
