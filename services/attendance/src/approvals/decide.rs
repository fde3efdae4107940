//! A request is decided: the part of `…/approve`, `…/reject` and `…/cancel` that all kinds share.

use super::bench::Bench;
use super::domain::{Request, Voice};
use super::{open, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::approvals::{Decision, RequestKind, RequestStatus, Verdict};
use rollcall_attendance_api::events::{RequestDecided, SWAP_ACCEPTED, decided};
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::extract::Json;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{self, Fields};
use rollcall_ids::RequestId;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// A decision that was made, for what a kind has to do about it.
pub(crate) struct Decided {
    /// The request as it stands now.
    pub(crate) request: Request,
    /// The person it is about, their organisation, and today.
    pub(crate) bench: Bench,
}

impl Decided {
    /// Whether this decision has made it hold.
    pub(crate) fn holds_now(&self) -> bool {
        self.request.approval.status == RequestStatus::Approved
    }
}

/// Which say somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// That of the colleague whom a swap takes, and who has to agree first.
    Consent,
    /// That of whoever decides, or takes it back.
    Decision,
    /// That of whoever ends leave that holds, from a day on.
    End(Date),
}

/// Agrees to be the other one of a request that takes two; from then on it waits for a decision.
pub(crate) async fn accept<T, F>(
    app: &App,
    at: &InOrg,
    request: (RequestKind, RequestId),
    body: Then<Json<Decision>>,
    effect: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut PgConnection, &Tenant, &Decided) -> Result<T, Error> + Send + 'static,
{
    say(app, at, request, body, (Part::Consent, Verdict::Approved), effect).await
}

/// Decides a request of a kind, tells whom it concerns, and does what follows from it (`effect`), or nothing at all.
/// Whoever may not decide is told so before they are told that it is too late.
pub(crate) async fn decide<T, F>(
    app: &App,
    at: &InOrg,
    request: (RequestKind, RequestId),
    body: Then<Json<Decision>>,
    verdict: Verdict,
    effect: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut PgConnection, &Tenant, &Decided) -> Result<T, Error> + Send + 'static,
{
    say(app, at, request, body, (Part::Decision, verdict), effect).await
}

/// Takes back what is left of leave that holds from a day on.
pub(crate) async fn end<T, F>(
    app: &App,
    at: &InOrg,
    request: (RequestKind, RequestId),
    body: Then<Json<Decision>>,
    from: Date,
    effect: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut PgConnection, &Tenant, &Decided) -> Result<T, Error> + Send + 'static,
{
    say(app, at, request, body, (Part::End(from), Verdict::Cancelled), effect).await
}

async fn say<T, F>(
    app: &App,
    at: &InOrg,
    (kind, id): (RequestKind, RequestId),
    body: Then<Json<Decision>>,
    (part, verdict): (Part, Verdict),
    effect: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut PgConnection, &Tenant, &Decided) -> Result<T, Error> + Send + 'static,
{
    let mut fields = Fields::new();
    let note = body?.0.note;
    let note = fields.take_optional("/note", note.as_deref().map(|note| validate::lines(note, 500)));
    let (note,) = fields.all((note,))?;
    let (tenant, now, outbox) = (at.tenant, app.core.clock.now(), app.core.outbox.clone());
    let find = move |conn: &mut PgConnection| store::one(conn, &tenant, kind, id);
    let found = app.core.db.transaction::<_, Fault, _>(&tenant, find).await?.ok_or(Fault::NotFound)?;
    let bench = bench(app, at, &found, now).await?;
    let absent = absent(app, at, bench.today).await?;
    let caller = Arc::clone(&at.member.employee);
    let work = move |conn: &mut PgConnection| {
        let mut request = store::locked(conn, &tenant, kind, id)?.ok_or(Fault::NotFound)?;
        // Whoever decides while somebody else does has not seen what they said: it is the other one who is heard.
        let met = request.approval.version != found.approval.version;
        let seen = if met { &found } else { &request };
        let everywhere = if seen.approval.level > 1 { store::everywhere(conn, &tenant)? } else { Vec::new() };
        let alone = bench.is_alone(seen, &everywhere);
        let voice = match part {
            Part::Consent => seen.consent(caller.employee_id)?,
            Part::Decision => bench.voice(seen, verdict, &caller, &absent, alone)?,
            Part::End(_) => bench.ending(seen, &caller)?,
        };
        if met {
            return Err(Error::Decided(happened(&request)));
        }
        let waited_for = open::approvers(conn, &tenant, &bench, &request)?;
        let so_far = happened(&request);
        let said = match part {
            Part::Consent | Part::Decision => request.take(verdict, voice, note, now),
            Part::End(from) => request.end(from, voice, note, now),
        };
        let said = match said {
            Ok(said) => said.clone(),
            Err(Error::AlreadyDecided) => return Err(Error::Decided(so_far)),
            Err(error) => return Err(error),
        };
        store::note(conn, &tenant, &request, &said)?;
        tell(conn, &tenant, &outbox, &bench, &request, (&caller, voice), waited_for)?;
        effect(conn, &tenant, &Decided { request, bench })
    };
    app.core.db.transaction(&tenant, work).await
}

/// What happened to a request last, in a sentence.
fn happened(request: &Request) -> String {
    let Some(said) = request.approval.decisions.last() else { return "it waits for a decision".to_owned() };
    let verdict = match said.verdict {
        Verdict::Approved => "approved",
        Verdict::Rejected => "rejected",
        Verdict::Cancelled if said.from.is_some() => "ended",
        Verdict::Cancelled => "cancelled",
    };
    let level = if request.approval.levels > 1 { format!(" at level {}", said.level) } else { String::new() };
    format!("it was {verdict}{level} at {}", said.at)
}

/// What says who may decide a request.
pub(crate) async fn bench(app: &App, at: &InOrg, request: &Request, now: Timestamp) -> Result<Bench, Fault> {
    let person = app.facts.employee(&at.tenant, request.employee_id).await?.ok_or(Fault::NotFound)?;
    let today = at.member.org.date_at(&person, now);
    Ok(Bench { org: Arc::clone(&at.member.org), person, today })
}

/// Those who have delegated to the caller today.
pub(crate) async fn absent(app: &App, at: &InOrg, today: Date) -> Result<Vec<Arc<EmployeeFact>>, Fault> {
    let (tenant, delegate) = (at.tenant, at.member.employee.employee_id);
    let find = move |conn: &mut PgConnection| store::absent(conn, &tenant, delegate, today);
    let ids = app.core.db.transaction::<_, Fault, _>(&tenant, find).await?;
    let mut found = app.facts.look_up(&tenant, ids.iter().copied().collect()).await?.found;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn tell(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    bench: &Bench,
    request: &Request,
    (caller, voice): (&EmployeeFact, Voice),
    waited_for: Vec<rollcall_ids::EmployeeId>,
) -> Result<(), Fault> {
    let Some(said) = request.approval.decisions.last() else { return Ok(()) };
    let data = RequestDecided {
        request_id: request.request_id,
        kind: request.kind,
        employee_id: request.employee_id,
        employee_name: bench.person.name.clone(),
        requested_by: request.approval.requested_by,
        with_employee_id: request.with_employee_id,
        gist: request.gist.clone(),
        level: said.level,
        levels: request.approval.levels,
        verdict: said.verdict,
        status: request.approval.status,
        decided_by: voice.by,
        decided_by_name: caller.name.clone(),
        on_behalf_of: voice.on_behalf_of,
        note: said.note.clone(),
        from: said.from,
        approver_ids: waited_for,
    };
    let (subject, org_id, version) =
        (request.request_id.to_string(), Some(tenant.org_id()), Some(request.approval.version));
    let agreed = said.level == 0 && said.verdict == Verdict::Approved;
    let kind = if agreed { SWAP_ACCEPTED } else { decided(request.kind) };
    outbox.emit(conn, &NewEvent { kind, subject, org_id, version, data: &data })?;
    if request.approval.status == RequestStatus::Pending {
        open::tell(conn, tenant, outbox, bench, request)?;
    }
    Ok(())
}

/// Whether the caller may see a request: by `permission` on the person, or because they may decide it.
pub(crate) async fn may_see(app: &App, at: &InOrg, request: &Request, permission: Permission) -> Result<(), Fault> {
    let bench = bench(app, at, request, app.core.clock.now()).await?;
    if request.is_of(at.member.employee.employee_id) || at.member.may(permission, &bench.person, bench.today) {
        return Ok(());
    }
    let absent = absent(app, at, bench.today).await?;
    match bench.voice(request, Verdict::Approved, &at.member.employee, &absent, true) {
        Ok(_) | Err(Error::NotAccepted) => Ok(()),
        Err(_) => Err(Fault::Forbidden),
    }
}
