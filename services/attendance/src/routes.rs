//! Every route of the service, in one place, and the head of its description.

use crate::{
    approvals, audit, calendar_feeds, corrections, devices, exports, leave, org_settings, overtime_requests, periods,
    punch_rules, punches, roster, rotations, shifts, summaries, swaps, workdays,
};
use rollcall_attendance_api::periods::PendingDays;
use rollcall_attendance_api::swaps::SwapObstacle;
use rollcall_common::extract::BodyLimit;
use rollcall_common::problem::Problem;
use utoipa::OpenApi;
use utoipa::openapi::Components;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

/// Bytes of a batch of 500 punches with notes; the proxy takes no more either.
const BATCH_LIMIT: BodyLimit = BodyLimit(1 << 20);

/// Bytes of 500 plans, which have up to 300 each.
const ROSTER_LIMIT: BodyLimit = BodyLimit(256 << 10);

/// Registers them.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        // First, because patterns are tried in this order, and this is the one that everybody comes for at nine.
        .service(punches::handlers::create)
        .service(shifts::handlers::create)
        .service(shifts::handlers::list)
        .service(shifts::handlers::read)
        .service(shifts::handlers::versions)
        .service(shifts::handlers::change)
        .service(rotations::handlers::create)
        .service(rotations::handlers::list)
        .service(rotations::handlers::read)
        .service(
            scope::scope("/api/attendance/v1/orgs/{org_id}/roster")
                .app_data(ROSTER_LIMIT)
                .service(roster::handlers::plan)
                .service(roster::handlers::read)
                .service(roster::calendar::read),
        )
        .service(
            scope::scope("/api/attendance/v1/orgs/{org_id}/punches/batch")
                .app_data(BATCH_LIMIT)
                .service(punches::handlers::create_batch),
        )
        .service(punches::handlers::list)
        .service(punch_rules::handlers::read)
        .service(punch_rules::handlers::replace)
        .service(devices::handlers::create)
        .service(devices::handlers::list)
        .service(devices::handlers::heartbeat)
        .service(devices::handlers::read)
        .service(devices::handlers::replace)
        .service(devices::handlers::rotate_secret)
        .service(approvals::handlers::list)
        .service(corrections::handlers::create)
        .service(corrections::handlers::list)
        .service(corrections::handlers::read)
        .service(corrections::handlers::approve)
        .service(corrections::handlers::reject)
        .service(corrections::handlers::cancel)
        .service(overtime_requests::handlers::create)
        .service(overtime_requests::handlers::list)
        .service(overtime_requests::handlers::read)
        .service(overtime_requests::handlers::approve)
        .service(overtime_requests::handlers::reject)
        .service(overtime_requests::handlers::cancel)
        .service(swaps::handlers::create)
        .service(swaps::handlers::list)
        .service(swaps::handlers::read)
        .service(swaps::decisions::accept)
        .service(swaps::decisions::approve)
        .service(swaps::decisions::reject)
        .service(swaps::decisions::cancel)
        .service(calendar_feeds::handlers::create)
        .service(calendar_feeds::handlers::list)
        .service(calendar_feeds::handlers::rotate_secret)
        .service(calendar_feeds::handlers::remove)
        .service(calendar_feeds::read::read)
        .service(org_settings::handlers::read)
        .service(org_settings::handlers::replace)
        .service(audit::handlers::list)
        .service(periods::handlers::create)
        .service(periods::handlers::list)
        .service(periods::handlers::read)
        .service(periods::handlers::lock)
        .service(periods::handlers::reopen)
        .service(periods::handlers::close)
        .service(periods::adjustments::list)
        .service(summaries::handlers::list)
        .service(exports::handlers::create)
        .service(leave::types::create)
        .service(leave::types::list)
        .service(leave::types::read)
        .service(leave::types::change)
        .service(leave::policies::create)
        .service(leave::policies::list)
        .service(leave::policies::read)
        .service(leave::policies::change)
        .service(leave::ledger::create)
        .service(leave::ledger::list)
        .service(leave::ledger::balances)
        .service(leave::requests::create)
        .service(leave::requests::list)
        .service(leave::requests::read)
        .service(leave::requests::approve)
        .service(leave::requests::reject)
        .service(leave::requests::cancel)
        .service(leave::away::list)
        .service(workdays::handlers::list)
        .service(workdays::now::read);
}

/// Title, text and tags.
pub(crate) fn describe() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rollcall attendance",
        version = "1",
        description = "What was planned, what was punched, and what the day came to. Punches are facts that are kept \
            as they came; workdays are computed from them at each reading."
    ),
    servers((url = "/", description = "Behind the proxy")),
    tags(
        (name = "shifts", description = "Planned times and the rules of a workday"),
        (name = "rotations", description = "Cycles of shifts"),
        (name = "roster", description = "Who is planned for which shift on which date"),
        (name = "punches", description = "Clocking in and out"),
        (name = "approvals", description = "What waits for somebody's decision"),
        (name = "punch rules", description = "What a site does with punches from elsewhere"),
        (name = "devices", description = "Terminals and kiosks"),
        (name = "corrections", description = "Putting a day right, with the approval of somebody else"),
        (name = "overtime", description = "That overtime counts, with the approval of somebody else"),
        (name = "swaps", description = "Shifts that two people exchange, with the approval of somebody else"),
        (name = "calendar feeds", description = "A person's roster and leave, for the calendar on their phone"),
        (name = "settings", description = "What an organisation decides about attendance as a whole"),
        (name = "periods", description = "Locking what is paid by, and what came too late"),
        (name = "exports", description = "Attendance as a file"),
        (name = "leave", description = "Kinds of leave, how they are earned, what was earned and used, who asks for it and who is away"),
        (name = "workdays", description = "What a day came to"),
    ),
    components(schemas(Problem, PendingDays, SwapObstacle)),
    modifiers(&DeviceScheme),
)]
struct Description;

/// How a device says who it is.
struct DeviceScheme;

impl utoipa::Modify for DeviceScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("Secret of a device, from `POST …/devices`".to_owned());
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("device", SecurityScheme::Http(scheme));
    }
}
