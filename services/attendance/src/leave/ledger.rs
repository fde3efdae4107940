//! `/leave-ledger` and `/leave-balances`.

use super::book::{Book, Entry};
use super::desk::Desk;
use super::domain::{self, ByHand};
use super::rules::Rules;
use super::taking::Standing;
use super::{entries, requests_store, store};
use crate::app::App;
use crate::approvals::bench::Bench;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadKeyedBody, BadQuery, NotAllowed, Refused};
use actix_web::{get, post, web};
use diesel::pg::PgConnection;
use jiff::civil::Date;
use rollcall_attendance_api::codes::ABOVE_BALANCE;
use rollcall_attendance_api::leave::{LeaveBalance, LeaveBalances, LeaveEntry, LeaveType, NewLeaveEntry};
use rollcall_common::answer::Answer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeaveTypeId, OrgId};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// Grant or adjust leave
///
/// By hand. A grant may stand for dates, for which no policy gives anything then. What takes away takes from what expires
/// first, and not more than there is unless the kind of leave allows debt: then it may be several entries, of which the
/// first is answered. Needs `leave.write` on the organisation.
#[utoipa::path(
    operation_id = "create_leave_entry",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "grant-1"),
    ),
    request_body(content = NewLeaveEntry, example = json!({
        "employee_id": "0193a6f0-7c1e-7000-8000-000000000002", "leave_type_id": "0193a6f0-7c1e-7000-8000-000000000001",
        "kind": "grant", "minutes": 2_400, "expires_on": "2027-03-31", "note": "Five days for the night before the fair"
    })),
    responses(
        (status = 201, description = "The entry", body = LeaveEntry, headers(
            ("Location" = String, description = "The ledger of the person"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`leave_earned_already`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-ledger")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<NewLeaveEntry>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let (now, tenant) = (app.core.clock.now(), at.tenant);
    let Some(person) = app.facts.employee(&tenant, body.employee_id).await? else {
        let of = move |conn: &mut PgConnection| store::one_type(conn, &tenant, body.leave_type_id);
        let of = app.core.db.transaction::<_, Fault, _>(&tenant, of).await?;
        return Err(crate::facts::unknown_employee(domain::by_hand(&body, of, at.member.today(now))).into());
    };
    let (org, by) = (Arc::clone(&at.member.org), at.member.employee.employee_id);
    let bench = Bench { today: org.date_at(&person, now), org, person };
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let settle_days = app.leave.settle_days;
    let work = move |conn: &mut PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let of = store::one_type(conn, &tenant, body.leave_type_id)?;
            let (entry, of) = domain::by_hand(&body, of, bench.today)?;
            let mut desk = Desk::open(conn, &tenant, &bench, &of, settle_days, now)?;
            let entry = enter(conn, &tenant, &mut desk, entry, by)?;
            let ledger = format!("/api/attendance/v1/orgs/{}/leave-ledger", tenant.org_id());
            Ok::<_, Error>(Answer::created(format!("{ledger}?employee_id={}", entry.employee_id), &entry)?)
        })
    };
    app.core.db.transaction(&tenant, work).await
}

fn enter(
    conn: &mut PgConnection,
    tenant: &Tenant,
    desk: &mut Desk<'_>,
    by_hand: ByHand,
    by: EmployeeId,
) -> Result<LeaveEntry, Error> {
    let ByHand { kind, minutes, effective_on, expires_on, earned, note } = by_hand;
    if minutes > 0 {
        let meets = |(from, to): (Date, Date)| earned.is_some_and(|earned| from <= earned.1 && earned.0 <= to);
        if desk.book.earned().any(meets) {
            return Err(Error::LeaveEarnedAlready);
        }
        let entry = Entry::new(LeaveEntryId::generate(), kind, minutes, effective_on);
        let entry = desk.enter(conn, tenant, Entry { expires_on, earned, ..entry }, by, Some(&note))?;
        desk.settle(conn, tenant)?;
        return Ok(entry);
    }
    let taken = desk.taken(&[(effective_on, -minutes)], None);
    let mut first = None;
    for entry in taken.map_err(|detail| Fault::invalid("/minutes", ABOVE_BALANCE, detail))? {
        let is_first = first.is_none() && entry.kind == kind;
        let entry = desk.enter(conn, tenant, entry, by, Some(&note))?;
        if is_first {
            first = Some(entry);
        }
    }
    first.ok_or_else(|| Fault::internal(anyhow::anyhow!("something is always taken")).into())
}

/// `?employee_id=&leave_type_id=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct LedgerQuery {
    employee_id: Option<EmployeeId>,
    leave_type_id: Option<LeaveTypeId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Read the leave ledger
///
/// Of one person, the newest entry first. Needs `leave.read` on the person.
#[utoipa::path(
    operation_id = "list_leave_entries",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("leave_type_id" = Option<LeaveTypeId>, Query, description = "Only of this kind of leave"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of entries", body = Paged<LeaveEntry>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-ledger")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<LedgerQuery>>) -> Result<Answer, Error> {
    let LedgerQuery { employee_id, leave_type_id, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page::<i64>()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::LeaveRead).await?;
    let (tenant, whose, after, fetch) = (at.tenant, person.employee_id, page.after, page.fetch());
    let load = move |conn: &mut PgConnection| entries::list(conn, &tenant, whose, leave_type_id, after, fetch);
    let found = app.core.db.transaction(&tenant, load).await?;
    let found = Paged::new(found, &page, |(seq, _)| *seq)?;
    let items: Vec<LeaveEntry> = found.items.into_iter().map(|(_, entry)| entry).collect();
    Ok(Answer::ok(&Paged { items, next_cursor: found.next_cursor })?)
}

/// `?employee_id=&as_of=`
#[derive(Debug, Deserialize)]
pub(crate) struct BalanceQuery {
    employee_id: Option<EmployeeId>,
    as_of: Option<Date>,
}

/// Read balances of leave
///
/// Of one person on a day, of every kind that is taken from a balance; on a day to come with what will be earned, carried
/// over and expire until then. At most ten years ahead. Needs `leave.read` on the person.
#[utoipa::path(
    operation_id = "read_leave_balances",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("as_of" = Option<String>, Query, description = "The day; today when absent", format = Date, example = "2026-12-31"),
    ),
    responses((status = 200, description = "The balances", body = LeaveBalances), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-balances")]
pub(crate) async fn balances(
    app: web::Data<App>,
    at: InOrg,
    query: Then<Query<BalanceQuery>>,
) -> Result<Answer, Error> {
    let BalanceQuery { employee_id, as_of } = query?.0;
    let person = crate::facts::person(&app, &at, employee_id, Permission::LeaveRead).await?;
    let today = at.member.org.date_at(&person, app.core.clock.now());
    let as_of = as_of.map_or(Ok(today), |day| domain::not_too_far(day, today));
    let as_of = as_of.map_err(|rejection| Fault::invalid("?as_of", rejection.code, rejection.detail))?;
    let (tenant, employee_id, org) = (at.tenant, person.employee_id, Arc::clone(&at.member.org));
    let settle_days = app.leave.settle_days;
    let load = move |conn: &mut PgConnection| {
        let books = entries::books(conn, &tenant, employee_id)?;
        let pending = requests_store::pending(conn, &tenant, employee_id)?;
        Ok::<_, Fault>((Rules::load(conn, &tenant, org, settle_days)?, books, pending))
    };
    let (rules, books, pending) = app.core.db.transaction(&tenant, load).await?;
    let items = move || -> Vec<LeaveBalance> {
        let of_balance = rules.types.iter().filter(|one| one.body.from_balance);
        let of = |one: &LeaveType| {
            let empty = Book::default();
            let book = books.get(&one.leave_type_id).unwrap_or(&empty);
            let course = rules.ahead(&person, one.leave_type_id, book, Rules::horizon(book, as_of, today));
            let standing = Rules::account(book, &course, today).standing(as_of);
            balance(one, standing, pending.get(&one.leave_type_id).copied().unwrap_or(0))
        };
        of_balance.map(of).collect()
    };
    let items = web::block(items).await.map_err(Fault::internal)?;
    Ok(Answer::ok(&LeaveBalances { employee_id, as_of, items })?)
}

fn balance(of: &LeaveType, standing: Standing, pending_minutes: i64) -> LeaveBalance {
    let (next_expiry_on, next_expiry_minutes) = standing.next_expiry.unzip();
    LeaveBalance {
        leave_type_id: of.leave_type_id,
        balance_minutes: standing.balance,
        available_minutes: standing.available,
        pending_minutes,
        next_expiry_on,
        next_expiry_minutes,
    }
}
